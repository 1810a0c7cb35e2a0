/** The command that saves what is on the screen. */
import type { Commands } from "./commands";
import { snapshotWords } from "./i18n/snapshot";
import type { Snapshot } from "./snapshot";
import { saveSnapshot } from "./snapshotFile";
import { inLanguage } from "./strings";

export interface SnapshotActions {
  readonly sessionId: string;
  readonly take: () => Promise<Snapshot | null>;
  /** Say what became of it; in full screen nothing else does. */
  readonly tell: (text: string) => void;
}

export function addSnapshotCommand(commands: Commands, { sessionId, take, tell }: SnapshotActions): void {
  const words = inLanguage(snapshotWords);
  const run = async (): Promise<void> => {
    const snapshot = await take();
    if (snapshot !== null) saveSnapshot(snapshot, sessionId, new Date());
    tell(snapshot === null ? words.none : words.saved);
  };
  commands.add({ id: "snapshot", key: "c", label: words.label, button: words.button, run: () => void run() });
}
