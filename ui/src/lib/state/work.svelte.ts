import { call, subscribe } from "$lib/host";

/** Something that may take long: how far it is, and a way to end it. */
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
