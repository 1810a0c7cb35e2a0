/** The viewer's own commands with their keys as delivered. */
import type { Commands } from "./commands";
import type { ViewSettings } from "./overlayProtocol";
import { strings } from "./strings";
import { cycleStyle, toggleLayout, toggleMode } from "./viewSettings";

export interface ViewerActions {
  readonly leave: () => void;
  readonly hide: (hidden: boolean) => void;
  readonly change: (apply: (settings: ViewSettings) => ViewSettings) => void;
  readonly openRegion: () => void;
  readonly openView: () => void;
  readonly newPatient: () => void;
  readonly toggleFullScreen: () => void;
  readonly toggleHelp: () => void;
}

export function addViewerCommands(commands: Commands, actions: ViewerActions): void {
  const label = strings.commands;
  const { hide, change } = actions;
  commands.add({ id: "leave", key: "escape", label: label.leave, run: actions.leave, worksInDialogs: true });
  commands.add({ id: "peek", key: " ", label: label.peek, run: () => hide(true), release: () => hide(false) });
  commands.add({ id: "style", key: "o", label: label.style, run: () => change(cycleStyle) });
  commands.add({ id: "mode", key: "m", label: label.mode, run: () => change(toggleMode) });
  commands.add({ id: "layout", key: "b", label: label.layout, run: () => change(toggleLayout) });
  commands.add({ id: "region", key: "r", label: label.region, run: actions.openRegion, button: strings.region });
  commands.add({ id: "view", key: "v", label: label.view, run: actions.openView, button: strings.view });
  commands.add({ id: "newPatient", key: "n", label: label.newPatient, run: actions.newPatient, button: strings.newPatient });
  commands.add({ id: "fullScreen", key: "f", label: label.fullScreen, run: actions.toggleFullScreen, button: strings.fullScreen });
  commands.add({ id: "help", key: "?", label: label.help, run: actions.toggleHelp, button: "?", worksInDialogs: true });
}
