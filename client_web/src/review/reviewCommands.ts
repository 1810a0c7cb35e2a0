/** The commands of a review with their keys as delivered: every one a single key, so that a pedal can be it. */
import type { Commands } from "../commands";
import { reviewWords } from "../i18n/review";
import type { ViewSettings } from "../overlayProtocol";
import { inLanguage, strings } from "../strings";
import { cycleStyle, toggleLayout } from "../viewSettings";
import { RATES, TICKS_PER_SECOND } from "./filmPlayer";

/** What the commands act on. */
export interface Playing {
  readonly isPlaying: boolean;
  readonly rate: number;
  readonly position: number;
  play(): void;
  pause(): void;
  seek(pts: number): void;
  step(direction: 1 | -1): void;
  setRate(rate: number): void;
}

export interface ReviewActions {
  readonly player: Playing;
  readonly toPts: () => number;
  /** Start of the next finding or the one before; null if there is none. */
  readonly finding: (direction: 1 | -1) => number | null;
  readonly leave: () => void;
  readonly hide: (hidden: boolean) => void;
  readonly change: (apply: (settings: ViewSettings) => ViewSettings) => void;
  readonly openView: () => void;
  readonly toggleFullScreen: () => void;
  readonly toggleHelp: () => void;
}

/** Ids of the commands whose buttons stand beside the timeline. */
export const TRANSPORT: readonly string[] = [
  "findingBack", "secondBack", "back", "play", "on", "secondOn", "findingOn", "slower", "faster",
];

export function addReviewCommands(commands: Commands, actions: ReviewActions): void {
  addTransport(commands, actions);
  const label = strings.commands;
  const { hide, change } = actions;
  commands.add({ id: "leave", key: "escape", label: label.leave, run: actions.leave, worksInDialogs: true });
  commands.add({ id: "peek", key: "h", label: label.peek, run: () => hide(true), release: () => hide(false) });
  commands.add({ id: "style", key: "o", label: label.style, run: () => change(cycleStyle) });
  commands.add({ id: "layout", key: "b", label: label.layout, run: () => change(toggleLayout) });
  commands.add({ id: "view", key: "v", label: label.view, run: actions.openView, button: strings.view });
  commands.add({ id: "fullScreen", key: "f", label: label.fullScreen, run: actions.toggleFullScreen, button: strings.fullScreen });
  commands.add({ id: "help", key: "?", label: label.help, run: actions.toggleHelp, button: "?", worksInDialogs: true });
}

function addTransport(commands: Commands, { player, toPts, finding }: ReviewActions): void {
  const label = inLanguage(reviewWords).commands;
  const move = (ticks: number) => (): void => player.seek(Math.min(player.position + ticks, Math.max(0, toPts() - 1)));
  const goTo = (direction: 1 | -1) => (): void => {
    const pts = finding(direction);
    if (pts !== null) player.seek(pts);
  };
  const change = (direction: 1 | -1) => (): void => player.setRate(rateBeside(player.rate, direction));
  const toggle = (): void => (player.isPlaying ? player.pause() : player.play());
  const add = (id: keyof typeof label, key: string, button: string | (() => string), run: () => void): void =>
    commands.add({ id, key, label: label[id], button, run });
  add("findingBack", "pageup", "⇤", goTo(-1));
  add("secondBack", "j", "−1 s", move(-TICKS_PER_SECOND));
  add("back", "arrowleft", "‹", () => player.step(-1));
  add("play", " ", () => (player.isPlaying ? "‖" : "▶"), toggle);
  add("on", "arrowright", "›", () => player.step(1));
  add("secondOn", "l", "+1 s", move(TICKS_PER_SECOND));
  add("findingOn", "pagedown", "⇥", goTo(1));
  add("slower", "-", "−", change(-1));
  add("faster", "+", "+", change(1));
  commands.add({ id: "start", key: "home", label: label.start, run: () => player.seek(0) });
  commands.add({ id: "finish", key: "end", label: label.finish, run: () => player.seek(Math.max(0, toPts() - 1)) });
}

/** The next rate up or down; the same at the end. */
export function rateBeside(rate: number, direction: 1 | -1): number {
  return RATES[RATES.findIndex((other) => other === rate) + direction] ?? rate;
}
