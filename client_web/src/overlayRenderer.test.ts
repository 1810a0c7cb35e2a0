import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MaskShape } from "./maskShape";
import { OUTLINE_COLOR, OverlayRenderer, outlineWidthPx, type Overlay } from "./overlayRenderer";

/** Remembers the points of the path, as a real Path2D does not tell them. */
class FakePath {
  readonly points: [number, number][] = [];
  closed = 0;
  moveTo(x: number, y: number): void {
    this.points.push([x, y]);
  }
  lineTo(x: number, y: number): void {
    this.points.push([x, y]);
  }
  closePath(): void {
    this.closed++;
  }
}

class FakeContext {
  readonly canvas = { width: 16, height: 9 };
  readonly calls: string[] = [];
  readonly paths: FakePath[] = [];
  strokeStyle = "";
  fillStyle = "";
  lineWidth = 0;
  lineJoin = "";
  font = "";
  drawImage(): void {
    this.calls.push("image");
  }
  stroke(path: FakePath): void {
    this.paths.push(path);
    this.calls.push(`stroke ${this.strokeStyle} ${this.lineWidth}`);
  }
  fill(): void {
    this.calls.push("fill");
  }
  measureText(): { width: number } {
    return { width: 50 };
  }
  strokeText(): void {
    this.calls.push("halo text");
  }
  fillText(text: string): void {
    this.calls.push(`text ${text}`);
  }
}

const picture = { image: {} as CanvasImageSource, width: 1280, height: 960 };
const square: MaskShape = {
  polygons: [Float32Array.of(100, 100, 200, 100, 200, 200, 100, 200)],
  sourceSize: [480, 640],
  right: 200,
  top: 100,
};

describe("OverlayRenderer", () => {
  let context: FakeContext;
  let renderer: OverlayRenderer;
  const outline: Overlay = { shape: square, style: "outline", ageMs: null };

  beforeEach(() => {
    vi.stubGlobal("Path2D", FakePath);
    context = new FakeContext();
    renderer = new OverlayRenderer(context as unknown as CanvasRenderingContext2D);
  });
  afterEach(() => vi.unstubAllGlobals());

  it("gives the canvas the picture's size and draws the picture first", () => {
    renderer.draw(picture, outline);
    expect(context.canvas).toEqual({ width: 1280, height: 960 });
    expect(context.calls[0]).toBe("image");
  });

  it("strokes the opaque core over a wider dark halo", () => {
    renderer.draw(picture, outline);
    expect(OUTLINE_COLOR).toMatch(/^#[0-9a-f]{6}$/);
    expect(context.calls.slice(1)).toEqual(["stroke rgba(0, 0, 0, 0.6) 7", `stroke ${OUTLINE_COLOR} 4`]);
  });

  it("scales source pixels to the picture drawn", () => {
    renderer.draw(picture, outline);
    expect(context.paths[0]!.points[0]).toEqual([200, 200]);
    expect(context.paths[0]!.closed).toBe(1);
  });

  it.each<[string, Overlay | null]>([
    ["no mask", null],
    ["an empty mask", { shape: { ...square, polygons: [] }, style: "fill", ageMs: 10 }],
    ["the overlay switched off", { ...outline, style: "off" }],
  ])("draws the picture alone for %s", (_name, overlay) => {
    renderer.draw(picture, overlay);
    expect(context.calls).toEqual(["image"]);
  });

  it("fills below the outline, and writes the age where there is one", () => {
    renderer.draw(picture, { ...outline, style: "fill", ageMs: 73.6 });
    expect(context.calls[1]).toBe("fill");
    expect(context.calls.at(-1)).toBe("text 74 ms");
  });

  it("draws lines of 3 pixels, less on small and more on large pictures", () => {
    expect([240, 480, 720, 1080, 2160].map(outlineWidthPx)).toEqual([2, 3, 3, 5, 9]);
  });
});
