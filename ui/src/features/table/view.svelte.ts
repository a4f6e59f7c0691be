import { call, subscribe, toHostError, type ColumnInfo, type ColumnRef, type HostError, type MetricInfo, type SortKey, type Stat, type TableQuery } from "$lib/host";
import { router } from "$lib/router.svelte";
import { readPref, savePref } from "$lib/state/prefs";
import { undo } from "$lib/state/undo.svelte";
import { Charted } from "./charted.svelte";
import { defaultColumns, firstDescending, isNumeric, makeColumn, nameOf, NAME_KEY, type Column } from "./columns";
import { columnId, Pages } from "./pages.svelte";

/** What of a project's table is remembered between starts, under the preference `view:<project>`. */
interface Saved {
  columns: Column[] | null;
  sort: SortKey[];
  filter: string;
  showHidden: boolean;
  showDeleted: boolean;
  chartLimit: number;
  chosen: number[] | null;
  /** Width of the table as a share of the window, and which side is folded away. */
  split: number;
  folded: "none" | "table" | "charts";
  recentFilters: string[];
}

export const DEFAULT_SPLIT = 0.46;
const RECENT_FILTERS = 20;

/** The table of one project: its columns, order, filter, and what of it is drawn. Every change of it can be undone. */
export class TableView {
  readonly project: number;
  readonly pages = new Pages();
  readonly charted: Charted;

  loaded = $state(false);
  infos = $state.raw<readonly ColumnInfo[]>([]);
  metrics = $state.raw<readonly MetricInfo[]>([]);
  error = $state.raw<HostError | null>(null);
  #ownColumns = $state.raw<readonly Column[] | null>(null);
  sort = $state.raw<readonly SortKey[]>([]);
  filter = $state("");
  showHidden = $state(false);
  showDeleted = $state(false);
  split = $state(DEFAULT_SPLIT);
  folded = $state<Saved["folded"]>("none");
  recentFilters = $state.raw<readonly string[]>([]);

