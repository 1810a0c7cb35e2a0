/** The HTTP side of docs/protocol.md. Every request goes to the page's own origin. */
import { ApiError, MessageError, UnreachableError } from "./errors";
import { asArray, asObject, countField, numberList, oneOf, stringField, type JsonObject } from "./json";
import { AI_STATES, SOURCE_STATES, parseRetry, type AiState, type SourceRetry, type SourceState } from "./messages";
import type { Rectangle } from "./pictureGeometry";
import type { TokenStore } from "./token";

const REGION_MODES = ["auto", "full", "rectangle"] as const;

/** The part of the picture that the AI gets; `rectangle` is null while it is looked for. */
export interface Region {
  readonly mode: (typeof REGION_MODES)[number];
  readonly rectangle: Rectangle | null;
}

export type RegionRequest = "auto" | "full" | Rectangle;

export interface Session {
  readonly id: string;
  readonly name: string;
  readonly sourceKind: string;
  readonly sourceLabel: string;
  readonly sourceState: SourceState;
  readonly sourceReason: string;
  readonly sourceRetry: SourceRetry | null;
  readonly aiState: AiState;
  readonly aiReason: string;
  readonly videoSize: { readonly width: number; readonly height: number } | null;
  readonly viewers: number;
}

export interface NewSession {
  readonly name: string;
  /** `demo`, `whip`, `frames`, a file's path, a capture device or an RTSP address. */
  readonly source: string;
  readonly loop: boolean;
}

/** Which video is asked for: the source's own, or with masks drawn in by the server. */
export type Overlay = "clean" | "burned";

/** An SDP answer and the resource that stands for the connection; `id` is the last part of its path. */
export interface OfferAnswer {
  readonly answer: string;
  readonly resource: string;
  readonly id: string;
}

type Fetch = (path: string, init: RequestInit) => Promise<Response>;

export class Api {
  constructor(
    private readonly tokens: TokenStore,
    private readonly fetchIt: Fetch = (path, init) => fetch(path, init),
  ) {}

  async listSessions(): Promise<Session[]> {
    const body = asObject(await this.json("GET", "/v1/sessions"), "answer");
    return asArray(body["sessions"], "sessions").map(parseSession);
  }

  async getSession(id: string): Promise<Session> {
    return parseSession(await this.json("GET", sessionPath(id)));
  }

  async createSession(wanted: NewSession): Promise<Session> {
    return parseSession(await this.json("POST", "/v1/sessions", JSON.stringify(wanted)));
  }

  async deleteSession(id: string): Promise<void> {
    await this.request("DELETE", sessionPath(id));
  }

  async resetSession(id: string): Promise<void> {
    await this.request("POST", `${sessionPath(id)}/reset`);
  }

  async getRegion(id: string): Promise<Region> {
    return parseRegion(await this.json("GET", `${sessionPath(id)}/region`));
  }

  async putRegion(id: string, region: RegionRequest): Promise<Region> {
    return parseRegion(await this.json("PUT", `${sessionPath(id)}/region`, JSON.stringify({ region })));
  }

  /**
   * Post an SDP offer to a WHIP or WHEP endpoint.
   *
   * @throws ApiError, with `retryAfterMs` when the server said when to come back.
   */
  async offer(path: string, offer: string): Promise<OfferAnswer> {
    const response = await this.request("POST", path, offer, "application/sdp");
    const resource = response.headers.get("Location") ?? "";
    const id = resource.split("/").pop() ?? "";
    if (id === "") throw new MessageError("the answer to the offer names no resource");
    return { answer: await response.text(), resource: new URL(resource, "http://self/").pathname, id };
  }

  /** End a WHIP or WHEP resource; `keepalive` lets it go out while the page closes. */
  async deleteResource(path: string): Promise<void> {
    await this.request("DELETE", path, undefined, undefined, true);
  }

  /** For parts of the page that read what only they show. */
  getJson(path: string): Promise<unknown> {
    return this.json("GET", path);
  }

  patchJson(path: string, body: unknown): Promise<unknown> {
    return this.json("PATCH", path, JSON.stringify(body));
  }

  postJson(path: string, body: unknown): Promise<unknown> {
    return this.json("POST", path, JSON.stringify(body));
  }

  async getBytes(path: string): Promise<ArrayBuffer> {
    return (await this.request("GET", path)).arrayBuffer();
  }

  async getText(path: string): Promise<string> {
    return (await this.request("GET", path)).text();
  }

  async getBlob(path: string): Promise<Blob> {
    return (await this.request("GET", path)).blob();
  }

  private async json(method: string, path: string, body?: string): Promise<unknown> {
    const response = await this.request(method, path, body, "application/json");
    try {
      return (await response.json()) as unknown;
    } catch {
      throw new MessageError("the server's answer is not JSON");
    }
  }

  private async request(
    method: string,
    path: string,
    body?: string,
    contentType?: string,
    keepalive = false,
  ): Promise<Response> {
    const headers: Record<string, string> = {};
    const token = this.tokens.get();
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    if (body !== undefined && contentType !== undefined) headers["Content-Type"] = contentType;
    const init: RequestInit = { method, headers, keepalive, cache: "no-store", credentials: "omit" };
    if (body !== undefined) init.body = body;
    let response: Response;
    try {
      response = await this.fetchIt(path, init);
    } catch (error) {
      throw new UnreachableError("the server does not answer", { cause: error });
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

export function sessionPath(id: string): string {
  return `/v1/sessions/${encodeURIComponent(id)}`;
}

/** Read a problem document (RFC 9457); anything else becomes a plain line with the status. */
async function problemOf(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
  let problem: JsonObject = {};
  try {
    problem = asObject((await response.json()) as unknown, "problem");
  } catch {
    // A proxy's page instead of a problem document: the status has to say it all.
  }
  const text = (key: string): string => (typeof problem[key] === "string" ? problem[key] : "");
  const message = text("detail") || text("title") || `the server answered ${response.status}`;
  return new ApiError(response.status, text("code"), message, retryAfterMs);
}

export function parseSession(value: unknown): Session {
  const object = asObject(value, "session");
  const source = asObject(object["source"], "source");
  return {
    id: stringField(object, "id"),
    name: stringField(object, "name"),
    sourceKind: stringField(source, "kind"),
    sourceLabel: stringField(source, "label"),
    sourceState: oneOf(stringField(object, "source_state"), SOURCE_STATES, "source_state"),
    sourceReason: stringField(object, "source_reason"),
    sourceRetry: parseRetry(object["source_retry"]),
    aiState: oneOf(stringField(object, "ai_state"), AI_STATES, "ai_state"),
    aiReason: stringField(object, "ai_reason"),
    videoSize: parseVideoSize(object["video"]),
    viewers: countField(object, "viewers"),
  };
}

function parseRegion(value: unknown): Region {
  const object = asObject(value, "region");
  const mode = oneOf(stringField(object, "mode"), REGION_MODES, "mode");
  if (object["rectangle"] === null) return { mode, rectangle: null };
  const [x = 0, y = 0, width = 0, height = 0] = numberList(object["rectangle"], 4, "rectangle");
  return { mode, rectangle: [x, y, width, height] };
}

function parseVideoSize(value: unknown): Session["videoSize"] {
  if (value === null || value === undefined) return null;
  const video = asObject(value, "video");
  return { width: countField(video, "width", 1), height: countField(video, "height", 1) };
}
