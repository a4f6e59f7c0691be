import { beforeEach, expect, test, vi } from "vitest";
import type { ColumnInfo, TableQuery } from "$lib/host";

const prefs = new Map<string, unknown>();
/** Commands that fail. */
const failing = new Set<string>();
const infos: ColumnInfo[] = [
  { key: "attr:name", kind: "attr", name: "name", title: "Name", numeric: false, n_runs: 30, distinct: 30 },
  { key: "metric:loss", kind: "metric", name: "loss", title: "loss", numeric: true, n_runs: 30, distinct: 30 },
  { key: "param:lr", kind: "param", name: "lr", title: "lr", numeric: true, n_runs: 30, distinct: 4 },
];
function answer(name: string, args: never): unknown {
  if (name === "columns") return infos;
  if (name === "metrics") return [{ name: "loss", n_runs: 30, n_points: 1, prefix: "", goal: "min" }];
  if (name === "get_pref") return { value: prefs.get((args as { key: string }).key) ?? null };
  if (name === "set_pref") return prefs.set((args as { key: string }).key, (args as { value: unknown }).value);
  const { offset = 0, limit, filter, columns = [] } = args as TableQuery;
  // The toy's filter: only runs whose number is a multiple of it.
  const all = Array.from({ length: 30 }, (_, id) => id).filter((id) => !filter || id % Number(filter) === 0);
  const ids = all.slice(offset, offset + limit);
  if (name === "table_ids") return { ids, colors: ids.map((id) => id % 10), dashes: ids.map(() => 0), names: ids.map((id) => `run-${id}`) };
  return { version: 1, total: 30, matched: all.length, offset, empty: columns.map((column) => all.length > 0 && all.length < 10 && column.key === "metric:loss"), filter_error: null, filter_hint: null, rows: ids.map((id) => ({ id, name: `run-${id}`, color: id % 10, dash: 0, status: "finished", hidden: false, pinned: false, tags: [], has_note: false, n_problems: 0, gone: false, cells: [] })) };
}
vi.mock("$lib/host", async (original) => ({
  ...(await original<typeof import("$lib/host")>()),
  call: (name: string, args: never) => (failing.has(name) ? Promise.reject(new Error("no")) : Promise.resolve(answer(name, args))),
  subscribe: () => () => undefined,
}));
const { TableView } = await import("./view.svelte");
const { Cursor, markOf } = await import("./cursor.svelte");
const { dashed } = await import("./charted.svelte");
const { selection } = await import("$lib/state/selection.svelte");
const { undo } = await import("$lib/state/undo.svelte");
const { router } = await import("$lib/router.svelte");

const settle = () => new Promise<void>((done) => setTimeout(done, 5));
async function opened(project = 1) {
  const view = new TableView(project);
  view.start();
  await settle();
  view.pages.ask({ ...view.query, columns: [] });
  await view.charted.load();
  await settle();
  return { view, cursor: new Cursor(view) };
}
const keys = (view: { columns: readonly { key: string }[] }) => view.columns.map((column) => column.key);

beforeEach(() => {
  prefs.clear();
  failing.clear();
  selection.reset();
  undo.clear();
  router.replace({ name: "welcome" });
});

test("the first ten of the table are drawn until somebody chooses", async () => {
  const { view } = await opened();
  expect(selection.chartedIds).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  view.charted.toggle([{ id: 20, name: "run-20", color: 0, dash: 0 }]);
  await settle();
  expect(selection.chartedIds).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20]);
  view.charted.toggle([{ id: 3, name: "run-3", color: 3, dash: 0 }]);
  await settle();
  expect(selection.chartedIds).not.toContain(3);
  undo.undo();
  undo.undo();
  await settle();
  expect(view.charted.chosen).toBeNull();
  expect(selection.chartedIds).toHaveLength(10);
});

test("a column that nobody chose leaves when no run in sight has it, and comes back", async () => {
  const { view } = await opened();
  const ask = async () => {
    view.pages.ask({ ...view.query, columns: [...view.asked] });
    await settle();
  };
  await ask();
  expect(keys(view)).toContain("metric:loss");
  view.setFilter("4");
  await ask();
  expect(keys(view)).not.toContain("metric:loss");
  // It is still asked for: how else would it come back.
  expect(view.asked.map((column) => column.key)).toContain("metric:loss");
  view.cycleSort({ key: "metric:loss", stat: "last" }, false);
  expect(keys(view)).toContain("metric:loss");
  view.setSort("no sort", []);
  view.toggleColumn("metric:loss", "last");
  expect(keys(view)).toContain("metric:loss");
  view.resetColumns();
  expect(keys(view)).not.toContain("metric:loss");
  view.setFilter("");
  await ask();
  expect(keys(view)).toContain("metric:loss");
});

test("a change of one column does not lose those out of sight", async () => {
  const { view } = await opened();
  const ask = async (filter: string) => {
    view.setFilter(filter);
    view.askRows();
    await settle();
  };
  const lr = () => view.columns.find((column) => column.key === "param:lr")!;
  const changes = [() => view.resize(lr(), 300), () => view.togglePin(lr()), () => view.moveColumn(lr(), 1), () => view.toggleColumn("param:lr", null)];
  for (const change of changes) {
    await ask("4");
    expect(keys(view)).not.toContain("metric:loss");
    change();
    expect(keys(view)).not.toContain("metric:loss");
    await ask("");
    expect(keys(view)).toContain("metric:loss");
    view.resetColumns();
  }
  // Undone, nothing is chosen again.
  view.resize(lr(), 300);
  undo.undo();
  expect(view.usesDefaults).toBe(true);
});

