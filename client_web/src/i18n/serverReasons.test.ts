import { expect, it } from "vitest";
import { createReasonTranslator } from "./serverReasons";

const german = createReasonTranslator("de");
const chinese = createReasonTranslator("zh");

it("says a phrase with the words of the moment in their places", () => {
  expect(german("no picture for 2 s")).toBe("kein Bild seit 2 s");
  expect(chinese("masks for 9 of 25 pictures a second")).toBe("每秒 25 帧画面中 9 帧有掩膜");
  expect(german("rtsp://camera/one does not answer within 5 s")).toBe("rtsp://camera/one antwortet nicht innerhalb von 5 s");
});

it("looks up what a phrase holds, and each part of a sentence", () => {
  expect(german("outside the body: no masks")).toBe("außerhalb des Körpers: keine Masken");
  expect(german("worker lost (killed by SIGKILL), restarting")).toBe("Rechenprozess verloren (beendet durch SIGKILL), startet neu");
  expect(german("view poor: dark; masks for 9 of 25 pictures a second")).toBe(
    "schlechte Sicht: dunkel; Masken für 9 von 25 Bildern je Sekunde",
  );
});

it("takes the phrase that says most", () => {
  expect(german("other imaging than white light: not validated")).toBe("kein Weißlicht: dafür nicht geprüft");
  expect(german("cam cannot be reached: nothing listens at that host and port")).toContain("dort nimmt niemand");
  expect(german("/dev/video0 is not there; plug the capture device in (ls /dev/video* lists them)")).toMatch(/^\/dev\/video0 fehlt/);
});

it("leaves what it does not know as it came, and nothing as nothing", () => {
  expect(german("out of memory; no picture for 2 s")).toBe("out of memory; kein Bild seit 2 s");
  expect(chinese("")).toBe("");
});
