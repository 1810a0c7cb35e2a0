/** How the picture is shown: chosen beside the picture, seen at once, kept in this browser. */
import { h } from "./dom";
import { LANGUAGE_NAMES, LANGUAGES, LANGUAGE_TAGS, saveLanguage, type Language } from "./i18n/language";
import type { ViewSettings } from "./overlayProtocol";
import { LINE_WIDTHS, OPACITIES, OVERLAY_COLORS, OVERLAY_STYLES, VIEW_LAYOUTS } from "./overlayLook";
import { currentLanguage, setLanguage, strings } from "./strings";
import { changeLook } from "./viewSettings";

export class ViewDialog {
  readonly element: HTMLDialogElement;
  private readonly choices: Choice[];

  constructor(
    private settings: ViewSettings,
    onChange: (settings: ViewSettings) => void,
    onLanguage: () => void,
    isLive = true,
  ) {
    const texts = strings.viewSettings;
    const look = (change: Parameters<typeof changeLook>[1]): void => onChange(changeLook(this.settings, change));
    this.choices = [
      choice(texts.style, OVERLAY_STYLES, strings.style, (s) => s.look.style, (style) => look({ style })),
      choice(texts.color, OVERLAY_COLORS, strings.color, (s) => s.look.color, (color) => look({ color })),
      choice(texts.width, LINE_WIDTHS, strings.width, (s) => s.look.width, (width) => look({ width })),
      choice(texts.opacity, OPACITIES, strings.percent, (s) => s.look.opacity, (opacity) => look({ opacity })),
      choice(texts.layout, VIEW_LAYOUTS, strings.layout, (s) => s.layout, (layout) => onChange({ ...this.settings, layout })),
    ];
    if (isLive) this.choices.push(
      choice(texts.mode, ["exact", "live"], strings.mode, (s) => s.mode, (mode) => onChange({ ...this.settings, mode })),
      choice(texts.chime, ["off", "on"], strings.chime, (s) => (s.chime ? "on" : "off"), (chime) => onChange({ ...this.settings, chime: chime === "on" })),
    );
    const close = h("button", { type: "button", class: "primary" }, strings.close);
    this.element = h(
      "dialog",
      { class: "card beside", "aria-label": strings.viewTitle },
      h("h2", {}, strings.viewTitle),
      ...this.choices.map((one) => one.element),
      createLanguageChoice(onLanguage),
      close,
    );
    close.addEventListener("click", () => this.element.close());
    this.show(settings);
  }

  open(): void {
    this.element.showModal();
  }

  show(settings: ViewSettings): void {
    this.settings = settings;
    for (const one of this.choices) one.show(settings);
  }
}

/** The language of this browser's pages; also on the list of sessions. */
export function createLanguageChoice(onLanguage: () => void): HTMLElement {
  const select = h("select", { name: "language" });
  for (const language of LANGUAGES) {
    const attributes = { value: language, lang: LANGUAGE_TAGS[language], selected: language === currentLanguage() };
    select.append(h("option", attributes, LANGUAGE_NAMES[language]));
  }
  select.addEventListener("change", () => {
    const chosen: Language = LANGUAGES.find((language) => language === select.value) ?? "en";
    saveLanguage(localStorage, chosen);
    setLanguage(chosen);
    onLanguage();
  });
  return h("label", {}, h("span", {}, strings.viewSettings.language), select);
}

interface Choice {
  readonly element: HTMLElement;
  readonly show: (settings: ViewSettings) => void;
}

/** One row of buttons of which exactly one is on. */
function choice<T extends string | number>(
  title: string,
  values: readonly T[],
  nameOf: (value: T) => string,
  read: (settings: ViewSettings) => T,
  choose: (value: T) => void,
): Choice {
  const inputs = values.map((value) => {
    const input = h("input", { type: "radio", name: `view-${title}`, value: String(value) });
    input.addEventListener("change", () => choose(value));
    return { value, input };
  });
  const labels = inputs.map(({ value, input }) => h("label", {}, input, h("span", {}, nameOf(value))));
  const element = h("fieldset", { class: "choice" }, h("legend", {}, title), ...labels);
  const show = (settings: ViewSettings): void => {
    for (const { value, input } of inputs) input.checked = value === read(settings);
  };
  return { element, show };
}
