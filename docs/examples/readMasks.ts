// Reads the masks of a session of SALI Live, in a browser, Node.js 22 or Deno:
//
//   for await (const mask of readMasks("http://127.0.0.1:8000", sessionId)) { ... }
//
// As a program: node readMasks.ts http://127.0.0.1:8000 [MASKS] [TOKEN]. Not a medical device.

export interface Polyp {
  box: [number, number, number, number];
  area_px: number;
  score: number;
}

export interface MaskMessage {
  type: "mask";
  sequence: number;
  pts: number;
  age_ms: number;
  source_size: [number, number];
  region: [number, number, number, number];
  rle: { size: [number, number]; counts: string };
  polyps: Polyp[];
}

type Message = MaskMessage | { type: "hello" | "state" | "origin" };

function tokenProtocols(token: string): string[] {
  if (token === "") return [];
  const coded = btoa(String.fromCharCode(...new TextEncoder().encode(token)));
  const urlSafe = coded.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return [`sali.token.${urlSafe}`];
}

/** Yields mask messages until the session ends; throws when the service closes for another reason. */
export async function* readMasks(
  server: string,
  session: string,
  token = "",
): AsyncGenerator<MaskMessage, void, void> {
  const url = `${server.replace(/^http/, "ws")}/v1/sessions/${session}/masks`;
  const socket = new WebSocket(url, ["sali.masks.v1", ...tokenProtocols(token)]);
  const waiting: MaskMessage[] = [];
  let wake = (): void => undefined;
  let closed: { code: number; reason: string } | undefined;
  socket.onmessage = (event: MessageEvent<string>): void => {
    const message = JSON.parse(event.data) as Message;
    if (message.type === "mask") waiting.push(message);
    wake();
  };
  socket.onclose = (event: CloseEvent): void => {
    closed = { code: event.code, reason: event.reason };
    wake();
  };
  try {
    for (;;) {
      const mask = waiting.shift();
      if (mask !== undefined) {
        // The service sends two masks ahead; what is slow to acknowledge gets the newest only.
        socket.send(JSON.stringify({ type: "ack", sequence: mask.sequence }));
        yield mask;
      } else if (closed !== undefined) {
        if (closed.code === 1000 || closed.code === 4410) return;
        throw new Error(`the service closed the connection: ${closed.code} ${closed.reason}`);
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    socket.close();
  }
}

/** Decodes COCO run lengths to one byte a pixel, rows first: 1 is polyp. */
export function decodeMask({ size: [height, width], counts }: MaskMessage["rle"]): Uint8Array {
  const mask = new Uint8Array(height * width);
  const runs: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of counts) {
    const bits = character.charCodeAt(0) - 48;
    value += (bits & 0x1f) * 2 ** shift;
    shift += 5;
    if (bits & 0x20) continue;
    if (bits & 0x10) value -= 2 ** shift;
    // From the fourth run on, a number is the difference to the run two before it.
    runs.push(value + (runs.length > 2 ? (runs[runs.length - 2] ?? 0) : 0));
    value = shift = 0;
  }
  let pixel = 0; // Runs go down the columns.
  runs.forEach((length, number) => {
    for (const end = pixel + length; pixel < end; pixel++) {
      mask[(pixel % height) * width + Math.floor(pixel / height)] = number % 2;
    }
  });
  if (pixel !== height * width) throw new Error("the runs do not fill the mask");
  return mask;
}

async function main(server: string, count: number, token: string): Promise<void> {
  const headers: Record<string, string> = token === "" ? {} : { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${server}/v1/sessions`, { headers });
  const { sessions } = (await answer.json()) as { sessions: { id: string }[] };
  if (sessions[0] === undefined) throw new Error("the service has no session");
  let left = count;
  for await (const mask of readMasks(server, sessions[0].id, token)) {
    const area = decodeMask(mask.rle).reduce((sum, pixel) => sum + pixel, 0);
    console.log(`pts ${mask.pts}  age ${mask.age_ms} ms  ${area} pixels  ${mask.polyps.length} polyps`);
    if (--left === 0) return;
  }
}

declare const process: { argv: string[] } | undefined;
if (typeof process !== "undefined" && /readMasks\.(ts|mjs)$/.test(process.argv[1] ?? "")) {
  const [server = "http://127.0.0.1:8000", count = "10", token = ""] = process.argv.slice(2);
  await main(server, Number(count), token);
}
