/** On the list of sessions: the videos under review, and how another one is opened. */
import type { Api } from "../api";
import { askYesNo } from "../confirmDialog";
import { h, setText } from "../dom";
import { describeError } from "../errors";
import { reviewWords } from "../i18n/review";
import { asArray, asObject } from "../json";
import { Polling } from "../panels/polling";
import { inLanguage, strings } from "../strings";
import { ReviewApi, parseReview, reviewAddress, reviewPath, type Review } from "./reviewApi";

const POLL_MS = 2000;

export interface ReviewSection {
  readonly element: HTMLElement;
  dispose(): void;
}

export function createReviewSection(
  api: Api,
  go: (address: string) => void = (address) => (location.hash = address),
): ReviewSection {
  const words = inLanguage(reviewWords);
  const list = h("ul", { class: "sessions reviews" });
  const title = h("h2", { hidden: true }, words.list);
  const file = h("input", { name: "file", required: true, spellcheck: "false", autocomplete: "off", placeholder: strings.targetPlaceholders.file });
  const button = h("button", { type: "submit", class: "primary" }, words.open);
  const error = h("p", { class: "error", role: "alert" });
  const form = h(
    "form",
    { class: "card new-session new-review" },
    h("h2", {}, words.title),
    h("p", { class: "quiet wide" }, words.hint),
    h("label", { class: "wide" }, h("span", {}, words.file), file),
    button,
    error,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    setText(error, "");
    button.disabled = true;
    setText(button, words.opening);
    new ReviewApi(api)
      .open(file.value.trim())
      .then((review) => go(reviewAddress(review.id)))
      .catch((reason: unknown) => setText(error, describeError(reason)))
      .finally(() => {
        button.disabled = false;
        setText(button, words.open);
      });
  });
  const show = (reviews: readonly Review[]): void => {
    title.hidden = reviews.length === 0;
    const key = JSON.stringify(reviews.map(({ id, state }) => [id, state]));
    if (key === list.dataset["shown"]) return;
    list.dataset["shown"] = key;
    list.replaceChildren(...reviews.map((review) => rowOf(api, review, (reason) => setText(error, describeError(reason)))));
  };
  const polling = new Polling({
    ask: async () => asArray(asObject(await api.getJson("/v1/reviews"), "answer")["reviews"], "reviews").map(parseReview),
    onAnswer: show,
    // The list of sessions meets the same trouble and tells it.
    onError: () => undefined,
    intervalMs: POLL_MS,
  });
  polling.start();
  return { element: h("section", {}, title, list, form), dispose: () => polling.end() };
}

function rowOf(api: Api, review: Review, complain: (reason: unknown) => void): HTMLElement {
  const words = inLanguage(reviewWords);
  const end = h("button", { type: "button", class: "quiet" }, words.end);
  const row = h(
    "li",
    { "data-review": review.id },
    h(
      "a",
      { class: "session-open", href: reviewAddress(review.id) },
      h("span", { class: "session-title" }, h("span", { class: "session-name" }, review.label)),
    ),
    end,
  );
  end.addEventListener("click", () => {
    void askYesNo(words.confirmEnd(review.label), words.end)
      .then(async (isSure) => {
        if (!isSure) return;
        await api.deleteResource(reviewPath(review.id));
        row.remove();
      })
      .catch(complain);
  });
  return row;
}