  infoOf: ReadonlyMap<string, ColumnInfo> = $derived(new Map(this.infos.map((info) => [info.key, info])));
  #defaults: readonly Column[] = $derived(defaultColumns(this.infos));
  /** What the table's rows are asked for. */
  asked: readonly Column[] = $derived(this.#ownColumns ?? this.#defaults);
  /** Pinned ones lead, each group in its own order. Changes are made to this list, lest those out of sight be lost. */
  #all: readonly Column[] = $derived([...this.asked.filter((column) => column.pinned), ...this.asked.filter((column) => !column.pinned)]);
  /** Those in sight: what nobody chose and none of the runs has only takes room. */
  columns: readonly Column[] = $derived.by(() => {
    const isBlank = (column: Column) => this.pages.matched > 0 && this.pages.empty.has(columnId(column)) && !this.sortOf(column);
    return this.#all.filter((column) => column.pinned || !column.auto || !isBlank(column));
  });
  usesDefaults = $derived(this.#ownColumns === null);
  query: Omit<TableQuery, "columns" | "offset" | "limit"> = $derived.by(() => ({
    project: this.project,
    filter: this.filter,
    sort: [...this.sort],
    show_deleted: this.showDeleted,
    show_hidden: this.showHidden,
  }));

  constructor(project: number) {
    this.project = project;
    this.charted = new Charted(this);
  }

  /** Where the table was scrolled to, for coming back from a run's page. */
  scrollTop = 0;

  #loading: Promise<void> | null = null;
  /** Asked for before anybody listened for changes. */
  #ahead = false;
  #started = false;

  /** Asks for everything before the table is there to show it: the page builds itself meanwhile. */
  async preload() {
    this.#ahead = true;
    await (this.#loading ??= this.#load());
    if (this.error && !this.#started) {
      // Whoever shows it asks again, and then says what is wrong.
      this.error = null;
      this.loaded = false;
      this.#loading = null;
    } else this.askRows();
  }

  askRows() {
    this.pages.ask({ ...this.query, columns: this.asked.map(({ key, stat }) => ({ key, stat })) });
  }

  /** Loads what was remembered and follows the backend; to be called within an effect. Returns its end. */
  start(): () => void {
    let refreshColumns: ReturnType<typeof setTimeout> | undefined;
    const columnsSoon = () => {
      refreshColumns ??= setTimeout(() => {
        refreshColumns = undefined;
        void this.loadColumns();
      }, 1500);
    };
    const stop = subscribe((event) => {
      if (event.type === "runs" && event.project === this.project) {
        this.pages.refresh();
        this.charted.refresh();
        // New params and metrics are rare, a live run's news are not.
        columnsSoon();
      }
    });
    this.#started = true;
    // What changed since it was asked for, nobody heard.
    if (this.#ahead) columnsSoon();
    // Back from another view: what is kept may be old.
    else if (this.loaded) void this.loadColumns();
    this.#ahead = false;
    if (this.loaded) this.pages.refresh();
    else void (this.#loading ??= this.#load());
    return () => {
      stop();
      clearTimeout(refreshColumns);
      this.charted.stop();
    };
  }

  async #load() {
    const [saved] = await Promise.all([readPref(`view:${this.project}`).catch(() => null), this.loadColumns()]);
    if (isSaved(saved)) {
      this.#ownColumns = saved.columns?.length ? ensureName(saved.columns) : null;
      this.sort = saved.sort ?? [];
      this.filter = saved.filter ?? "";
      this.showHidden = saved.showHidden ?? false;
      this.showDeleted = saved.showDeleted ?? false;
      this.split = saved.split ?? DEFAULT_SPLIT;
      this.folded = saved.folded ?? "none";
      this.recentFilters = saved.recentFilters ?? [];
      this.charted.restore(saved.chartLimit, saved.chosen);
    }
    // An address that was opened or reloaded says more than the memory of last time.
    const { filter, sort } = router.route.query;
    if (filter !== undefined) this.filter = filter;
    if (sort !== undefined) this.sort = parseSort(sort);
    this.loaded = true;
  }

  async loadColumns() {
    try {
      const [infos, metrics] = await Promise.all([call("columns", { project: this.project }), call("metrics", { project: this.project, runs: null })]);
      if (JSON.stringify(infos) !== JSON.stringify(this.infos)) this.infos = infos;
      this.metrics = metrics;
      this.error = null;
    } catch (thrown) {
      this.error = toHostError(thrown);
    }
  }

  save() {
    if (!this.loaded) return;
    const saved: Saved = {
      columns: this.#ownColumns ? [...this.#ownColumns] : null, sort: [...this.sort], filter: this.filter, showHidden: this.showHidden, showDeleted: this.showDeleted,
      chartLimit: this.charted.limit, chosen: this.charted.chosen ? [...this.charted.chosen.keys()] : null, split: this.split, folded: this.folded, recentFilters: [...this.recentFilters],
    };
    savePref(`view:${this.project}`, saved);
    if (router.route.name === "runs" && router.route.project === this.project) {
      router.setQuery({ filter: this.filter || null, sort: formatSort(this.sort) || null });
    }
  }

  // --- columns -------------------------------------------------------------------------------------------------

  #setColumns(label: string, columns: readonly Column[] | null) {
    undo.set(label, this.#ownColumns, columns, (value) => {
      this.#ownColumns = value;
      this.save();
    });
  }

  has(ref: ColumnRef): boolean {
    return this.columns.some((column) => columnId(column) === columnId(ref));
  }

  toggleColumn(key: string, stat: Stat | null) {
    const column = makeColumn(key, stat, this.infoOf.get(key));
    if (key === NAME_KEY) return;
    // One that is out of sight for being blank is chosen now, and stays.
    const without = this.#all.filter((other) => columnId(other) !== columnId(column));
    if (this.has(column)) this.#setColumns(`hide ${nameOf(key)}`, without);
    else this.#setColumns(`show ${nameOf(key)}`, [...without, column]);
  }

  setStat(column: Column, stat: Stat) {
    if (this.has({ key: column.key, stat })) return;
    this.#setColumns(`show ${stat} of ${nameOf(column.key)}`, this.#all.map((other) => (other === column ? { ...column, stat, auto: false } : other)));
  }

  togglePin(column: Column) {
    if (column.key === NAME_KEY) return;
    this.#setColumns(`${column.pinned ? "unpin" : "pin"} ${nameOf(column.key)}`, this.#all.map((other) => (other === column ? { ...column, pinned: !column.pinned, auto: false } : other)));
  }

  /** `to`: the place among the columns in sight; crossing the line of the pinned ones pins or unpins. */
  moveColumn(column: Column, to: number) {
    const from = this.columns.indexOf(column);
    if (from < 0 || column.key === NAME_KEY) return;
    const rest = this.columns.filter((other) => other !== column);
    const at = Math.max(1, Math.min(rest.length, to > from ? to - 1 : to));
    const before = rest[at - 1];
    const after = rest[at];
    const pinned = after?.pinned ? true : column.pinned && (before?.pinned ?? false);
    if (at === from && pinned === column.pinned) return;
    const all = this.#all.filter((other) => other !== column);
    const place = after ? all.indexOf(after) : all.length;
    this.#setColumns(`move ${nameOf(column.key)}`, [...all.slice(0, place), { ...column, pinned, auto: false }, ...all.slice(place)]);
  }

  /** While dragging: nothing to undo yet. */
  previewWidth(column: Column, width: number) {
    this.#ownColumns = this.#wider(column, width);
  }

  /** `before`: `ownColumns` as it was when the dragging began. */
  resize(column: Column, width: number, before = this.ownColumns) {
    undo.set(`resize ${nameOf(column.key)}`, before, this.#wider(column, width), (value) => {
      this.#ownColumns = value;
      this.save();
    });
  }

  #wider(column: Column, width: number): readonly Column[] {
    return this.#all.map((other) => (columnId(other) === columnId(column) ? { ...other, width } : other));
  }

