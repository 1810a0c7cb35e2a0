/** Tells new findings from news of old ones. */

/**
 * A finding that is heard of for the first time may have changed since it was made (its picture was
 * written), but one that is changed more often was there before this page.
 */
export const MAX_NEW_REVISION = 3;
const MAX_KNOWN = 1000;

export class FindingWatch {
  private readonly known = new Set<string>();
  private count = 0;

  /** How many findings were new since this page was opened. */
  get newFindings(): number {
    return this.count;
  }

  note(id: string, revision: number): void {
    if (this.known.has(id)) return;
    // A set keeps the order in which things came: the first is the oldest.
    const [oldest] = this.known;
    if (this.known.size >= MAX_KNOWN && oldest !== undefined) this.known.delete(oldest);
    this.known.add(id);
    if (revision <= MAX_NEW_REVISION) this.count++;
  }
}
