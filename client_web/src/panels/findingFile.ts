/** Saves a finding to files: the clean picture as PNG, what is known of it with its mask as JSON. */
import { ViewerError } from "../errors";
import { strings } from "../strings";
import type { Finding } from "./finding";

/** What stands in the JSON file; `still` is as docs/protocol.md says, its mask in COCO run lengths. */
export function findingFacts(finding: Finding, sessionId: string): string {
  const { id, status, note, firstSeenAt, seenMs, largestShare, still } = finding;
  const facts = {
    notice: `${strings.notMedical}.`,
    session: sessionId,
    id,
    status,
    note,
    first_seen_at: firstSeenAt.toISOString(),
    seen_ms: seenMs,
    largest_share: largestShare,
    still: still?.facts ?? null,
  };
  return `${JSON.stringify(facts, null, 2)}\n`;
}

/** @throws ViewerError when the browser cannot write the picture. */
export async function saveFinding(finding: Finding, sessionId: string, picture: Blob): Promise<void> {
  const name = `sali-${sessionId}-${finding.id}`;
  save(await toPng(picture), `${name}.png`);
  save(new Blob([findingFacts(finding, sessionId)], { type: "application/json" }), `${name}.json`);
}

async function toPng(picture: Blob): Promise<Blob> {
  const image = await createImageBitmap(picture);
  try {
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new ViewerError("this browser cannot write the picture");
    context.drawImage(image, 0, 0);
    return await canvas.convertToBlob({ type: "image/png" });
  } finally {
    image.close();
  }
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken what it needs by the next turn of its loop.
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
