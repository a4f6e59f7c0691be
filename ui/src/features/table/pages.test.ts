import { beforeEach, expect, test, vi } from "vitest";
import type { TablePage, TableQuery, TableRow } from "$lib/host";

const call = vi.fn<(name: string, args: TableQuery) => Promise<TablePage>>();
vi.mock("$lib/host", async (original) => ({ ...(await original<typeof import("$lib/host")>()), call: (name: string, args: TableQuery) => call(name, args) }));
const { cellOf, Pages } = await import("./pages.svelte");

const row = (id: number, cells: TableRow["cells"]): TableRow => ({ id, name: `run-${id}`, color: 0, dash: 0, status: "finished", hidden: false, pinned: false, tags: [], has_note: false, n_problems: 0, gone: false, cells });
const page = (args: TableQuery, label: string, matched = 1000): TablePage => ({
  version: 1, total: 1000, matched, offset: args.offset, empty: [], filter_error: null, filter_hint: null,
  rows: Array.from({ length: Math.max(0, Math.min(args.limit, matched - args.offset)) }, (_, i) => row(args.offset + i, args.columns.map((column) => `${label} ${column.key}`))),
});
const query = (over: Partial<TableQuery> = {}) => ({ project: 1, filter: "", sort: [], columns: [{ key: "attr:name", stat: null }, { key: "metric:loss", stat: "last" as const }], show_deleted: false, show_hidden: false, ...over });
const settle = () => vi.waitFor(() => new Promise<void>((done) => setTimeout(done, 0)));

beforeEach(() => {
  call.mockReset();
  call.mockImplementation((_name, args) => Promise.resolve(page(args, "first")));
});

test("asks only for the pages in sight", async () => {
  const pages = new Pages();
  pages.look({ first: 480, end: 520 });
  pages.ask(query());
  await settle();
  expect(call.mock.calls.map(([, args]) => args.offset).toSorted()).toEqual([400, 500]);
  expect(pages.row(510)?.id).toBe(510);
  expect(pages.row(10)).toBeUndefined();
});

test("columns in another order are no new question, and cells are found by their column", async () => {
  const pages = new Pages();
  pages.ask(query());
  await settle();
  pages.ask(query({ columns: query().columns.toReversed() }));
  await settle();
  expect(call).toHaveBeenCalledTimes(1);
  const first = pages.row(0);
  expect(first && cellOf(first, { key: "metric:loss", stat: "last" })).toBe("first metric:loss");
  expect(first && cellOf(first, { key: "metric:loss", stat: "best" })).toBeUndefined();
});

test("the old rows stay until the new ones are there", async () => {
  const pages = new Pages();
  pages.ask(query());
  await settle();
  let answer: (page: TablePage) => void = () => undefined;
  call.mockImplementation(() => new Promise((done) => (answer = done)));
  pages.ask(query({ filter: "a = 1" }));
  expect(pages.row(0)?.id).toBe(0);
  expect(pages.behind).toBe(true);
  await settle();
  answer(page({ ...query(), offset: 0, limit: 100 }, "second", 3));
  await settle();
  expect(pages.behind).toBe(false);
  expect(pages.matched).toBe(3);
  expect(pages.row(0)?.cells[0]).toBe("second attr:name");
});

test("an answer to an older question is dropped", async () => {
  const pages = new Pages();
  const answers: ((page: TablePage) => void)[] = [];
  call.mockImplementation(() => new Promise((done) => answers.push(done)));
  pages.ask(query({ filter: "old" }));
  pages.ask(query({ filter: "new" }));
  await settle();
  const args = { ...query(), offset: 0, limit: 100 };
  answers[1]?.(page(args, "new", 7));
  await settle();
  answers[0]?.(page(args, "old", 900));
  await settle();
  expect(pages.matched).toBe(7);
});

test("a filter that is not understood is told once, not asked again and again", async () => {
  const pages = new Pages();
  call.mockImplementation((_name, args) => Promise.resolve({ ...page(args, "x", 0), rows: [], filter_error: { code: "bad_filter", message: "what?", hint: null, detail: { start: 0, end: 1 } }, filter_hint: null }));
  pages.ask(query({ filter: "?" }));
  await settle();
  pages.look({ first: 0, end: 30 });
  await settle();
  expect(call).toHaveBeenCalledTimes(1);
  expect(pages.filterError?.message).toBe("what?");
  expect(pages.ready).toBe(true);
});

test("an error is kept for the view, and a retry asks again", async () => {
  const pages = new Pages();
  call.mockRejectedValueOnce({ code: "store", message: "locked", hint: "wait", detail: null });
  pages.ask(query());
  await settle();
  expect(pages.error?.hint).toBe("wait");
  pages.retry();
  await settle();
  expect(pages.error).toBeNull();
  expect(pages.row(0)?.id).toBe(0);
});

test("news that come while an answer is under way are asked for after it", async () => {
  const pages = new Pages();
  const answers: (() => void)[] = [];
  call.mockImplementation((_name, args) => {
    const label = `answer ${answers.length + 1}`;
    return new Promise((done) => answers.push(() => done(page(args, label))));
  });
  pages.ask(query());
  await settle();
  pages.refresh();
  answers[0]?.();
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.();
  await vi.waitFor(() => expect(pages.row(0)?.cells[0]).toBe("answer 2 attr:name"));
  expect(call).toHaveBeenCalledTimes(2);
});

test("news refresh what is in sight in one go", async () => {
  const pages = new Pages();
  pages.ask(query());
  await settle();
  call.mockImplementation((_name, args) => Promise.resolve(page(args, "fresh")));
  vi.useFakeTimers();
  for (let i = 0; i < 20; i++) pages.refresh();
  expect(pages.row(0)?.cells[0]).toBe("first attr:name");
  await vi.advanceTimersByTimeAsync(300);
  vi.useRealTimers();
  expect(call).toHaveBeenCalledTimes(2);
  expect(pages.row(0)?.cells[0]).toBe("fresh attr:name");
});
