/** The list of sessions, asked for every two seconds. */
import type { Session } from "./api";
import { askYesNo } from "./confirmDialog";
import { h, setText } from "./dom";
import { ApiError, describeError, UnreachableError } from "./errors";
import type { Page, PageContext } from "./page";
import { createPageHeader } from "./pageHeader";
import { Polling } from "./panels/polling";
import { createReviewSection } from "./review/reviewSection";
import { createSessionForm } from "./sessionForm";
import { createSharingNotice } from "./sharingNotice";
import { AiChip, SourceChip } from "./stateChip";
import { strings } from "./strings";

const POLL_MS = 2000;

export function viewerAddress(id: string): string {
  return `#/session/${encodeURIComponent(id)}`;
}

export function createSessionListPage({ api, sharing, onUnauthorized, onLanguage }: PageContext): Page {
  const rows = new Map<string, SessionRow>();
  const list = h("ul", { class: "sessions" });
  const notice = createSharingNotice(sharing);
  const reviews = createReviewSection(api);
  const note = h("p", { class: "note", role: "status" }, strings.loading);
  const element = h(
    "main",
    { class: "list-page" },
    createPageHeader(onLanguage),
    notice.element,
    h("h2", {}, strings.sessions),
    list,
    note,
    createSessionForm(api, sharing, () => polling.askNow()),
    reviews.element,
  );

  const update = (sessions: readonly Session[]): void => {
    for (const [id, row] of rows) {
      if (sessions.some((session) => session.id === id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    for (const session of sessions) {
      let row = rows.get(session.id);
      if (row === undefined) {
        row = new SessionRow(session, () => end(session));
        rows.set(session.id, row);
        list.append(row.element);
      }
      row.show(session);
    }
    setText(note, sessions.length === 0 ? strings.noSessions : "");
  };

  const complain = (error: unknown): void => {
    if (error instanceof ApiError && error.status === 401) onUnauthorized();
    else setText(note, error instanceof UnreachableError ? strings.unreachable : describeError(error));
  };

  const polling = new Polling({
    ask: () => api.listSessions(),
    onAnswer: update,
    onError: complain,
    intervalMs: POLL_MS,
  });

  const end = (session: Session): void => {
    void askYesNo(strings.confirmEnd(session.name), strings.end)
      .then((isSure) => (isSure ? api.deleteSession(session.id) : undefined))
      .catch(complain)
      .then(() => polling.askNow());
  };

  polling.start();

  return {
    element,
    dispose: () => {
      notice.dispose();
      polling.end();
      reviews.dispose();
    },
  };
}

class SessionRow {
  readonly element: HTMLElement;
  private readonly name = h("span", { class: "session-name" });
  private readonly source = h("span", { class: "session-source" });
  private readonly sourceChip = new SourceChip();
  private readonly aiChip = new AiChip();
  private readonly viewers = h("span", { class: "session-viewers" });

  constructor(session: Session, onEnd: () => void) {
    const open = h(
      "a",
      { class: "session-open", href: viewerAddress(session.id) },
      h("span", { class: "session-title" }, this.name, this.source),
      this.sourceChip.element,
      this.aiChip.element,
      this.viewers,
    );
    const end = h("button", { type: "button", class: "quiet" }, strings.end);
    end.addEventListener("click", onEnd);
    this.element = h("li", { "data-session": session.id }, open, end);
  }

  show(session: Session): void {
    setText(this.name, session.name);
    setText(this.source, describeSource(session));
    this.sourceChip.show(session.sourceState, strings.sourceReason(session.sourceReason, session.sourceRetry));
    this.aiChip.show(session.aiState, session.aiReason);
    setText(this.viewers, strings.viewers(session.viewers));
  }
}

/** Kind, label and, once known, the size of the picture. */
export function describeSource(session: Session): string {
  const size = session.videoSize === null ? "" : `${session.videoSize.width} × ${session.videoSize.height}`;
  const hint =
    session.sourceKind === "whip" && session.videoSize === null
      ? strings.whipHint(`/v1/sessions/${session.id}/whip`)
      : session.sourceKind === "frames" && session.videoSize === null
        ? strings.framesHint(`/v1/sessions/${session.id}/frames`)
        : "";
  const parts = [session.sourceKind, session.sourceLabel, size, hint];
  return parts.filter((part, index) => part !== "" && parts.indexOf(part) === index).join(" · ");
}
