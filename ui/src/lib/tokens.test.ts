// @vitest-environment node
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import tokens from "../../../assets/tokens.json";
import { css, target } from "../../scripts/tokens.mjs";
import { contrast, deltaE2000, distance, type Vision } from "./colour";
import { runColor, runDash, themes, type ThemeName } from "./tokens";

const THEMES: readonly ThemeName[] = ["dark", "light"];

test("CIEDE2000 agrees with the published pairs", () => {
  // Sharma, Wu and Dalal 2005, table 1, pairs 1, 7, 17 and 25.
  expect(deltaE2000([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 4);
  expect(deltaE2000([50, 0, 0], [50, -1, 2])).toBeCloseTo(2.3669, 4);
  expect(deltaE2000([50, 2.5, 0], [73, 25, -18])).toBeCloseTo(27.1492, 4);
  expect(deltaE2000([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387])).toBeCloseTo(1.2644, 4);
});

test.each(THEMES)("%s: any two run colours stay apart, for colour-blind eyes too", (theme) => {
  const least: Record<Vision, number> = { normal: 16, protanopia: 10, deuteranopia: 10 };
  for (const [vision, wanted] of Object.entries(least)) {
    for (const [i, a] of tokens.runs[theme].entries()) {
      for (const b of tokens.runs[theme].slice(i + 1)) {
        expect(distance(a, b, vision as Vision), `${a} and ${b} with ${vision}`).toBeGreaterThanOrEqual(wanted);
      }
    }
  }
});

test.each(THEMES)("%s: run colours stand out from the chart (WCAG 1.4.11)", (theme) => {
  for (const colour of tokens.runs[theme]) expect(contrast(colour, themes[theme]["chart-bg"]), colour).toBeGreaterThanOrEqual(3);
});

test.each(THEMES)("%s: every text colour can be read on every ground (WCAG AA)", (theme) => {
  const t = themes[theme];
  for (const ground of ["bg", "panel", "raised", "hover", "accent-wash"] as const) {
    for (const text of ["text", "text-2", "text-3", "accent", "warn", "bad"] as const) {
      expect(contrast(t[text], t[ground]), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  }
  expect(contrast(t["on-accent"], t["accent-strong"])).toBeGreaterThanOrEqual(4.5);
});

test("both themes name the same tokens, and ten colours each", () => {
  expect(Object.keys(tokens.themes.dark)).toEqual(Object.keys(tokens.themes.light));
  expect([tokens.runs.dark.length, tokens.runs.light.length, tokens.runs.names.length]).toEqual([10, 10, 10]);
});

test("tokens.css is what the script writes", () => {
  expect(readFileSync(target, "utf8")).toBe(css(tokens));
});

test("colours and dashes repeat", () => {
  expect(runColor("dark", 12)).toBe(runColor("dark", 2));
  expect(runColor("light", -1)).toBe(runColor("light", 9));
  expect(runDash(0)).toEqual([]);
  expect(runDash(5)).toEqual(runDash(1));
});
