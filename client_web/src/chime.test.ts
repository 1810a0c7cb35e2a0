import { beforeEach, expect, it, vi } from "vitest";
import { Chime } from "./chime";

let played: number;
let chime: Chime;

beforeEach(() => {
  played = 0;
  chime = new Chime();
  vi.spyOn(chime, "play").mockImplementation(() => {
    played++;
  });
});

it("sounds once for a new finding", () => {
  chime.follow(0, true);
  chime.follow(1, true);
  chime.follow(1, true);
  chime.follow(3, true);
  expect(played).toBe(2);
});

it("does not sound for what was found before it listened, nor while it is off", () => {
  chime.follow(4, true);
  chime.follow(5, false);
  chime.follow(5, true);
  expect(played).toBe(0);
});
