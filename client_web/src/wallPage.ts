/** Every session at once, small, for those who look after the rooms: pictures, states, no controls. */
import type { Session } from "./api";
import { h, setText } from "./dom";
import { ApiError, describeError, UnreachableError } from "./errors";
import type { Page, PageContext } from "./page";
import { createPageHeader } from "./pageHeader";
import { viewerAddress } from "./sessionListPage";
import { Polling } from "./panels/polling";
import { SessionView } from "./sessionView";
import { AiChip, SourceChip } from "./stateChip";
import { strings } from "./strings";
import { initialSettings } from "./viewSettings";

/** Each picture is decoded in this browser: more of them than this would stutter on an ordinary computer. */
export const MAX_PICTURES = 9;
const POLL_MS = 2000;

export function createWallPage(context: PageContext): Page {
  const tiles = new Map<string, WallTile>();
  const wall = h("ul", { class: "wall" });
  const note = h("p", { class: "note", role: "status" }, strings.loading);
  const element = h("main", { class: "wall-page" }, createPageHeader(context.onLanguage), wall, note);

  const remove = (id: string, tile: WallTile): void => {
    tile.dispose();
    tiles.delete(id);
  };

  const update = (sessions: readonly Session[]): void => {
    for (const [id, tile] of tiles) if (!sessions.some((session) => session.id === id)) remove(id, tile);
    for (const session of sessions) {
      let tile = tiles.get(session.id);
      if (tile === undefined) {
        const pictures = [...tiles.values()].filter((other) => other.hasPicture).length;
        tile = new WallTile(session, context, pictures < MAX_PICTURES);
        tiles.set(session.id, tile);
        wall.append(tile.element);
      }
      tile.show(session);
    }
    wall.dataset["columns"] = String(columnsFor(tiles.size));
    setText(note, noteFor(tiles.size));
  };

  const polling = new Polling({
    ask: () => context.api.listSessions(),
    onAnswer: update,
    onError: (error) => {
      if (error instanceof ApiError && error.status === 401) context.onUnauthorized();
      else setText(note, error instanceof UnreachableError ? strings.unreachable : describeError(error));
    },
    intervalMs: POLL_MS,
  });
  polling.start();

  return {
    element,
    dispose: () => {
      polling.end();
      for (const [id, tile] of tiles) remove(id, tile);
    },
  };
}

/** As square a wall as can be, at most four wide. */
export function columnsFor(count: number): number {
  return Math.min(4, Math.max(1, Math.ceil(Math.sqrt(count))));
}

function noteFor(count: number): string {
  if (count === 0) return strings.noRooms;
  return count > MAX_PICTURES ? strings.roomsWithoutVideo(MAX_PICTURES) : "";
}

/** One room: a link to its page, the picture if there is room for it, and its states. */
class WallTile {
  readonly element: HTMLElement;
  private readonly name = h("span", { class: "name" });
  private readonly aiChip = new AiChip();
  private readonly sourceChip = new SourceChip();
  private readonly view: SessionView | null;

  constructor(session: Session, { api, token, onUnauthorized }: PageContext, withPicture: boolean) {
    this.view = withPicture
      ? new SessionView({
          api,
          sessionId: session.id,
          token: token(),
          settings: initialSettings,
          onReport: ({ aiState, aiReason }) => this.aiChip.show(aiState, aiReason),
          onUnauthorized,
          // The list, asked for anew, takes the tile away.
          onGone: () => undefined,
        })
      : null;
    this.aiChip.show(session.aiState, session.aiReason);
    const states = h("div", { class: "tile-states" }, this.name, this.aiChip.element, this.sourceChip.element);
    const link = h("a", { href: viewerAddress(session.id) }, ...(this.view ? [this.view.element] : []), states);
    this.element = h("li", { "data-session": session.id }, link);
  }

  get hasPicture(): boolean {
    return this.view !== null;
  }

  show(session: Session): void {
    setText(this.name, session.name);
    this.sourceChip.show(session.sourceState, strings.sourceReason(session.sourceReason, session.sourceRetry));
    // Where there is a picture, its own watch is quicker than the list.
    if (this.view === null) this.aiChip.show(session.aiState, session.aiReason);
  }

  dispose(): void {
    this.view?.dispose();
    this.element.remove();
  }
}
