/** Saves a snapshot to files: the clean picture as PNG, its mask as JSON (docs/viewer.md). */
import { saveFile, toJsonFile } from "./saveFile";
import type { Snapshot } from "./snapshot";
import { strings } from "./strings";

/** What stands in the JSON file. */
export function snapshotFacts(snapshot: Snapshot, sessionId: string, takenAt: Date): object {
  const { modelName, aiState, still } = snapshot;
  return {
    notice: `${strings.notMedical}.`,
    session: sessionId,
    taken_at: takenAt.toISOString(),
    model_name: modelName,
    ai_state: aiState,
    still,
  };
}

/** Save both files. */
export function saveSnapshot(snapshot: Snapshot, sessionId: string, takenAt: Date): void {
  const time = takenAt.toISOString().replace(/[:.]/g, "-");
  const name = `sali-${sessionId}-${time}`;
  saveFile(snapshot.picture, `${name}.png`);
  saveFile(toJsonFile(snapshotFacts(snapshot, sessionId, takenAt)), `${name}.json`);
}
