import { expect, it } from "vitest";
import { parseSettings } from "./settingsPage";

const setting = {
  name: "worker.threads",
  variable: "SALI_WORKER__THREADS",
  value: "0",
  origin: "default",
  description: "CPU threads",
  applies: "restart",
};

it("tells which settings were changed and need a restart", () => {
  const answer = { settings: [{ ...setting, is_waiting: true }, { ...setting, is_waiting: false }] };
  expect(parseSettings(answer).map(({ isWaiting }) => isWaiting)).toEqual([true, false]);
});

it("takes the answer of an older service, which tells nothing of it", () => {
  expect(parseSettings({ settings: [setting] })[0]?.isWaiting).toBe(false);
});
