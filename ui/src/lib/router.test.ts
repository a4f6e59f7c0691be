import { expect, test } from "vitest";
import { formatRoute, parseRoute, router, type RouteTarget } from "./router.svelte";

test.each<[string, RouteTarget]>([
  ["#/", { name: "welcome" }],
  ["#/settings", { name: "settings" }],
  ["#/p/1/runs", { name: "runs", project: 1 }],
  ["#/p/1/run/42?tab=artifacts", { name: "run", project: 1, run: 42, query: { tab: "artifacts" } }],
  ["#/p/7/problems?of=all", { name: "problems", project: 7, query: { of: "all" } }],
])("%s both ways", (hash, target) => {
  expect(parseRoute(hash)).toEqual({ query: {}, ...target });
  expect(formatRoute(target)).toBe(hash);
});

test.each(["", "#", "#/nowhere", "#/p/x/runs", "#/p/-1/runs", "#/p/99999999999", "#/settings/more"])("%s is the first screen", (hash) => {
  expect(parseRoute(hash).name).toBe("welcome");
});

test("a run without a number is its project's table", () => {
  expect(parseRoute("#/p/3/run/abc")).toEqual({ name: "runs", project: 3, query: {} });
});

test("any filter survives the address", () => {
  const filter = `metrics."a b" < 0.3 and tags.x like '%ü&?#%'`;
  const hash = formatRoute({ name: "runs", project: 1, query: { filter } });
  expect(parseRoute(hash).query.filter).toBe(filter);
});

test("a query changes in place and drops what is empty", () => {
  router.go({ name: "runs", project: 1 });
  const before = history.length;
  router.setQuery({ filter: "a = 1", sort: "x" });
  router.setQuery({ sort: null });
  expect(router.route).toEqual({ name: "runs", project: 1, query: { filter: "a = 1" } });
  expect(history.length).toBe(before);
});
