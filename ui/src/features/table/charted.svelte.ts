import { call, toHostError, type HostError } from "$lib/host";
import { selection, type RunMark } from "$lib/state/selection.svelte";
import { undo } from "$lib/state/undo.svelte";
import type { TableView } from "./view.svelte";

export const CHART_LIMITS = [5, 10, 25, 50, 100];
const DEFAULT_LIMIT = 10;
/** Choosing by hand looks this far down the table for names, colours and whether the filter still lets a run in. */
const LOOK_ROWS = 5000;
const REFRESH_MS = 300;

/**
 * Which runs are drawn: the first few of the table until somebody chooses, then those that were chosen, as far
 * as the filter lets them in. The answer goes to `selection.charted`, which charts read.
 */
export class Charted {
  limit = $state(DEFAULT_LIMIT);
  /** Null: the first `limit` of the table. */
  chosen = $state.raw<ReadonlyMap<number, RunMark> | null>(null);
  error = $state.raw<HostError | null>(null);
  dashes: ReadonlyMap<number, number> = $derived(new Map(selection.charted.map((run) => [run.id, run.dash])));
  ids: ReadonlySet<number> = $derived(new Set(selection.charted.map((run) => run.id)));
  /** Of the chosen, how many the filter leaves out. */
  outside = $derived(this.chosen ? [...this.chosen.keys()].filter((id) => !this.ids.has(id)).length : 0);

  #view: TableView;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(view: TableView) {
    this.#view = view;
  }

  restore(limit: number | undefined, chosen: number[] | null | undefined) {
    if (limit) this.limit = limit;
    this.chosen = chosen ? new Map(chosen.map((id) => [id, { id, name: "", color: 0, dash: 0 }])) : null;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#asked++;
  }

  refresh() {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.load();
    }, REFRESH_MS);
  }

  async load() {
    const asked = ++this.#asked;
    const { project, filter, sort, show_deleted, show_hidden } = this.#view.query;
    const limit = this.chosen ? LOOK_ROWS : this.limit;
    try {
      const reply = limit === 0 ? { ids: [], colors: [], dashes: [], names: [] } : await call("table_ids", { project, filter, sort, show_deleted, show_hidden, limit });
      if (asked !== this.#asked) return;
      this.error = null;
      const inTable = reply.ids.map((id, i): RunMark => ({ id, name: reply.names[i] ?? "", color: reply.colors[i] ?? 0, dash: reply.dashes[i] ?? 0 }));
      this.#publish(this.chosen ? this.#pick(inTable, this.chosen) : inTable);
    } catch (thrown) {
      if (asked !== this.#asked) return;
      const error = toHostError(thrown);
      // A filter that is being written is no reason to take the lines away.
      if (error.code !== "bad_filter") this.error = error;
      selection.chartedKnown = true;
    }
  }

  #pick(inTable: RunMark[], chosen: ReadonlyMap<number, RunMark>): RunMark[] {
    const found = inTable.filter((run) => chosen.has(run.id));
    if (inTable.length < LOOK_ROWS) return found;
    const seen = new Set(found.map((run) => run.id));
    return [...found, ...[...chosen.values()].filter((run) => !seen.has(run.id) && run.name)];
  }

  /** Charts compare by identity: the same runs stay the same array. */
  #publish(marks: RunMark[]) {
    const runs = dashed(marks);
    if (JSON.stringify(runs) !== JSON.stringify(selection.charted)) selection.charted = runs;
    selection.chartedKnown = true;
    if (selection.baseline !== null && !runs.some((run) => run.id === selection.baseline)) selection.baseline = null;
  }

  #set(label: string, chosen: ReadonlyMap<number, RunMark> | null, limit = this.limit) {
    undo.set(label, { chosen: this.chosen, limit: this.limit }, { chosen, limit }, (value) => {
      this.chosen = value.chosen;
      this.limit = value.limit;
      // At once in sight; the answer of the table puts names, colours and order right.
      if (value.chosen) this.#publish([...value.chosen.values()].filter((run) => run.name || this.ids.has(run.id)));
      this.#view.save();
      void this.load();
    });
  }

  toggle(runs: readonly RunMark[]) {
    const next = new Map((this.chosen ? [...this.chosen.values()] : selection.charted).map((run) => [run.id, run]));
    const show = runs.some((run) => !this.ids.has(run.id));
    for (const run of runs) {
      if (show) next.set(run.id, run);
      else next.delete(run.id);
    }
    const what = runs.length === 1 ? (runs[0]?.name ?? "") : `${runs.length} runs`;
    this.#set(`${show ? "draw" : "do not draw"} ${what}`, next);
  }

  only(runs: readonly RunMark[]) {
    this.#set(`draw only ${runs.length === 1 ? (runs[0]?.name ?? "") : `${runs.length} runs`}`, new Map(runs.map((run) => [run.id, run])));
  }

  first(limit: number) {
    this.#set(`draw the first ${limit}`, null, limit);
  }

  none() {
    this.#set("draw nothing", new Map());
  }
}

/**
 * A line is dashed only where another of its colour is drawn too: the oldest stays solid, whatever the order of
 * the table. Colours never change by what else is drawn.
 */
export function dashed(runs: readonly RunMark[]): RunMark[] {
  const taken = new Map<number, number>();
  const dashes = new Map<number, number>();
  for (const run of runs.toSorted((a, b) => a.id - b.id)) {
    const n = taken.get(run.color) ?? 0;
    taken.set(run.color, n + 1);
    dashes.set(run.id, n % 4);
  }
  return runs.map((run) => ({ ...run, dash: dashes.get(run.id) ?? 0 }));
}
