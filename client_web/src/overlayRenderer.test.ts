import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GAP_PX } from "./canvasPlan";
import type { MaskShape } from "./maskShape";
import { lineWidthPx, OUTLINE_COLOR, type OverlayLook } from "./overlayLook";
import { OverlayRenderer, type Overlay } from "./overlayRenderer";

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
  quadraticCurveTo(_cx: number, _cy: number, x: number, y: number): void {
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
  globalAlpha = 1;
  drawImage(_image: unknown, x: number, y: number, width: number, height: number): void {
    this.calls.push(`image ${x} ${y} ${width} ${height}`);
  }
  stroke(path: FakePath): void {
    this.paths.push(path);
    this.calls.push(`stroke ${this.strokeStyle} ${this.globalAlpha} ${this.lineWidth}`);
  }
  fill(): void {
    this.calls.push(`fill ${this.globalAlpha}`);
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
  save(): void {
    this.calls.push("save");
  }
  restore(): void {
    this.calls.push("restore");
  }
  translate(x: number, y: number): void {
    this.calls.push(`to ${x} ${y}`);
  }
  beginPath(): void {
    return;
  }
  rect(x: number, y: number, width: number, height: number): void {
    this.calls.push(`within ${x} ${y} ${width} ${height}`);
  }
  clip(): void {
    return;
  }
}

const picture = { image: {} as CanvasImageSource, width: 1280, height: 960 };
const square: MaskShape = {
  polygons: [Float32Array.of(100, 100, 200, 100, 200, 200, 100, 200)],
  sourceSize: [480, 640],
  right: 200,
  top: 100,
};
const look: OverlayLook = { style: "outline", color: "teal", width: "normal", opacity: 1 };

describe("OverlayRenderer", () => {
  let context: FakeContext;
  let renderer: OverlayRenderer;
  const outline: Overlay = { shape: square, look, ageMs: null };

  beforeEach(() => {
    vi.stubGlobal("Path2D", FakePath);
    context = new FakeContext();
    renderer = new OverlayRenderer(context as unknown as CanvasRenderingContext2D);
  });
  afterEach(() => vi.unstubAllGlobals());

  it("gives the canvas the picture's size and draws the picture first", () => {
    renderer.draw(picture, outline, "single");
    expect(context.canvas).toEqual({ width: 1280, height: 960 });
    expect(context.calls[0]).toBe("image 0 0 1280 960");
  });

  it("strokes the opaque core over a wider dark halo", () => {
    renderer.draw(picture, outline, "single");
    expect(context.calls.slice(1)).toEqual(["stroke #000000 0.7 8", `stroke ${OUTLINE_COLOR} 1 4`]);
  });

  it("draws in the colour, width and opacity chosen, and leaves the next picture opaque", () => {
    renderer.draw(picture, { ...outline, look: { ...look, color: "white", width: "thick", opacity: 0.6 } }, "single");
    expect(context.calls.slice(1)).toEqual(["stroke #000000 0.7 14", "stroke #ffffff 0.6 7"]);
    expect(context.globalAlpha).toBe(1);
  });

  it("scales source pixels to the picture drawn, through the middles of the polygon's sides", () => {
    renderer.draw(picture, outline, "single");
    expect(context.paths[0]!.points[0]).toEqual([200, 300]);
    expect(context.paths[0]!.points[1]).toEqual([300, 200]);
    expect(context.paths[0]!.closed).toBe(1);
  });

  it("draws as large as the screen shows it", () => {
    renderer.setDisplay({ width: 1920, height: 1440 });
    renderer.draw(picture, outline, "single");
    expect(context.canvas).toEqual({ width: 1920, height: 1440 });
    expect(context.paths[0]!.points[1]).toEqual([450, 300]);
  });

  it("puts corners clear of the edge, none around holes", () => {
    const hole = Float32Array.of(120, 120, 120, 160, 160, 160, 160, 120);
    const shape = { ...square, polygons: [...square.polygons, hole] };
    renderer.draw(picture, { ...outline, shape, look: { ...look, style: "box" } }, "single");
    const { points } = context.paths[0]!;
    expect(points).toHaveLength(12);
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    expect([Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]).toEqual([192, 408, 192, 408]);
    // The middle of each side stays free.
    expect(points.some(([x, y]) => Math.abs(x - 300) < 50 || Math.abs(y - 300) < 50)).toBe(false);
  });

  it("never paints on the clean picture beside it", () => {
    renderer.draw(picture, outline, "beside");
    expect(context.calls.slice(0, 5)).toEqual([
      "image 0 0 1280 960",
      `image ${1280 + GAP_PX} 0 1280 960`,
      "save",
      `to ${1280 + GAP_PX} 0`,
      "within 0 0 1280 960",
    ]);
    expect(context.calls.at(-1)).toBe("restore");
  });

  it.each<[string, Overlay | null]>([
    ["no mask", null],
    ["an empty mask", { shape: { ...square, polygons: [] }, look: { ...look, style: "fill" }, ageMs: 10 }],
    ["the overlay switched off", { ...outline, look: { ...look, style: "off" } }],
  ])("draws the picture alone for %s", (_name, overlay) => {
    renderer.draw(picture, overlay, "single");
    expect(context.calls).toEqual(["image 0 0 1280 960"]);
  });

  it("fills below the outline, and writes the age where there is one", () => {
    renderer.draw(picture, { ...outline, look: { ...look, style: "fill" }, ageMs: 73.6 }, "single");
    expect(context.calls[1]).toBe("fill 0.25");
    expect(context.calls.at(-1)).toBe("text 74 ms");
  });

  it("draws lines of 3 pixels, less on small and more on large pictures, and as thick as wanted", () => {
    expect([240, 480, 720, 1080, 2160].map((height) => lineWidthPx(height, "normal"))).toEqual([2, 3, 3, 5, 9]);
    expect([240, 480, 1080].map((height) => lineWidthPx(height, "thin"))).toEqual([1, 2, 3]);
    expect([240, 480, 1080].map((height) => lineWidthPx(height, "thick"))).toEqual([4, 5, 9]);
  });
});
