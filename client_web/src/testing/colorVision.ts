/** What a colour is to an eye: CIE Lab, after what colour-blind eyes make of it (Machado et al. 2009, severity 1). */
export type Rgb = readonly [number, number, number];
type Matrix = readonly [Rgb, Rgb, Rgb];

export const VISIONS: Readonly<Record<"normal" | "protanope" | "deuteranope" | "tritanope", Matrix>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanope: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranope: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanope: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

export function rgbOf(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** A colour painted over another, as a canvas does it. */
export function over(color: Rgb, alpha: number, ground: Rgb): Rgb {
  const mix = (i: 0 | 1 | 2): number => alpha * color[i] + (1 - alpha) * ground[i];
  return [mix(0), mix(1), mix(2)];
}

/** CIE76: 2 is just seen side by side, 20 is another colour at a glance. */
export function difference(a: Rgb, b: Rgb, vision: Matrix): number {
  const [p, q] = [labOf(a, vision), labOf(b, vision)];
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

function labOf(color: Rgb, vision: Matrix): Rgb {
  const linear = color.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const seen = vision.map((row) => Math.min(1, Math.max(0, dot(row, linear))));
  const x = f(dot([0.4124, 0.3576, 0.1805], seen) / 0.9505);
  const y = f(dot([0.2126, 0.7152, 0.0722], seen));
  const z = f(dot([0.0193, 0.1192, 0.9505], seen) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function f(t: number): number {
  return t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
}

function dot(row: readonly number[], values: readonly number[]): number {
  return row.reduce((sum, factor, i) => sum + factor * (values[i] ?? 0), 0);
}
