/** The panels of the viewer, in the order of their buttons. A new panel is added here and nowhere else. */
import type { Panel } from "./panelHost";
import { createFindingsPanel } from "./panels/findingsPanel";
import { createMemoryPanel } from "./panels/memoryPanel";

export function createViewerPanels(): readonly Panel[] {
  return [createFindingsPanel(), createMemoryPanel()];
}
