import { afterEach, describe, expect, it } from "vitest";
import { inLanguage, setLanguage, strings } from "../strings";
import { de } from "./de";
import { en } from "./en";
import { chooseLanguage, LANGUAGES, loadLanguage, saveLanguage } from "./language";
import { zh } from "./zh";

afterEach(() => setLanguage("en"));

describe("the language", () => {
  it("is the one chosen, else the browser's first that is known, else English", () => {
    expect(chooseLanguage("de", ["zh-CN"])).toBe("de");
    expect(chooseLanguage(null, ["fr-FR", "zh-Hans-CN", "de"])).toBe("zh");
    expect(chooseLanguage(null, ["fr"])).toBe("en");
    expect(chooseLanguage("klingon", [])).toBe("en");
  });

  it("is kept in this browser", () => {
    let kept: string | null = null;
    saveLanguage({ setItem: (_key, value) => (kept = value) }, "zh");
    expect(loadLanguage({ getItem: () => kept }, ["de"])).toBe("zh");
  });

  it("changes what is read from then on", () => {
    setLanguage("de");
    expect(strings.sessions).toBe(de.sessions);
    expect(inLanguage({ en: "a", de: "b", zh: "c" })).toBe("b");
  });
});

/** Every plain text of a catalogue by its path. */
function textsOf(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => textsOf(inner, `${path}.${key}`));
}

/** Names and addresses are the same in every language. */
const SAME = [".product", ".targetPlaceholders", ".keyNames"];
const BORROWED = { de: [".name", ".tokenLabel"], zh: [] as string[] };

describe("the translations", () => {
  it.each(["de", "zh"] as const)("leave no English text in %s", (language) => {
    const english = new Map(textsOf(en));
    const left = textsOf({ de, zh }[language])
      .filter(([path, text]) => text !== "" && text === english.get(path))
      .map(([path]) => path)
      .filter((path) => ![...SAME, ...BORROWED[language]].some((same) => path.startsWith(same)));
    expect(left).toEqual([]);
  });

  it.each(LANGUAGES)("say in %s what this is not", (language) => {
    const texts = { en, de, zh }[language];
    expect(texts.notMedical.length).toBeGreaterThan(4);
    expect(texts.aiReason("late", "masks come too late to be shown")).toBe(texts.aiReason("late", ""));
    expect(texts.aiReason("failed", "out of memory")).toBe("out of memory");
    const both = texts.aiReason("active", "view poor: dark; instrument in view").split("; ");
    expect(both).toEqual(["view poor: dark", "instrument in view"].map((each) => texts.aiReason("active", each)));
  });
});
