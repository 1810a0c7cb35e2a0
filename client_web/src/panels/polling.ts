/** Asks the server again and again, as long as somebody looks. */
import { systemTimers, type Timers } from "../clock";
import { ApiError } from "../errors";

const PAUSE_AFTER_ERROR_MS = 1000;
/** Between two questions that news asks for. */
const PAUSE_AFTER_NEWS_MS = 100;

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
  private isAsking = false;
  private isWantedAgain = false;
  /** Set while the next question is waited for: not before the first, nor after the last. */
  private timer: number | null = null;
  private readonly timers: Timers;

  constructor(private readonly options: PollingOptions<T>) {
    this.timers = options.timers ?? systemTimers;
  }

  start(): void {
    void this.ask();
  }

  /** Do not wait for the interval: there is news. An answer that is under way may lack it and is not enough. */
  askNow(): void {
    if (this.isAsking) this.isWantedAgain = true;
    else if (this.timer !== null) {
      this.timers.clear(this.timer);
      void this.ask();
    }
  }

  end(): void {
    this.isEnded = true;
    if (this.timer !== null) this.timers.clear(this.timer);
  }

  private async ask(): Promise<void> {
    const { options } = this;
    let pauseMs: number | null = options.intervalMs;
    this.timer = null;
    this.isAsking = true;
    this.isWantedAgain = false;
    if (options.isVisible?.() ?? !document.hidden) {
      try {
        const answer = await options.ask();
        if (!this.isEnded) options.onAnswer(answer);
      } catch (error) {
        if (!this.isEnded) options.onError(error);
        pauseMs = this.isFinal(error) ? null : Math.max(PAUSE_AFTER_ERROR_MS, options.intervalMs);
      }
    }
    this.isAsking = false;
    if (!this.isEnded && pauseMs !== null) this.waitFor(pauseMs);
  }

  private waitFor(pauseMs: number): void {
    const delayMs = this.isWantedAgain ? Math.min(pauseMs, PAUSE_AFTER_NEWS_MS) : pauseMs;
    this.timer = this.timers.set(() => void this.ask(), delayMs);
  }

  private isFinal(error: unknown): boolean {
    if (!(error instanceof ApiError)) return false;
    const codes = this.options.finalCodes ?? [];
    return [401, 404].includes(error.status) || codes.includes(error.code);
  }
}
