/** The capture devices of the server, to choose one instead of typing its path (`GET /v1/devices`, docs/protocol.md). */
import type { Api } from "./api";
import { h, setText } from "./dom";
import { describeError } from "./errors";
import { deviceWords } from "./i18n/devices";
import { asArray, asObject, countField, stringField } from "./json";
import { inLanguage } from "./strings";

/** One way to take pictures from a device. */
export interface DeviceChoice {
  /** As the API wants it. */
  readonly source: string;
  readonly label: string;
}

export interface CaptureDevices {
  readonly choices: readonly DeviceChoice[];
  /** What is wrong with devices that cannot be used. */
  readonly problems: readonly string[];
}

/** Each device as its driver likes it, then every format at its largest. */
export function parseDevices(value: unknown): CaptureDevices {
  const words = inLanguage(deviceWords);
  const choices: DeviceChoice[] = [];
  const problems: string[] = [];
  for (const item of asArray(asObject(value, "answer")["devices"], "devices")) {
    const device = asObject(item, "device");
    const path = stringField(device, "path");
    const name = stringField(device, "name") || path;
    const problem = stringField(device, "problem");
    if (problem !== "") {
      problems.push(`${name}: ${problem}`);
      continue;
    }
    const source = stringField(device, "stable_path") || path;
    choices.push({ source, label: `${name} · ${words.driversChoice}` });
    for (const form of asArray(device["formats"], "formats")) {
      const largest = largestOf(form);
      if (largest !== null) choices.push({ source: `${source}?${largest.options}`, label: `${name} · ${largest.label}` });
    }
  }
  return { choices, problems };
}

/** The server tells the largest size, and the most pictures a second, first. */
function largestOf(value: unknown): { readonly options: string; readonly label: string } | null {
  const form = asObject(value, "format");
  const format = stringField(form, "format");
  const [first] = asArray(form["sizes"], "sizes");
  if (format === "" || first === undefined) return null;
  const size = asObject(first, "size");
  const [width, height] = [countField(size, "width"), countField(size, "height")];
  const [fps] = asArray(size["fps"], "fps");
  const rate = typeof fps === "number" ? Math.round(fps * 100) / 100 : null;
  const options = `size=${width}x${height}${rate === null ? "" : `&fps=${rate}`}&format=${format}`;
  const label = `${width} × ${height}${rate === null ? "" : ` · ${rate}/s`} · ${format}`;
  return { options, label };
}

/** A list of the devices found, asked for when it is shown; what is chosen can still be changed by hand. */
export class DeviceList {
  readonly element: HTMLElement;
  private readonly words = inLanguage(deviceWords);
  private readonly select = h("select", { name: "device" });
  private readonly note = h("p", { class: "quiet", role: "status" });

  constructor(
    private readonly api: Pick<Api, "getJson">,
    private readonly onChoose: (source: string) => void,
  ) {
    const label = h("label", {}, h("span", {}, this.words.found), this.select);
    this.element = h("div", { class: "wide device-list" }, label, this.note);
    this.element.hidden = true;
    this.select.addEventListener("change", () => this.choose());
  }

  hide(): void {
    this.element.hidden = true;
  }

  async show(): Promise<void> {
    this.element.hidden = false;
    this.fill([]);
    setText(this.note, this.words.looking);
    try {
      const { choices, problems } = parseDevices(await this.api.getJson("/v1/devices"));
      this.fill(choices);
      setText(this.note, [choices.length === 0 ? this.words.none : "", ...problems].filter(Boolean).join(" "));
    } catch (error) {
      setText(this.note, describeError(error));
    }
    this.choose();
  }

  private fill(choices: readonly DeviceChoice[]): void {
    this.select.replaceChildren(...choices.map(({ source, label }) => h("option", { value: source }, label)));
    this.select.disabled = choices.length === 0;
  }

  private choose(): void {
    if (!this.element.hidden && this.select.value !== "") this.onChoose(this.select.value);
  }
}
