/** The panels of the viewer, in the order of their buttons. A new panel is added here and nowhere else. */
import type { Panel } from "./panelHost";

export function createViewerPanels(): readonly Panel[] {
  return [];
}
