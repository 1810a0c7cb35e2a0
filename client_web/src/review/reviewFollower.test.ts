import { beforeEach, describe, expect, it } from "vitest";
import { ApiError, UnreachableError } from "../errors";
import { FakeTime } from "../testing/fakeTime";
import type { PartSpan, Review, Timeline } from "./reviewApi";
import { POLL_MS, ReviewFollower } from "./reviewFollower";

function reviewOf(id: string, changes: Partial<Review> = {}): Review {
  return {
    id,
    file: "/videos/a.mp4",
    label: "a.mp4",
    state: "computing",
    reason: "",
    codec: "avc1.42c01e",
    isReencoded: false,
    parts: 2,
    isComplete: false,
    toPts: 180_000,
    computedToPts: 90_000,
    ...changes,
  };
}

describe("ReviewFollower", () => {
  let time: FakeTime;
  let heard: string[];
  let reviews: Map<string, Review>;
  let isAway: boolean;
  let opened: string[];
  let follower: ReviewFollower;

  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  const spans = (first: number, parts: number): PartSpan[] =>
    Array.from({ length: parts - first }, (_, i) => ({ fromPts: (first + i) * 90_000, toPts: (first + i + 1) * 90_000 }));
  const timeline: Timeline = { stretches: [], findings: [], computedToPts: 90_000 };

  function find(id: string): Promise<Review> {
    if (isAway) return Promise.reject(new UnreachableError("no answer"));
    const review = reviews.get(id);
    return review === undefined
      ? Promise.reject(new ApiError(404, "review_not_found", "no review has this id"))
      : Promise.resolve(review);
  }

  async function pass(): Promise<void> {
    time.advance(POLL_MS);
    await settle();
  }

  beforeEach(() => {
    time = new FakeTime();
    heard = [];
    opened = [];
    isAway = false;
    reviews = new Map([["old", reviewOf("old")]]);
    const api = {
      get: find,
      open: (file: string) => {
        opened.push(file);
        reviews.set("new", reviewOf("new"));
        return find("new");
      },
      parts: async (id: string, first: number) => spans(first, (await find(id)).parts),
      timeline: () => Promise.resolve(timeline),
    };
    const listener = {
      onReview: (review: Review) => void heard.push(`review ${review.id}`),
      onParts: (first: number, list: readonly PartSpan[]) => void heard.push(`parts ${first}+${list.length}`),
      onTimeline: () => void heard.push("timeline"),
      onReopened: (review: Review) => void heard.push(`reopened ${review.id}`),
      onTrouble: (error: unknown) => {
        if (error !== null) heard.push("trouble");
      },
    };
    follower = new ReviewFollower(api, "old", listener, time);
  });

  it("tells what is new, once", async () => {
    follower.start();
    await settle();
    expect(heard).toEqual(["review old", "parts 0+2", "timeline"]);
    await pass();
    expect(heard.slice(3)).toEqual(["review old"]);
    reviews.set("old", reviewOf("old", { parts: 3 }));
    await pass();
    expect(heard.slice(4)).toEqual(["review old", "parts 2+1"]);
  });

  it("says that the server is away, and begins the review anew when it is back without it", async () => {
    follower.start();
    await settle();
    isAway = true;
    await pass();
    expect(heard.at(-1)).toBe("trouble");
    reviews.clear();
    isAway = false;
    heard = [];
    await pass();
    expect(opened).toEqual(["/videos/a.mp4"]);
    expect(heard).toEqual(["reopened new", "review new", "parts 0+2", "timeline"]);
  });

  it("does not begin a review of which it knows nothing, and asks no more", async () => {
    reviews.clear();
    follower.start();
    await settle();
    expect(heard).toEqual(["trouble"]);
    await pass();
    expect(heard).toEqual(["trouble"]);
    expect(opened).toEqual([]);
  });

  it("asks nothing once the page is gone", async () => {
    follower.start();
    follower.dispose();
    await settle();
    await pass();
    expect(heard).toEqual([]);
  });
});
