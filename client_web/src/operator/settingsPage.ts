/** What the service runs with and where each value comes from. Secrets are never shown. */
import { h, setText } from "../dom";
import { ApiError, describeError } from "../errors";
import { operatorWords, type OperatorWords } from "../i18n/operator";
import { asArray, asObject, stringField } from "../json";
import type { Page, PageContext } from "../page";
import { createPageHeader } from "../pageHeader";
import { inLanguage } from "../strings";

interface Setting {
  readonly variable: string;
  readonly value: string;
  /** `default`, `command line`, the variable that sets it, or the file it stands in. */
  readonly origin: string;
  readonly description: string;
  /** Changed since the start, and not in force before a restart. */
  readonly isWaiting: boolean;
}

export function parseSettings(value: unknown): Setting[] {
  return asArray(asObject(value, "answer")["settings"], "settings").map((item) => {
    const setting = asObject(item, "setting");
    return {
      variable: stringField(setting, "variable"),
      value: stringField(setting, "value"),
      origin: stringField(setting, "origin"),
      description: stringField(setting, "description"),
      isWaiting: setting["is_waiting"] === true,
    };
  });
}

export function createSettingsPage({ api, onUnauthorized, onLanguage }: PageContext): Page {
  const words = inLanguage(operatorWords);
  const note = h("p", { class: "note", role: "status" });
  const body = h("tbody");
  const onlyChanged = h("input", { type: "checkbox" });
  let settings: readonly Setting[] = [];

  const show = (): void => {
    const wanted = onlyChanged.checked ? settings.filter((setting) => setting.origin !== "default") : settings;
    body.replaceChildren(...wanted.map((setting) => rowOf(setting, words)));
    setText(note, settings.length > 0 && wanted.length === 0 ? words.none : "");
  };
  onlyChanged.addEventListener("change", show);
  api
    .getJson("/v1/settings")
    .then((answer) => {
      settings = parseSettings(answer);
      show();
    })
    .catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) onUnauthorized();
      else setText(note, describeError(error));
    });
  const columns = [words.setting, words.value, words.source].map((text) => h("th", { scope: "col" }, text));
  const element = h(
    "main",
    { class: "list-page" },
    createPageHeader(onLanguage),
    h("h2", {}, words.settings),
    h("p", {}, words.settingsIntro),
    h("label", { class: "check" }, onlyChanged, words.onlyChanged),
    note,
    h("table", { class: "settings-table" }, h("thead", {}, h("tr", {}, ...columns)), body),
  );
  return { element, dispose: () => undefined };
}

/** In the page's language; a file is named as it is. */
function originText({ origin, variable }: Setting, words: OperatorWords): string {
  if (origin === "default") return words.origins.default;
  if (origin === "command line") return words.origins.command;
  return origin === variable ? words.origins.environment : origin;
}

function rowOf(setting: Setting, words: OperatorWords): HTMLElement {
  const name = h("th", { scope: "row" }, h("code", {}, setting.variable), h("span", { class: "quiet" }, setting.description));
  return h(
    "tr",
    { "data-origin": setting.origin },
    name,
    h(
      "td",
      {},
      h("code", {}, setting.value),
      setting.isWaiting ? h("span", { class: "waiting" }, words.needsRestart) : "",
    ),
    h("td", {}, originText(setting, words)),
  );
}
