import { call } from "$lib/host";
import { selection, type RunMark } from "$lib/state/selection.svelte";
import { notices } from "$lib/state/notices.svelte";
import type { LoadedRow } from "./pages.svelte";
import type { TableView } from "./view.svelte";

const RANGE_ROWS = 100_000;

export const markOf = (row: LoadedRow): RunMark => ({ id: row.id, name: row.name, color: row.color, dash: row.dash });

/** Where the keys act in a table, and which rows are marked. The cursor follows its run when rows change places. */
export class Cursor {
  index = $state(0);
  #anchor = 0;
  #view: TableView;
  /** Rows by id as they were when marked: an action needs their names even when they are out of sight. */
  #known = new Map<number, RunMark>();

  constructor(view: TableView) {
    this.#view = view;
  }

  get row(): LoadedRow | undefined {
    return this.#view.pages.row(this.index);
  }

  /** The runs that an action means: the marked ones, or the cursor's. */
  targets(): RunMark[] {
    if (selection.selected.size) return [...selection.selected].map((id) => this.#nameOf(id));
    const row = this.row;
    return row ? [markOf(row)] : [];
  }

  #nameOf(id: number): RunMark {
    const found = this.#view.pages.find(id);
    return found ? markOf(found.row) : (this.#known.get(id) ?? { id, name: `run ${id}`, color: 0, dash: 0 });
  }

  /** Rows came or went: stays on its run if that is at hand, else on its place. */
  settle() {
    const { matched } = this.#view.pages;
    const id = selection.focused;
    const here = this.row;
    if (id !== null && here?.id !== id) {
      const found = this.#view.pages.find(id);
      if (found) this.index = found.index;
    }
    if (this.index >= matched) this.index = Math.max(0, matched - 1);
    if (selection.focused === null || this.row) selection.focused = this.row?.id ?? selection.focused;
  }

  moveTo(index: number, extend = false) {
    const last = this.#view.pages.matched - 1;
    this.index = Math.max(0, Math.min(last, index));
    selection.focused = this.row?.id ?? null;
    if (extend) void this.#markRange();
    else this.#anchor = this.index;
  }

  /** A click: this row alone; with Ctrl one more or less; with Shift all from the last. */
  press(index: number, how: { toggle: boolean; extend: boolean }) {
    if (how.extend) return this.moveTo(index, true);
    this.moveTo(index);
    const row = this.row;
    if (!row) return;
    if (how.toggle) this.toggle();
    else this.#mark([markOf(row)]);
  }

  toggle() {
    const row = this.row;
    if (!row) return;
    const next = new Set(selection.selected);
    this.#known.set(row.id, markOf(row));
    if (!next.delete(row.id)) next.add(row.id);
    selection.selected = next;
    this.#anchor = this.index;
  }

  clear() {
    selection.selected = new Set();
    this.#known.clear();
  }

  async all() {
    this.#mark(await this.#between(0, this.#view.pages.matched - 1));
  }

  #mark(runs: readonly RunMark[]) {
    for (const run of runs) this.#known.set(run.id, run);
    selection.selected = new Set(runs.map((run) => run.id));
  }

  async #markRange() {
    const [from, to] = [Math.min(this.#anchor, this.index), Math.max(this.#anchor, this.index)];
    this.#mark(await this.#between(from, to));
  }

  async #between(from: number, to: number): Promise<RunMark[]> {
    const runs: RunMark[] = [];
    for (let index = from; index <= to; index++) {
      const row = this.#view.pages.row(index);
      if (!row) return this.#askBetween(from, to);
      runs.push(markOf(row));
    }
    return runs;
  }

  async #askBetween(from: number, to: number): Promise<RunMark[]> {
    try {
      const reply = await call("table_ids", { ...this.#view.query, limit: Math.min(RANGE_ROWS, to + 1) });
      return reply.ids.slice(from, to + 1).map((id, i) => ({ id, name: reply.names[from + i] ?? "", color: reply.colors[from + i] ?? 0, dash: reply.dashes[from + i] ?? 0 }));
    } catch (thrown) {
      notices.failed(thrown);
      return [];
    }
  }
}
