/** The form that starts a session. */
import type { Api, NewSession } from "./api";
import { DeviceList } from "./captureDevices";
import { h } from "./dom";
import { describeError } from "./errors";
import { sharingWords } from "./i18n/sharing";
import { SHARED_KINDS, type Sharing } from "./sharing";
import { inLanguage, strings } from "./strings";

export type SourceKind = keyof typeof strings.sourceKinds;
const KINDS: readonly SourceKind[] = ["demo", "file", "rtsp", "capture", "whip", "frames"];
/** Only these need to be told where the video is. */
const NEEDS_TARGET: readonly SourceKind[] = ["file", "rtsp", "capture"];

/** What the API wants, from what was typed. */
export function newSessionFrom(name: string, kind: SourceKind, target: string, loop: boolean): NewSession {
  const source = NEEDS_TARGET.includes(kind) ? target.trim() : kind;
  return { name: name.trim() || strings.sourceKinds[kind], source, loop: kind === "file" && loop };
}

export function createSessionForm(api: Api, sharing: Sharing, onCreated: (id: string) => void): HTMLFormElement {
  const name = h("input", { name: "name", placeholder: strings.namePlaceholder, maxlength: "80" });
  const kind = h("select", { name: "kind" });
  for (const key of KINDS) kind.append(h("option", { value: key }, strings.sourceKinds[key]));
  const sharedKinds = inLanguage(sharingWords).kinds;
  for (const key of SHARED_KINDS) kind.append(h("option", { value: key }, sharedKinds[key]));
  const target = h("input", { name: "target", spellcheck: "false", autocomplete: "off" });
  const targetName = h("span");
  const targetLabel = h("label", { class: "wide" }, targetName, target);
  const devices = new DeviceList(api, (source) => (target.value = source));
  const loop = h("input", { type: "checkbox", name: "loop" });
  const loopLabel = h("label", { class: "check" }, loop, strings.loop);
  const button = h("button", { type: "submit", class: "primary" }, strings.start);
  const error = h("p", { class: "error", role: "alert" });

  const selected = (): SourceKind => KINDS.find((key) => key === kind.value) ?? "whip";
  const start = async (): Promise<string> => {
    const shared = SHARED_KINDS.find((key) => key === kind.value);
    if (shared !== undefined) return sharing.start(shared, name.value.trim() || sharedKinds[shared]);
    return (await api.createSession(newSessionFrom(name.value, selected(), target.value, loop.checked))).id;
  };
  const adapt = (): void => {
    const current = selected();
    targetLabel.hidden = !NEEDS_TARGET.includes(current);
    target.required = !targetLabel.hidden;
    targetName.textContent = strings.targetLabels[current];
    target.placeholder = strings.targetPlaceholders[current];
    loopLabel.hidden = current !== "file";
    if (current === "capture") void devices.show();
    else devices.hide();
  };
  kind.addEventListener("change", adapt);
  adapt();

  const form = h(
    "form",
    { class: "card new-session" },
    h("h2", {}, strings.newSession),
    h("label", {}, h("span", {}, strings.name), name),
    h("label", {}, h("span", {}, strings.source), kind),
    devices.element,
    targetLabel,
    loopLabel,
    button,
    error,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    error.textContent = "";
    button.disabled = true;
    button.textContent = strings.starting;
    start()
      .then((id) => {
        form.reset();
        adapt();
        onCreated(id);
      })
      .catch((reason: unknown) => (error.textContent = describeError(reason)))
      .finally(() => {
        button.disabled = false;
        button.textContent = strings.start;
      });
  });
  return form;
}
