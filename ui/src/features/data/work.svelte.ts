import { call, subscribe, toHostError, type HostError } from "$lib/host";
import { paced } from "$lib/paced";

/** A look at data that may take long: how far it is, and a way to end it. */
export class Work {
  done = $state(0);
  of = $state(0);
  /** Since it has taken longer than a glance. */
  isLong = $state(false);
  #number: number | null = null;
  #dropped: number | null = null;

  /** `null`: another one is wanted by now. */
  async run<T>(ask: (work: number) => Promise<T>): Promise<T | null> {
    this.supersede();
    const mine = Math.floor(Math.random() * 0xffff_ffff);
    [this.#number, this.done, this.of] = [mine, 0, 0];
    const leave = subscribe((event) => {
      if (event.type === "work" && event.work === mine && this.#number === mine) [this.done, this.of] = [event.done, event.of];
    });
    const timer = setTimeout(() => this.#number === mine && (this.isLong = true), 400);
    try {
      const found = await ask(mine);
      return this.#dropped === mine ? null : found;
    } catch (thrown) {
      if (this.#dropped === mine) return null;
      throw thrown;
    } finally {
      leave();
      clearTimeout(timer);
      if (this.#number === mine) [this.#number, this.isLong] = [null, false];
    }
  }

  /** What is under way is not wanted any more: it ends, and nobody is told. */
  supersede = () => {
    this.#dropped = this.#number;
    this.stop();
  };

  /** The person has had enough. */
  stop = () => {
    if (this.#number !== null) void call("stop_work", { work: this.#number }).catch(() => undefined);
  };
}

/** What a page asks for at length: what came last, what went wrong since, and the work on what comes next. */
export class Look<T> {
  found = $state.raw<T | null>(null);
  error = $state.raw<HostError | null>(null);
  readonly work = new Work();
  readonly #load;

  constructor(ask: (work: number) => Promise<T>) {
    this.#load = paced(async () => {
      try {
        const found = await this.work.run(ask);
        if (found !== null) this.found = found;
        this.error = null;
      } catch (thrown) {
        this.error = toHostError(thrown);
      }
    });
  }

  /** Asks for what is wanted by now; what was asked before is not waited for. */
  again = () => {
    this.work.supersede();
    this.#load.now();
  };

  /** Who leaves does not wait for it. */
  leave = () => {
    this.#load.stop();
    this.work.stop();
  };
}
