// @vitest-environment node
import { expect, test } from "vitest";
import { score } from "./match";

const best = (query: string, titles: string[]) => titles.map((title) => ({ title, score: score(query, title) })).filter((entry) => entry.score > 0).toSorted((a, b) => b.score - a.score)[0]?.title;

test.each([
  ["note", ["Not drawn", "Note…", "Keynote"], "Note…"],
  ["cc", ["Accept", "Choose columns…"], "Choose columns…"],
  ["col choose", ["Choose columns…", "Choose"], "Choose columns…"],
  ["setings", ["Settings"], "Settings"],
  ["zzz", ["Settings"], undefined],
])("%s in %o finds %s", (query, titles, wanted) => expect(best(query, titles)).toBe(wanted));

test("other words count for half, and an empty query finds all", () => {
  expect(score("color", "Recolour…", "color palette")).toBeGreaterThan(0);
  expect(score("", "Anything")).toBeGreaterThan(0);
});
