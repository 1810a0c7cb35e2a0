/**
 * Places beside and below the picture that parts of the page can open: one panel in each at a time. The
 * picture gives way and is never covered.
 */
import type { Api } from "./api";
import type { Commands } from "./commands";
import { h } from "./dom";
import type { OverlayStats } from "./overlayProtocol";
import type { Extent } from "./pictureGeometry";

export type PanelPlace = "side" | "below";

export interface FilmPlaces {
  readonly timeText: (pts: number) => string;
  readonly goTo: (pts: number) => void;
  /** How long findings are kept. */
  readonly kept: string;
}

/** What a panel may use of the page it is opened on. */
export interface PanelContext {
  readonly api: Api;
  readonly sessionId: string;
  /** Of the session's own resources on the server. */
  readonly path: string;
  readonly token: string | null;
  /** The element that holds the picture; a panel may lay marks over it and takes them away at its end. */
  readonly stage: HTMLElement;
  /** Size of the picture in its own pixels; null while there is none. */
  readonly pictureSize: () => Extent | null;
  /** Hear the overlay's figures, four times a second; the function returned ends it. */
  readonly onStats: (listener: (stats: OverlayStats) => void) => () => void;
  /** In a film: how the time of a picture is written, and how to go there. Live there is no going back. */
  readonly film?: FilmPlaces;
}

export interface OpenPanel {
  readonly element: HTMLElement;
  dispose(): void;
}

/** `viewerPanels.ts` lists them. Made anew for every page, so that texts are in the language of the moment. */
export interface Panel {
  readonly id: string;
  readonly place: PanelPlace;
  /** Name of the button and of the region for screen readers. */
  readonly title: string;
  /** What the help says. */
  readonly label: string;
  readonly key: string;
  open(context: PanelContext): OpenPanel;
}

export class PanelHost {
  readonly side = h("section", { class: "panel side", hidden: true });
  readonly below = h("section", { class: "panel below", hidden: true });
  private readonly open = new Map<PanelPlace, { readonly panel: Panel; readonly shown: OpenPanel }>();

  constructor(
    private readonly context: PanelContext,
    private readonly commands: Commands,
  ) {}

  add(panel: Panel): void {
    this.commands.add({
      id: panel.id,
      label: panel.label,
      key: panel.key,
      button: panel.title,
      isOn: () => this.isOpen(panel),
      run: () => this.toggle(panel),
    });
  }

  toggle(panel: Panel): void {
    const wasOpen = this.isOpen(panel);
    this.close(panel.place);
    if (!wasOpen) this.show(panel);
    this.commands.changed();
  }

  dispose(): void {
    this.close("side");
    this.close("below");
  }

  private isOpen(panel: Panel): boolean {
    return this.open.get(panel.place)?.panel === panel;
  }

  private show(panel: Panel): void {
    const shown = panel.open(this.context);
    this.open.set(panel.place, { panel, shown });
    const slot = this[panel.place];
    slot.setAttribute("aria-label", panel.title);
    slot.replaceChildren(shown.element);
    slot.hidden = false;
  }

  private close(place: PanelPlace): void {
    const slot = this[place];
    slot.hidden = true;
    slot.replaceChildren();
    this.open.get(place)?.shown.dispose();
    this.open.delete(place);
  }
}
