/** Asks the server again and again, as long as somebody looks. */
import { systemTimers, type Timers } from "../clock";
import { ApiError } from "../errors";

const PAUSE_AFTER_ERROR_MS = 1000;

export interface PollingOptions<T> {
  readonly ask: () => Promise<T>;
  readonly onAnswer: (answer: T) => void;
  readonly onError: (error: unknown) => void;
  /** Pause between an answer and the next question. */
  readonly intervalMs: number;
  /** Codes of answers after which asking again cannot help; a refused token and a lost session are such. */
  readonly finalCodes?: readonly string[];
  /** Whether the page can be seen; a hidden one asks nothing. */
  readonly isVisible?: () => boolean;
  readonly timers?: Timers;
}

export class Polling<T> {
  private isEnded = false;
  private timer = 0;
  private readonly timers: Timers;

  constructor(private readonly options: PollingOptions<T>) {
    this.timers = options.timers ?? systemTimers;
  }

  start(): void {
    void this.ask();
  }

  end(): void {
    this.isEnded = true;
    this.timers.clear(this.timer);
  }

  private async ask(): Promise<void> {
    const { options } = this;
    let pauseMs: number | null = options.intervalMs;
    if (options.isVisible?.() ?? !document.hidden) {
      try {
        const answer = await options.ask();
        if (!this.isEnded) options.onAnswer(answer);
      } catch (error) {
        if (!this.isEnded) options.onError(error);
        pauseMs = this.isFinal(error) ? null : Math.max(PAUSE_AFTER_ERROR_MS, options.intervalMs);
      }
    }
    if (!this.isEnded && pauseMs !== null) this.timer = this.timers.set(() => void this.ask(), pauseMs);
  }

  private isFinal(error: unknown): boolean {
    if (!(error instanceof ApiError)) return false;
    const codes = this.options.finalCodes ?? [];
    return [401, 404].includes(error.status) || codes.includes(error.code);
  }
}
