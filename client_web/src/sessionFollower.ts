/** Knows the name of the session shown and finds it again when the server was started anew. */
import type { Api, Session } from "./api";
import { systemTimers, type Timers } from "./clock";
import { describeError, UnreachableError } from "./errors";
import { viewerAddress } from "./sessionListPage";
import { strings } from "./strings";

/** Between two looks at the list: the session may start some time after the server. */
export const LOOK_EVERY_MS = 1000;

export type Sessions = Pick<Api, "getSession" | "listSessions">;

export class SessionFollower {
  private known: Session | null = null;
  private timer: number | null = null;
  private isDisposed = false;

  constructor(
    private readonly api: Sessions,
    private readonly sessionId: string,
    private readonly onName: (name: string) => void,
    private readonly go: (address: string) => void = (address) => location.replace(address),
    private readonly timers: Timers = systemTimers,
  ) {}

  async learn(): Promise<void> {
    try {
      this.known = await this.api.getSession(this.sessionId);
      if (this.isDisposed) return;
      this.onName(this.known.name);
      document.title = `${this.known.name} – ${strings.product}`;
    } catch (error) {
      // The video link meets the same trouble and tells it; the bar shows the id meanwhile.
      this.onName(this.sessionId);
      if (error instanceof UnreachableError) console.warn(describeError(error));
    }
  }

  /**
   * After a server's restart the same room has another id: look for it until there is one session of
   * the same name and source, and no doubt, and go there.
   */
  follow(): void {
    if (this.timer === null && !this.isDisposed) void this.look();
  }

  dispose(): void {
    this.isDisposed = true;
    if (this.timer !== null) this.timers.clear(this.timer);
  }

  private async look(): Promise<void> {
    const known = this.known;
    if (known === null) return;
    const same = (await this.list()).filter(
      (other) => other.name === known.name && other.sourceLabel === known.sourceLabel,
    );
    if (this.isDisposed) return;
    if (same.length === 1 && same[0] !== undefined) this.go(viewerAddress(same[0].id));
    else this.timer = this.timers.set(() => void this.look(), LOOK_EVERY_MS);
  }

  private async list(): Promise<Session[]> {
    try {
      return await this.api.listSessions();
    } catch (error) {
      console.warn(describeError(error));
      return [];
    }
  }
}
