/** Saves a finding to files: the clean picture as PNG, what is known of it with its mask as JSON. */
import { saveFile, toJsonFile, toPng } from "../saveFile";
import { strings } from "../strings";
import type { Finding } from "./finding";

/** What stands in the JSON file; `still` is as docs/protocol.md says, its mask in COCO run lengths. */
export function findingFacts(finding: Finding, sessionId: string): object {
  const { id, status, note, firstSeenAt, seenMs, largestShare, still } = finding;
  return {
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
}

/** @throws ViewerError when the browser cannot write the picture. */
export async function saveFinding(finding: Finding, sessionId: string, picture: Blob): Promise<void> {
  const name = `sali-${sessionId}-${finding.id}`;
  const image = await createImageBitmap(picture);
  try {
    saveFile(await toPng(image, [0, 0, image.width, image.height]), `${name}.png`);
  } finally {
    image.close();
  }
  saveFile(toJsonFile(findingFacts(finding, sessionId)), `${name}.json`);
}
