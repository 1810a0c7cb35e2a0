/** Files that the page writes: pictures as PNG, and saving by the browser's own download. */
import { ViewerError } from "./errors";
import type { Rectangle } from "./pictureGeometry";

/**
 * Copy a part of a picture, in its own pixels, to a PNG file. The copy is made before this returns, so that the picture
 * may change or go from then on.
 *
 * @throws ViewerError when the browser cannot write the picture.
 */
export function toPng(image: CanvasImageSource, [x, y, width, height]: Rectangle): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) throw new ViewerError("this browser cannot write the picture");
  context.drawImage(image, -x, -y);
  return canvas.convertToBlob({ type: "image/png" });
}

export function toJsonFile(facts: object): Blob {
  return new Blob([`${JSON.stringify(facts, null, 2)}\n`], { type: "application/json" });
}

export function saveFile(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken what it needs by the next turn of its loop.
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
