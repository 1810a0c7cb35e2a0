/** How masks are painted: the choices, and what each looks like. */
export const OVERLAY_STYLES = ["outline", "fill", "box", "off"] as const;
export type OverlayStyle = (typeof OVERLAY_STYLES)[number];

export const OVERLAY_COLORS = ["teal", "yellow", "white", "blue"] as const;
export type OverlayColor = (typeof OVERLAY_COLORS)[number];

export const LINE_WIDTHS = ["thin", "normal", "thick"] as const;
export type LineWidth = (typeof LINE_WIDTHS)[number];

/** No thinner: a line of half opacity is lost on pale mucosa (overlayLook.test.ts). */
export const OPACITIES = [1, 0.8, 0.6] as const;

export const VIEW_LAYOUTS = ["single", "beside"] as const;
/** `beside`: the clean picture first, the one with masks next to it. */
export type ViewLayout = (typeof VIEW_LAYOUTS)[number];

export interface OverlayLook {
  readonly style: OverlayStyle;
  readonly color: OverlayColor;
  readonly width: LineWidth;
  /** Of the lines within their halo, 0 to 1; fills are thinner by FILL_SHARE. */
  readonly opacity: number;
}

/** Colour of the core of outlines as delivered, painted without alpha: tests look for exactly this value. */
export const OUTLINE_COLOR = "#00ffd0";
/**
 * All are bright: mucosa is darker, and eyes that confuse hues still see lightness. Reds, oranges and
 * plain green are left out, which protanopes and deuteranopes take for mucosa.
 */
export const COLOR_VALUES: Readonly<Record<OverlayColor, string>> = {
  teal: OUTLINE_COLOR,
  yellow: "#fff14d",
  white: "#ffffff",
  blue: "#7fd4ff",
};
/** Under every line, wider than it: on highlights, which are as bright as any colour here, this is what is seen. */
export const HALO_OPACITY = 0.7;
export const FILL_SHARE = 0.25;

export const WIDTH_FACTORS: Readonly<Record<LineWidth, number>> = { thin: 0.6, normal: 1, thick: 1.8 };

/** Core width in canvas pixels: 2 in small pictures, 3 from 400 to 840 lines, then more; at least 1. */
export function lineWidthPx(height: number, width: LineWidth): number {
  const normal = height < 400 ? 2 : Math.max(3, Math.round(height / 240));
  return Math.max(1, Math.round(normal * WIDTH_FACTORS[width]));
}