  /** What somebody chose; null: nobody did. */
  get ownColumns(): readonly Column[] | null {
    return this.#ownColumns;
  }

  resetColumns() {
    this.#setColumns("default columns", null);
  }

  // --- order and filter ----------------------------------------------------------------------------------------

  sortOf(column: ColumnRef): { descending: boolean; place: number } | null {
    const place = this.sort.findIndex((key) => columnId(key.column) === columnId(column));
    const key = this.sort[place];
    return key ? { descending: key.descending, place } : null;
  }

  setSort(label: string, sort: readonly SortKey[]) {
    undo.set(label, this.sort, sort, (value) => {
      this.sort = value;
      this.save();
    });
  }

  /** One click: the better end first; the next turns it; the third ends it. `add` keeps the other keys. */
  cycleSort(ref: ColumnRef, add: boolean) {
    const column: ColumnRef = { key: ref.key, stat: ref.stat };
    const current = this.sortOf(column);
    const first = firstDescending(column.key, this.metrics.find((metric) => `metric:${metric.name}` === column.key), isNumeric(column.key, this.infoOf.get(column.key)));
    const descending = current ? !current.descending : column.stat === "min" ? false : column.stat === "max" ? true : first;
    const ended = current && current.descending !== first;
    const others = add ? this.sort.filter((key) => columnId(key.column) !== columnId(column)) : [];
    if (add && current && !ended) return this.setSort(`sort by ${nameOf(column.key)}`, this.sort.map((key, i) => (i === current.place ? { column, descending } : key)));
    this.setSort(ended ? "no sort" : `sort by ${nameOf(column.key)}`, ended ? others : [...others, { column, descending }]);
  }

  setFilter(filter: string) {
    undo.set(filter ? `filter ${filter}` : "no filter", this.filter, filter, (value) => {
      this.filter = value;
      this.save();
    });
  }

  rememberFilter(filter: string) {
    const text = filter.trim();
    if (!text) return;
    this.recentFilters = [text, ...this.recentFilters.filter((other) => other !== text)].slice(0, RECENT_FILTERS);
    this.save();
  }

  toggleHidden() {
    undo.set(this.showHidden ? "leave hidden runs out" : "show hidden runs", this.showHidden, !this.showHidden, (value) => {
      this.showHidden = value;
      this.save();
    });
  }

  toggleDeleted() {
    undo.set(this.showDeleted ? "leave deleted runs out" : "show deleted runs", this.showDeleted, !this.showDeleted, (value) => {
      this.showDeleted = value;
      this.save();
    });
  }

  setSplit(split: number) {
    this.split = split;
  }

  fold(side: Saved["folded"]) {
    this.folded = this.folded === side ? "none" : side;
    this.save();
  }
}

function isSaved(value: unknown): value is Partial<Saved> {
  return typeof value === "object" && value !== null;
}

function ensureName(columns: Column[]): Column[] {
  return columns.some((column) => column.key === NAME_KEY) ? columns : [makeColumn(NAME_KEY), ...columns];
}

/** `-metric:loss|best,attr:name` in the address. */
export function formatSort(sort: readonly SortKey[]): string {
  return sort.map((key) => (key.descending ? "-" : "") + encodeURIComponent(columnId(key.column))).join(",");
}

export function parseSort(text: string): SortKey[] {
  return text.split(",").filter(Boolean).flatMap((part): SortKey[] => {
    const descending = part.startsWith("-");
    let id: string;
    try {
      id = decodeURIComponent(descending ? part.slice(1) : part);
    } catch {
      return [];
    }
    const [, key, stat] = /^(\w+:.*?)(?:\|(last|best|min|max))?$/.exec(id) ?? [];
    return key ? [{ column: { key, stat: (stat as Stat | undefined) ?? null }, descending }] : [];
  });
}

const views = new Map<number, TableView>();

/**
 * The one view of a project's table; it outlives the visit of a run's page. What it derives must not belong to the
 * component that happened to ask first: Svelte stops deriving when that one goes.
 */
export function tableView(project: number): TableView {
  if (!views.has(project)) $effect.root(() => void views.set(project, new TableView(project)));
  return views.get(project)!;
}
