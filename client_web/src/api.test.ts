import { describe, expect, it } from "vitest";
import { Api, parseSession } from "./api";
import { ApiError, MessageError, UnreachableError } from "./errors";
import { createTokenStore } from "./token";

const session = {
  id: "k3f9x2",
  name: "Room 1",
  source: { kind: "demo", label: "phantom" },
  source_state: "playing",
  source_reason: "",
  ai_state: "active",
  ai_reason: "",
  created_at: "2026-01-01T12:00:00Z",
  video: { width: 640, height: 480, fps: 25, codec: "h264" },
  viewers: 1,
  counters: { frames_received: 1200, frames_masked: 1190, drops: { mailbox: 10 } },
};

class MemoryStorage {
  private readonly items = new Map<string, string>();
  getItem = (key: string): string | null => this.items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.items.set(key, value);
  removeItem = (key: string): void => void this.items.delete(key);
}

/** An API whose server gives one answer and remembers what it was asked. */
function apiAnswering(answer: () => Response | Promise<Response>, token: string | null = null) {
  const asked: { path: string; init: RequestInit }[] = [];
  const tokens = createTokenStore(new MemoryStorage());
  if (token !== null) tokens.set(token);
  const api = new Api(tokens, async (path, init) => {
    asked.push({ path, init });
    return answer();
  });
  return { api, asked, tokens };
}

const problem = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("Api", () => {
  it("lists sessions", async () => {
    const { api, asked } = apiAnswering(() => Response.json({ sessions: [session, { ...session, video: null }] }));
    const sessions = await api.listSessions();
    expect(asked[0]).toMatchObject({ path: "/v1/sessions", init: { method: "GET", credentials: "omit" } });
    expect(sessions.map((one) => one.videoSize)).toEqual([{ width: 640, height: 480 }, null]);
  });

  it("asks for the region and chooses another", async () => {
    const { api, asked } = apiAnswering(() => Response.json({ mode: "rectangle", rectangle: [10, 20, 300, 200] }));
    expect(await api.getRegion("k3")).toEqual({ mode: "rectangle", rectangle: [10, 20, 300, 200] });
    await api.putRegion("k3", [10, 20, 300, 200]);
    await api.putRegion("k3", "auto");
    expect(asked.map(({ path, init }) => [init.method, path, init.body])).toEqual([
      ["GET", "/v1/sessions/k3/region", undefined],
      ["PUT", "/v1/sessions/k3/region", '{"region":[10,20,300,200]}'],
      ["PUT", "/v1/sessions/k3/region", '{"region":"auto"}'],
    ]);
  });

  it("takes a region that is not known yet, and none that makes no sense", async () => {
    const searching = apiAnswering(() => Response.json({ mode: "auto", rectangle: null }));
    expect(await searching.api.getRegion("k3")).toEqual({ mode: "auto", rectangle: null });
    const broken = apiAnswering(() => Response.json({ mode: "auto", rectangle: [1, 2, 3] }));
    expect(await failure(broken.api.getRegion("k3"))).toBeInstanceOf(MessageError);
  });

  it("sends the token as a bearer and never in the address", async () => {
    const { api, asked } = apiAnswering(() => Response.json(session), "secret");
    await api.getSession("a/b");
    expect(asked[0]!.path).toBe("/v1/sessions/a%2Fb");
    expect(asked[0]!.init.headers).toMatchObject({ Authorization: "Bearer secret" });
  });

  it("creates, resets and ends sessions", async () => {
    const { api, asked } = apiAnswering(() => Response.json(session, { status: 201 }));
    await api.createSession({ name: "Room 1", source: "demo", loop: false });
    await api.resetSession("k3");
    await api.deleteSession("k3");
    expect(asked.map(({ path, init }) => `${init.method} ${path}`)).toEqual([
      "POST /v1/sessions",
      "POST /v1/sessions/k3/reset",
      "DELETE /v1/sessions/k3",
    ]);
    expect(JSON.parse(asked[0]!.init.body as string)).toEqual({ name: "Room 1", source: "demo", loop: false });
  });

  it.each(["/v1/sessions/k3/whep/v81m2a", "http://host:8000/v1/sessions/k3/whep/v81m2a"])(
    "takes the resource from the location %s and keeps to its own origin",
    async (location) => {
      const { api, asked } = apiAnswering(() => new Response("answer", { status: 201, headers: { Location: location } }));
      expect(await api.offer("/v1/sessions/k3/whep", "offer")).toEqual({
        answer: "answer",
        id: "v81m2a",
        resource: "/v1/sessions/k3/whep/v81m2a",
      });
      expect(asked[0]!.init).toMatchObject({ body: "offer", headers: { "Content-Type": "application/sdp" } });
    },
  );

  it("refuses an answer without a resource", async () => {
    const { api } = apiAnswering(() => new Response("answer", { status: 201 }));
    expect(await failure(api.offer("/v1/sessions/k3/whep", "offer"))).toBeInstanceOf(MessageError);
  });

  it("turns a problem document into an error with code, line and waiting time", async () => {
    const body = { title: "No video", detail: "the source has no video yet", code: "source_not_ready" };
    const { api } = apiAnswering(() => problem(409, body, { "Retry-After": "1" }));
    const error = await failure(api.offer("/v1/sessions/k3/whep", "offer"));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, code: "source_not_ready", retryAfterMs: 1000 });
    expect((error as Error).message).toBe("the source has no video yet");
  });

  it("makes one line of what is no problem document", async () => {
    const { api } = apiAnswering(() => problem(502, "<html>Bad gateway</html>"));
    expect(await failure(api.listSessions())).toMatchObject({
      message: "the server answered 502",
      retryAfterMs: null,
    });
  });

  it("tells a silent server from one that refuses", async () => {
    const { api } = apiAnswering(() => Promise.reject(new TypeError("fetch failed")));
    expect(await failure(api.listSessions())).toBeInstanceOf(UnreachableError);
  });

  it("refuses a body that is not what the protocol says", async () => {
    expect(await failure(apiAnswering(() => new Response("{}")).api.listSessions())).toBeInstanceOf(MessageError);
    expect(await failure(apiAnswering(() => new Response("x")).api.listSessions())).toBeInstanceOf(MessageError);
    expect(() => parseSession({ ...session, ai_state: "fine" })).toThrow("ai_state");
  });
});

it("reads the next attempt to connect a source", () => {
  expect(parseSession(session).sourceRetry).toBeNull();
  expect(parseSession({ ...session, source_retry: { attempt: 2, in_s: 5 } }).sourceRetry).toEqual({ attempt: 2, in_s: 5 });
  expect(() => parseSession({ ...session, source_retry: { attempt: 0, in_s: 5 } })).toThrow(MessageError);
});
