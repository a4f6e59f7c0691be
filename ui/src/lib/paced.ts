export interface Paced {
  /** Does it, after what is under way. */
  now(): void;
  /** Does it, but no more often than the pace: what is wanted meanwhile is one. */
  soon(): void;
  stop(): void;
}

/** Work that many things ask for and that must not overtake itself, such as loading a list. It must not reject. */
export function paced(work: () => Promise<void>, ms = 1000): Paced {
  let busy = false;
  let wanted: "now" | "soon" | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = -Infinity;

  async function run() {
    clearTimeout(timer);
    timer = undefined;
    [busy, wanted, last] = [true, null, performance.now()];
    await work();
    busy = false;
    if (wanted === "now") void run();
    else if (wanted === "soon") soon();
  }

  function now() {
    if (busy) wanted = "now";
    else void run();
  }

  function soon() {
    if (busy) wanted ??= "soon";
    else timer ??= setTimeout(() => void run(), Math.max(0, last + ms - performance.now()));
  }

  function stop() {
    clearTimeout(timer);
    [timer, wanted] = [undefined, null];
  }

  return { now, soon, stop };
}
