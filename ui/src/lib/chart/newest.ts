// At most one request on its way, and of those asked meanwhile only the newest goes next.

export interface Clock {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

export const pageClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const id = setTimeout(run, ms);
    return () => clearTimeout(id);
  },
};

export class NewestOnly<Args, Reply> {
  #flying = false;
  #waiting: { args: Args } | null = null;
  #stopped = false;
  #lastStart = -Infinity;
  #lastTookMs = 0;
  #cancelTimer: (() => void) | null = null;

  constructor(
    private readonly fetch: (args: Args) => Promise<Reply>,
    private readonly deliver: (reply: Reply, args: Args) => void,
    private readonly fail: (error: unknown, args: Args) => void,
    private readonly minIntervalMs = 0,
    private readonly clock: Clock = pageClock,
  ) {}

  get busy(): boolean {
    return this.#flying || this.#waiting !== null;
  }

  /** How long the last request took, in ms. */
  get lastTookMs(): number {
    return this.#lastTookMs;
  }

  /** `soon`: new data, can wait for the interval. Without it (the user zoomed) the request goes at once. */
  ask(args: Args, soon = false): void {
    if (this.#stopped) return;
    this.#waiting = { args };
    if (this.#flying) return;
    const wait = soon ? this.#lastStart + Math.max(this.minIntervalMs, this.#lastTookMs * 3) - this.clock.now() : 0;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (wait > 0) this.#cancelTimer = this.clock.after(wait, () => this.#go());
    else this.#go();
  }

  /** Forgets what waits; what flies is ignored when it lands. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = null;
    this.#cancelTimer?.();
  }

  #go(): void {
    this.#cancelTimer = null;
    const next = this.#waiting;
    if (!next || this.#flying || this.#stopped) return;
    this.#waiting = null;
    this.#flying = true;
    this.#lastStart = this.clock.now();
    const done = () => {
      this.#flying = false;
      this.#lastTookMs = this.clock.now() - this.#lastStart;
    };
    this.fetch(next.args).then(
      (reply) => {
        done();
        if (this.#stopped) return;
        this.deliver(reply, next.args);
        if (this.#waiting) this.#go();
      },
      (error: unknown) => {
        done();
        if (this.#stopped) return;
        this.fail(error, next.args);
        if (this.#waiting) this.#go();
      },
    );
  }
}
