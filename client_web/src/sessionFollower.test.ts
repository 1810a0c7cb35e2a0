import { beforeEach, describe, expect, it, vi } from "vitest";
import { parseSession, type Session } from "./api";
import { UnreachableError } from "./errors";
import { LOOK_EVERY_MS, SessionFollower } from "./sessionFollower";
import { FakeTime } from "./testing/fakeTime";

function sessionOf(id: string, name = "Room 1", label = "demo"): Session {
  return parseSession({
    id,
    name,
    source: { kind: "demo", label },
    source_state: "playing",
    source_reason: "",
    ai_state: "active",
    ai_reason: "",
    viewers: 0,
  });
}

describe("SessionFollower", () => {
  let time: FakeTime;
  let gone: string[];
  let names: string[];
  let lists: (Session[] | Error)[];
  let follower: SessionFollower;

  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

  beforeEach(async () => {
    vi.stubGlobal("document", { title: "" });
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    time = new FakeTime();
    gone = [];
    names = [];
    lists = [];
    const api = {
      getSession: () => Promise.resolve(sessionOf("old")),
      listSessions: () => {
        const next = lists.shift() ?? [];
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
    };
    follower = new SessionFollower(api, "old", (name) => names.push(name), (address) => gone.push(address), time);
    await follower.learn();
    return () => vi.unstubAllGlobals();
  });

  it("tells the session's name", () => {
    expect(names).toEqual(["Room 1"]);
  });

  it("goes where the same room is after a restart, as soon as it is there", async () => {
    lists = [new UnreachableError("no answer"), [sessionOf("x", "Room 2")], [sessionOf("new"), sessionOf("x", "Room 2")]];
    follower.follow();
    await settle();
    for (let i = 0; i < 2; i++) {
      time.advance(LOOK_EVERY_MS);
      await settle();
    }
    expect(gone).toEqual(["#/session/new"]);
    expect(time.timersWaiting).toBe(0);
  });

  it("goes nowhere while two sessions could be meant", async () => {
    lists = [[sessionOf("a"), sessionOf("b")]];
    follower.follow();
    await settle();
    expect(gone).toEqual([]);
  });

  it("stops looking when the page is left", async () => {
    follower.follow();
    await settle();
    follower.dispose();
    expect(time.timersWaiting).toBe(0);
    follower.follow();
    await settle();
    expect(time.timersWaiting).toBe(0);
  });
});
