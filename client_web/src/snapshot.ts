/** The clean picture on the screen with its own mask, as files hold it. Runs where the overlay runs. */
import type { ShownAiState } from "./aiWatch";
import { describeError } from "./errors";
import type { MaskMessage, Rect, Size } from "./messages";
import type { Drawable } from "./overlayRenderer";
import { toPng } from "./saveFile";

/** What is on the screen, and what is known of it. */
export interface PresentPicture {
  readonly frame: Drawable;
  /** The frame's own mask, drawn or not; null when there is none. */
  readonly mask: MaskMessage | null;
  /** The part of the picture that the AI gets; null while that is not known. */
  readonly region: Rect | null;
  readonly modelName: string;
  readonly aiState: ShownAiState;
}

/** As a finding's still (docs/protocol.md): the mask covers the region, and so does the picture beside it. */
interface SnapshotStill {
  readonly pts: number | null;
  readonly picture_size: Size;
  readonly source_size: Size;
  readonly region: Rect;
  readonly rle: MaskMessage["rle"] | null;
  readonly polyps: MaskMessage["polyps"];
}

export interface Snapshot {
  readonly picture: Blob;
  readonly still: SnapshotStill;
  readonly modelName: string;
  readonly aiState: ShownAiState;
}

/**
 * @param present null when there is no picture.
 * @param cut copies a part of the picture before it returns: the frame may be closed in the next turn.
 * @returns null without a picture, or when this browser cannot write it.
 */
export async function takeSnapshot(
  present: PresentPicture | null,
  cut: typeof toPng = toPng,
): Promise<Snapshot | null> {
  if (present === null) return null;
  const { frame, mask, modelName, aiState } = present;
  // What lies around the endoscopic picture may name a patient: it stays out wherever the region is known.
  const region = insideOf(present.region ?? [0, 0, frame.width, frame.height], frame);
  const [, , width, height] = region;
  const still: SnapshotStill = {
    pts: mask?.pts ?? null,
    picture_size: [height, width],
    source_size: [frame.height, frame.width],
    region,
    rle: mask?.rle ?? null,
    polyps: mask?.polyps ?? [],
  };
  try {
    return { picture: await cut(frame.image, region), still, modelName, aiState };
  } catch (error) {
    console.warn(describeError(error));
    return null;
  }
}

/** Cut a region to a frame that may lack the last pixel of an odd side. */
function insideOf([x, y, width, height]: Rect, frame: Drawable): Rect {
  const right = Math.min(Math.round(x + width), frame.width);
  const bottom = Math.min(Math.round(y + height), frame.height);
  const [left, top] = [Math.round(x), Math.round(y)];
  return [left, top, right - left, bottom - top];
}
