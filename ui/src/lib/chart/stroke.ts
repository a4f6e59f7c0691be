// How a run's line looks: its colour and dash as everywhere else, its weight by how many share the card.
import { runColor, runDash, type ThemeName } from "$lib/tokens";
import type { Stroke } from "./paint";

export interface RunLook {
  id: number;
  /** Palette index. */
  color: number;
  /** Dash index. */
  dash: number;
}

/** Line width in css pixels: many lines on a card must be thinner to stay apart (and one pixel draws ten times as fast). */
export function lineWidth(nRuns: number): number {
  return nRuns <= 10 ? 1.6 : 1;
}

export type Role = "plain" | "baseline" | "hovered";

export function strokeFor(look: RunLook | undefined, theme: ThemeName, role: Role, nRuns: number, dpr: number): Stroke {
  const width = lineWidth(nRuns) + (role === "plain" ? 0 : 1);
  return {
    color: runColor(theme, look?.color ?? 0),
    dash: runDash(look?.dash ?? 0).map((length) => length * dpr),
    width: width * dpr,
    alpha: 1,
  };
}

/** Colours for a list that brings none of its own: the palette first, then the same again with dashes. */
export function lookByOrder(id: number, index: number, nColors = 10): RunLook {
  return { id, color: index % nColors, dash: Math.floor(index / nColors) };
}
