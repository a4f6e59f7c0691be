/** Colours and marks of the heat map, as its cells and its legend have them. */
import { themes, type ThemeName } from "$lib/tokens";
import type { DriftVerdict } from "$lib/host";

const channels = (hex: string) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

export function mix(a: string, b: string, share: number): string {
  const [from, to] = [channels(a), channels(b)];
  const t = Math.min(1, Math.max(0, share));
  return `#${from.map((channel, i) => Math.round(channel + (to[i]! - channel) * t).toString(16).padStart(2, "0")).join("")}`;
}

const STEPS = 64;
/** Where the scale ends: four thresholds are as red as it gets. */
export const MOST = 4;

/** Colours of a strength in units of the threshold: below 1 a calm blue that grows, from 1 on warm and warmer. */
export function heatScale(theme: ThemeName): (strength: number) => string {
  const t = themes[theme];
  const steps = Array.from({ length: STEPS * MOST + 1 }, (_, i) => {
    const strength = i / STEPS;
    if (strength < 1) return mix(t["chart-bg"], t.accent, 0.06 + 0.34 * strength);
    return mix(mix(t.warn, t["chart-bg"], theme === "dark" ? 0.25 : 0.35), t.bad, (strength - 1) / (MOST - 1));
  });
  return (strength) => steps[Math.min(steps.length - 1, Math.max(0, Math.floor(strength * STEPS)))] ?? steps[0]!;
}

export type CellMark = "dot" | "hatch" | "faint" | "cross" | null;

/** What tells a verdict without its colour. */
export function markOf(verdict: DriftVerdict): CellMark {
  if (verdict === "drift") return "dot";
  if (verdict === "missing" || verdict === "type_changed") return "cross";
  if (verdict === "large_but_uncertain") return "hatch";
  return verdict === "too_few_rows" ? "faint" : null;
}
