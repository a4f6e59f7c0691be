/** Counts, per metric, how often new points were announced; "" stands for all metrics. At most one change per 50 ms. */
export class SeriesTicks {
  counts = $state.raw<ReadonlyMap<string, number>>(new Map());
  #pending = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** An empty list says that many metrics moved. */
  bump(metrics: readonly string[]) {
    if (metrics.length === 0) this.#pending.add("");
    for (const metric of metrics) this.#pending.add(metric);
    this.#timer ??= setTimeout(() => this.#flush(), 50);
  }

  #flush() {
    this.#timer = undefined;
    const next = new Map(this.counts);
    for (const metric of this.#pending) next.set(metric, (next.get(metric) ?? 0) + 1);
    this.#pending.clear();
    this.counts = next;
  }
}
