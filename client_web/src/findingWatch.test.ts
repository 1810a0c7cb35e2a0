import { expect, it } from "vitest";
import { FindingWatch, MAX_NEW_REVISION } from "./findingWatch";

it("counts each new finding once, whatever is told of it later", () => {
  const watch = new FindingWatch();
  watch.note("f1", 1);
  watch.note("f1", 2);
  watch.note("f2", MAX_NEW_REVISION);
  watch.note("f2", 90);
  expect(watch.newFindings).toBe(2);
});

it("takes no finding for new that was there before the page", () => {
  const watch = new FindingWatch();
  watch.note("f7", 40);
  watch.note("f7", 41);
  expect(watch.newFindings).toBe(0);
});

it("forgets the oldest only", () => {
  const watch = new FindingWatch();
  for (let i = 0; i < 1500; i++) watch.note(`f${i}`, 1);
  watch.note("f1499", 2);
  expect(watch.newFindings).toBe(1500);
});
