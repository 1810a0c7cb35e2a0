/** One session, full window: joins picture, bar, dialogs, panels and keys; each is a file of its own. */
import { sessionPath, type Api } from "./api";
import { Chime } from "./chime";
import { Commands } from "./commands";
import { askYesNo } from "./confirmDialog";
import { h } from "./dom";
import { describeError } from "./errors";
import { HelpDialog } from "./helpDialog";
import { loadKeyMap, saveKeyMap } from "./keyMap";
import { KeyRouter, listenForKeys, surroundingsOfDocument } from "./keyRouter";
import type { OverlayStats, ViewSettings } from "./overlayProtocol";
import type { Page } from "./page";
import { PanelHost } from "./panelHost";
import { RegionDialog } from "./regionDialog";
import { keepScreenOn } from "./screenLock";
import { SessionFollower } from "./sessionFollower";
import { SessionView, type ViewReport } from "./sessionView";
import { addSnapshotCommand } from "./snapshotCommand";
import { StatusBar } from "./statusBar";
import { strings } from "./strings";
import { clearStats, publishStats } from "./testHook";
import { addViewerCommands } from "./viewerCommands";
import { createViewerPanels } from "./viewerPanels";
import { ViewDialog } from "./viewDialog";
import { hideWhileHeld, loadSettings, saveSettings } from "./viewSettings";

export interface ViewerPageOptions {
  readonly api: Api;
  readonly sessionId: string;
  readonly token: string | null;
  /** A second screen: shows everything, has no control. */
  readonly isScreen: boolean;
  readonly onUnauthorized: () => void;
  /** Make the page anew, in another language. */
  readonly onLanguage: () => void;
}

export class ViewerPage implements Page {
  readonly element: HTMLElement;
  private readonly view: SessionView;
  private readonly bar: StatusBar;
  private readonly commands = new Commands(loadKeyMap(localStorage));
  private readonly region: RegionDialog;
  private readonly viewDialog: ViewDialog;
  private readonly help: HelpDialog;
  private readonly panels: PanelHost;
  private readonly follower: SessionFollower;
  private readonly chime = new Chime();
  private readonly endings: (() => void)[] = [];
  private readonly statsListeners = new Set<(stats: OverlayStats) => void>();
  private settings: ViewSettings = loadSettings(localStorage);

  constructor(private readonly options: ViewerPageOptions) {
    const { api, sessionId, token, isScreen } = options;
    this.follower = new SessionFollower(api, sessionId, (name) => this.bar.setName(name));
    this.view = new SessionView({
      api,
      sessionId,
      token,
      settings: this.settings,
      onReport: (report) => this.take(report),
      onUnauthorized: options.onUnauthorized,
      onGone: () => this.follower.follow(),
    });
    const pictureSize = (): OverlayStats["pictureSize"] => this.view.stats?.pictureSize ?? null;
    this.region = new RegionDialog({
      pictureSize,
      load: () => api.getRegion(sessionId),
      save: (wanted) => api.putRegion(sessionId, wanted),
      // The clean picture beside it would be in the way of the drawing hand.
      startDrawing: () => this.change({ ...this.settings, layout: "single" }),
    });
    this.viewDialog = new ViewDialog(this.settings, (settings) => this.change(settings), options.onLanguage);
    this.help = new HelpDialog(this.commands);
    const { element: stage } = this.view;
    const onStats = (listener: (stats: OverlayStats) => void): (() => void) => {
      this.statsListeners.add(listener);
      return () => this.statsListeners.delete(listener);
    };
    this.panels = new PanelHost({ api, sessionId, path: sessionPath(sessionId), token, stage, pictureSize, onStats }, this.commands);
    this.bar = new StatusBar(this.commands);
    if (isScreen) this.view.configure(this.settings);
    else this.addControls();
    stage.append(this.region.sheet);
    this.element = h(
      "main",
      { class: isScreen ? "viewer screen" : "viewer" },
      h("h1", { class: "unseen" }, strings.product),
      stage,
      this.panels.side,
      this.panels.below,
      this.bar.element,
      this.help.element,
      this.viewDialog.element,
      this.region.element,
    );
    this.endings.push(keepScreenOn(), () => this.chime.close());
    void this.follower.learn();
  }

  dispose(): void {
    for (const end of this.endings) end();
    this.follower.dispose();
    this.panels.dispose();
    this.view.dispose();
    clearStats();
  }

  private addControls(): void {
    addViewerCommands(this.commands, {
      leave: () => this.escape(),
      hide: (hidden) => this.change(hideWhileHeld(this.settings, hidden)),
      change: (apply) => this.change(apply(this.settings)),
      openRegion: () => this.region.open(),
      openView: () => this.viewDialog.open(),
      newPatient: () => void this.forgetPatient(),
      toggleFullScreen: () => this.toggleFullScreen(),
      toggleHelp: () => this.help.toggle(),
    });
    addSnapshotCommand(this.commands, {
      sessionId: this.options.sessionId,
      take: () => this.view.snapshot(),
      tell: (text) => this.bar.tell(text),
    });
    for (const panel of createViewerPanels()) this.panels.add(panel);
    this.commands.onChange(() => saveKeyMap(localStorage, this.commands.keyMap));
    const router = new KeyRouter(this.commands, () => {
      const around = surroundingsOfDocument();
      return { ...around, hasDialog: around.hasDialog || this.region.isBusy };
    });
    this.endings.push(listenForKeys(router));
  }

  private take(report: ViewReport): void {
    this.bar.show(report);
    this.element.dataset["ai"] = report.aiState;
    if (report.stats === null) return;
    publishStats(report.stats, this.settings, report.link, report.method);
    this.chime.follow(report.stats.newFindings, this.settings.chime);
    for (const listener of this.statsListeners) listener(report.stats);
  }

  private change(settings: ViewSettings): void {
    // Heard once when it is switched on; it also lets the page sound from then on.
    if (settings.chime && !this.settings.chime) this.chime.play();
    this.settings = settings;
    saveSettings(localStorage, settings);
    this.view.configure(settings);
    this.viewDialog.show(settings);
  }

  private async forgetPatient(): Promise<void> {
    if (!(await askYesNo(strings.confirmNewPatient, strings.newPatient))) return;
    this.bar.complain("");
    try {
      await this.options.api.resetSession(this.options.sessionId);
    } catch (error) {
      this.bar.complain(describeError(error));
    }
  }

  /** A drawing hand, a dialog and full screen are left first; the last two close by Escape themselves. */
  private escape(): void {
    if (this.region.isBusy) this.region.stopDrawing();
    else if (document.querySelector("dialog[open]") === null && !document.fullscreenElement) location.hash = "#/";
  }

  private toggleFullScreen(): void {
    const done = document.fullscreenElement ? document.exitFullscreen() : this.element.requestFullscreen();
    done.catch((error: unknown) => console.warn(describeError(error)));
  }
}