test("what is loaded ahead is shown, and looked at again", async () => {
  prefs.set("view:7", { sort: [{ column: { key: "param:lr", stat: null }, descending: true }] });
  const view = new TableView(7);
  // The table comes while the answers are still under way.
  const preload = view.preload();
  const stop = view.start();
  await preload;
  await settle();
  expect(view.loaded).toBe(true);
  expect(view.sort).toHaveLength(1);
  expect(view.pages.matched).toBe(30);
  stop();
});

test("a preload that fails leaves the table to ask itself", async () => {
  failing.add("columns");
  const view = new TableView(8);
  await view.preload();
  expect([view.loaded, view.error]).toEqual([false, null]);
  failing.clear();
  view.start();
  await settle();
  expect([view.loaded, view.error]).toEqual([true, null]);
  failing.add("columns");
  const shown = new TableView(9);
  const preload = shown.preload();
  shown.start();
  await preload;
  expect(shown.loaded).toBe(true);
  expect(shown.error).not.toBeNull();
});

test("the filter decides what of the chosen is drawn", async () => {
  const { view } = await opened();
  view.charted.only([4, 5, 8].map((id) => ({ id, name: `run-${id}`, color: 0, dash: 0 })));
  view.setFilter("4");
  await view.charted.load();
  expect(selection.chartedIds).toEqual([4, 8]);
  expect(view.charted.outside).toBe(1);
});

test("the same runs stay the same array, so that charts rest", async () => {
  const { view } = await opened();
  const before = selection.charted;
  await view.charted.load();
  expect(selection.charted).toBe(before);
});

test("dashes tell runs of one colour apart, and only those, whatever the order", async () => {
  const run = (id: number, color: number) => ({ id, name: "", color, dash: 3 });
  expect(dashed([run(30, 1), run(20, 2), run(10, 1)]).map(({ id, dash }) => [id, dash])).toEqual([[30, 1], [20, 0], [10, 0]]);
  expect(dashed([1, 2, 3, 4, 5].map((id) => run(id, 0))).map(({ dash }) => dash)).toEqual([0, 1, 2, 3, 0]);
});

test("a range from the last press, and one more by itself", async () => {
  const { cursor } = await opened();
  cursor.press(2, { toggle: false, extend: false });
  cursor.press(5, { toggle: false, extend: true });
  await settle();
  expect([...selection.selected]).toEqual([2, 3, 4, 5]);
  cursor.press(9, { toggle: true, extend: false });
  expect([...selection.selected]).toEqual([2, 3, 4, 5, 9]);
  cursor.press(3, { toggle: true, extend: false });
  expect(selection.selected.has(3)).toBe(false);
  cursor.press(1, { toggle: false, extend: false });
  expect([...selection.selected]).toEqual([1]);
  expect(cursor.targets().map((run) => run.name)).toEqual(["run-1"]);
});

test("the cursor stays within the table and on its run", async () => {
  const { view, cursor } = await opened();
  cursor.moveTo(-5);
  expect(cursor.index).toBe(0);
  cursor.moveTo(500);
  expect(cursor.index).toBe(29);
  cursor.moveTo(20);
  view.setFilter("10");
  view.pages.ask({ ...view.query, columns: [] });
  await settle();
  cursor.settle();
  expect([cursor.index, cursor.row && markOf(cursor.row).name]).toEqual([2, "run-20"]);
});

test("columns: shown, hidden, moved and pinned, and every step back again", async () => {
  const { view } = await opened();
  const before = keys(view);
  expect(before).toEqual(["attr:name", "attr:status", "metric:loss", "param:lr", "attr:started"]);
  view.toggleColumn("metric:loss", "best");
  expect(view.columns.at(-1)).toMatchObject({ key: "metric:loss", stat: "best" });
  const best = view.columns.at(-1);
  if (best) view.moveColumn(best, 1);
  expect(keys(view)[1]).toBe("metric:loss");
  const lr = view.columns.find((column) => column.key === "param:lr");
  if (lr) view.togglePin(lr);
  expect(keys(view).slice(0, 2)).toEqual(["attr:name", "param:lr"]);
  view.toggleColumn("attr:name", null);
  expect(keys(view)).toContain("attr:name");
  for (let i = 0; i < 3; i++) undo.undo();
  expect(keys(view)).toEqual(before);
  expect(view.usesDefaults).toBe(true);
});

test("a header's clicks: the better end, the other, none; Shift adds a key", async () => {
  const { view } = await opened();
  const loss = { key: "metric:loss", stat: "last" as const };
  view.cycleSort(loss, false);
  expect(view.sort).toEqual([{ column: loss, descending: false }]);
  view.cycleSort(loss, false);
  expect(view.sort[0]?.descending).toBe(true);
  view.cycleSort({ key: "attr:name", stat: null }, true);
  expect(view.sort.map((key) => key.column.key)).toEqual(["metric:loss", "attr:name"]);
  view.cycleSort(loss, false);
  expect(view.sort).toEqual([]);
});

test("what was arranged is there after a restart; the address wins over it", async () => {
  vi.useFakeTimers();
  const { view } = await Promise.all([opened(4), vi.advanceTimersByTimeAsync(100)]).then(([made]) => made);
  view.setFilter("3");
  view.toggleColumn("attr:user", null);
  view.fold("charts");
  await vi.advanceTimersByTimeAsync(1000);
  vi.useRealTimers();
  const again = (await opened(4)).view;
  expect([again.filter, again.folded, keys(again).at(-1)]).toEqual(["3", "charts", "attr:user"]);
  router.replace({ name: "runs", project: 4, query: { filter: "5" } });
  expect((await opened(4)).view.filter).toBe("5");
});
