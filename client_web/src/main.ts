/** Starts the page and routes by the address's fragment. */
import "./style.css";
import { Api } from "./api";
import { h } from "./dom";
import type { Page } from "./page";
import { createSessionListPage } from "./sessionListPage";
import { strings } from "./strings";
import { createTokenPage } from "./tokenPage";
import { createTokenStore } from "./token";
import { ViewerPage } from "./viewerPage";

const tokens = createTokenStore(sessionStorage);
const api = new Api(tokens);
let current: Page | null = null;

function show(create: () => Page): void {
  current?.dispose();
  document.title = strings.product;
  current = create();
  document.body.replaceChildren(current.element);
}

function askForToken(): void {
  show(() => createTokenPage(tokens, route));
}

function route(): void {
  const id = /^#\/session\/([^/]+)$/.exec(location.hash)?.[1];
  if (id === undefined) {
    show(() => createSessionListPage(api, askForToken));
  } else if (typeof RTCPeerConnection === "undefined") {
    show(() => ({ element: h("main", { class: "centered" }, strings.noWebRtc), dispose: () => undefined }));
  } else {
    const sessionId = decodeURIComponent(id);
    show(() => new ViewerPage({ api, sessionId, token: tokens.get(), onUnauthorized: askForToken }));
  }
}

window.addEventListener("hashchange", route);
route();
