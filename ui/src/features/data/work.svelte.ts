import { toHostError, type HostError } from "$lib/host";
import { paced } from "$lib/paced";
import { Work } from "$lib/state/work.svelte";

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
