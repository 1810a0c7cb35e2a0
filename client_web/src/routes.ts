/** Which page an address shows. The part before `#` chooses how: `?screen=1` is a screen without any control. */
import { h } from "./dom";
import { createHealthPage } from "./operator/healthPage";
import { createSettingsPage } from "./operator/settingsPage";
import type { Page, PageContext } from "./page";
import { reviewWords } from "./i18n/review";
import { ReviewPage } from "./review/reviewPage";
import { hasDecoder } from "./review/webDecoder";
import { createSessionListPage } from "./sessionListPage";
import { inLanguage, strings } from "./strings";
import { ViewerPage } from "./viewerPage";
import { createWallPage } from "./wallPage";

interface Route {
  readonly pattern: RegExp;
  readonly create: (context: PageContext, match: readonly string[]) => Page;
}

/** The first that fits counts; the list of sessions is for all the rest. */
const ROUTES: readonly Route[] = [
  { pattern: /^#\/session\/([^/]+)$/, create: (context, [, id = ""]) => createViewer(context, decodeURIComponent(id)) },
  { pattern: /^#\/review\/([^/]+)$/, create: (context, [, id = ""]) => createReview(context, decodeURIComponent(id)) },
  { pattern: /^#\/health$/, create: (context) => createHealthPage(context) },
  { pattern: /^#\/settings$/, create: (context) => createSettingsPage(context) },
  { pattern: /^#\/wall$/, create: (context) => (hasWebRtc() ? createWallPage(context) : createNotice()) },
];

export function createPageFor(hash: string, context: PageContext): Page {
  for (const { pattern, create } of ROUTES) {
    const match = pattern.exec(hash);
    if (match !== null) return create(context, match);
  }
  return createSessionListPage(context);
}

function createReview(context: PageContext, reviewId: string): Page {
  return hasDecoder(window) ? new ReviewPage(context, reviewId) : createNotice(inLanguage(reviewWords).noDecoder);
}

function createViewer({ api, token, onUnauthorized, onLanguage }: PageContext, sessionId: string): Page {
  if (!hasWebRtc()) return createNotice();
  const isScreen = isSecondScreen(location.search);
  return new ViewerPage({ api, sessionId, token: token(), isScreen, onUnauthorized, onLanguage });
}

export function isSecondScreen(search: string): boolean {
  return new URLSearchParams(search).get("screen") === "1";
}

function hasWebRtc(): boolean {
  return typeof RTCPeerConnection !== "undefined";
}

function createNotice(text: string = strings.noWebRtc): Page {
  const element = h("main", { class: "centered" }, h("h1", {}, strings.product), h("p", {}, text));
  return { element, dispose: () => undefined };
}
