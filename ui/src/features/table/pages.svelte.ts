import { call, toHostError, type Cell, type HostError, type TableQuery, type TableRow } from "$lib/host";
import { pagesOf, type RowWindow } from "./scroller";

export const PAGE_ROWS = 100;
const KEPT_PAGES = 80;
/** Between two refreshes for live changes: as often as an eye can read numbers. */
const REFRESH_MS = 200;

export type PageQuery = Omit<TableQuery, "offset" | "limit">;
export interface LoadedRow extends TableRow {
  /** Where each column's cell is: rows that were asked for before a column came lack it. */
  at: ReadonlyMap<string, number>;
}
interface Page {
  rows: LoadedRow[];
  stale: boolean;
}

export const columnId = (column: { key: string; stat: string | null }) => (column.stat ? `${column.key}|${column.stat}` : column.key);

/**
 * The rows of one query, by page. What was loaded stays in sight until its successor has arrived: neither a new
 * sort nor a live change makes the table blink.
 */
export class Pages {
  matched = $state(0);
  total = $state(0);
  /** False until the first page of the first query. */
  ready = $state(false);
  /** The rows in sight answer an older query than the one that was asked. */
  behind = $state(false);
  error = $state.raw<HostError | null>(null);
  filterError = $state.raw<HostError | null>(null);
  /** Ids of the columns in which no run that matches has a value. */
  empty = $state.raw<ReadonlySet<string>>(new Set());
  /** Why the filter may match nothing. */
  filterHint = $state<string | null>(null);
  #revision = $state(0);

  #query: PageQuery | null = null;
  #queryText = "";
  #generation = 0;
  #shownGeneration = -1;
  /** The generation whose filter was not understood: asking again would not help. */
  #refused = -1;
  #pages = new Map<number, Page>();
  #inFlight = new Map<number, number>();
  #window: RowWindow = { first: 0, end: 40 };
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #lastRefresh = 0;
  /** Counts what was heard: an answer that was under way meanwhile is old on arrival. */
  #news = 0;

  /** Reactive: reading a row follows its arrival. */
  row(index: number): LoadedRow | undefined {
    void this.#revision;
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.rows[index % PAGE_ROWS];
  }

  /** Rows at hand, in order, for measuring widths and finding a run's place. */
  *loaded(): Generator<{ index: number; row: LoadedRow }> {
    for (const [page, { rows }] of this.#pages) {
      for (const [i, row] of rows.entries()) yield { index: page * PAGE_ROWS + i, row };
    }
  }

  find(id: number): { index: number; row: LoadedRow } | undefined {
    void this.#revision;
    for (const entry of this.loaded()) if (entry.row.id === id) return entry;
    return undefined;
  }

  ask(query: PageQuery) {
    // The order of columns does not change what is asked.
    const columns = query.columns.toSorted((a, b) => (columnId(a) < columnId(b) ? -1 : 1));
    const sorted = { ...query, columns };
    const text = JSON.stringify(sorted);
    if (text === this.#queryText) return;
    this.#queryText = text;
    this.#query = sorted;
    this.#generation++;
    this.#inFlight.clear();
    this.behind = this.ready;
    this.#load();
  }

  /** Tells which rows are in sight. */
  look(window: RowWindow) {
    this.#window = window;
    this.#load();
  }

  /** Something changed in the backend. */
  refresh() {
    this.#news++;
    for (const page of this.#pages.values()) page.stale = true;
    this.#schedule();
  }

  #schedule() {
    if (this.#refreshTimer) return;
    const wait = Math.max(0, this.#lastRefresh + REFRESH_MS - performance.now());
    this.#refreshTimer = setTimeout(() => {
      this.#refreshTimer = undefined;
      this.#lastRefresh = performance.now();
      this.#load(true);
    }, wait);
  }

  retry() {
    this.error = null;
    this.#inFlight.clear();
    this.#load();
  }

  /** Asks for what is in sight and not at hand; for what is old only at a refresh's turn. */
  #load(refreshing = false) {
    if (!this.#query || this.#refused === this.#generation) return;
    const fresh = this.#shownGeneration === this.#generation;
    const wanted = pagesOf(this.#window.end > this.#window.first ? this.#window : { first: 0, end: 1 }, PAGE_ROWS);
    for (const page of wanted) {
      const have = fresh ? this.#pages.get(page) : undefined;
      if ((have && !have.stale) || this.#inFlight.get(page) === this.#generation) continue;
      if (have && !refreshing) {
        this.#schedule();
        continue;
      }
      // While the thumb is dragged pages pass by faster than they can be answered.
      if (this.#inFlight.size >= 3) return;
      void this.#fetch(page, this.#query, this.#generation);
    }
  }

  async #fetch(page: number, query: PageQuery, generation: number) {
    this.#inFlight.set(page, generation);
    const news = this.#news;
    try {
      const reply = await call("table", { ...query, offset: page * PAGE_ROWS, limit: PAGE_ROWS });
      if (generation !== this.#generation) return;
      this.error = null;
      if (reply.filter_error) {
        const { code, message, hint, detail } = reply.filter_error;
        this.filterError = toHostError({ code, message, hint, detail });
        this.#refused = generation;
        this.total = reply.total;
        this.ready = true;
        this.behind = false;
        return;
      }
      this.filterError = null;
      this.filterHint = reply.filter_hint;
      const empty = query.columns.filter((_, i) => reply.empty[i]).map(columnId);
      if (empty.join("\n") !== [...this.empty].join("\n")) this.empty = new Set(empty);
      const at = new Map(query.columns.map((column, i) => [columnId(column), i]));
      if (this.#shownGeneration !== generation) {
        this.#shownGeneration = generation;
        this.#pages.clear();
      }
      this.#pages.delete(page);
      this.#pages.set(page, { rows: reply.rows.map((row) => ({ ...row, at })), stale: news !== this.#news });
      this.#trim();
      this.matched = reply.matched;
      this.total = reply.total;
      this.ready = true;
      this.behind = false;
      this.#revision++;
    } catch (thrown) {
      if (generation === this.#generation) this.error = toHostError(thrown);
    } finally {
      if (this.#inFlight.get(page) === generation) this.#inFlight.delete(page);
      if (generation === this.#generation && !this.error) this.#load();
    }
  }

  /** Forgets the pages that were loaded longest ago. */
  #trim() {
    const shown = new Set(pagesOf(this.#window, PAGE_ROWS));
    for (const page of this.#pages.keys()) {
      if (this.#pages.size <= KEPT_PAGES) return;
      if (!shown.has(page)) this.#pages.delete(page);
    }
  }
}

/** Undefined: not loaded yet. */
export function cellOf(row: LoadedRow, column: { key: string; stat: string | null }): Cell | undefined {
  const at = row.at.get(columnId(column));
  return at === undefined ? undefined : row.cells[at];
}
