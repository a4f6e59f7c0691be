// uPlot's axes from our ticks: what a number, a step or a time looks like along an edge.
import type uPlot from "uplot";
import { axisTicks, type AxisKind, type Tick } from "$lib/chart/ticks";
import { fontStack, themes, type ThemeName } from "$lib/tokens";

export interface AxisLook {
  theme: ThemeName;
  font: string;
  big: boolean;
}

export function axisFont(big: boolean): string {
  return `${big ? 12 : 11}px ${fontStack}`;
}

const widths = new Map<string, number>();
let measure: CanvasRenderingContext2D | null = null;

function textWidth(text: string, font: string): number {
  const key = `${font}|${text.replace(/\d/g, "0")}`;
  let width = widths.get(key);
  if (width === undefined) {
    measure ??= document.createElement("canvas").getContext("2d");
    if (!measure) return text.length * 6.4;
    measure.font = font;
    // Tabular figures: all digits are as wide as a zero.
    width = measure.measureText(text.replace(/\d/g, "0")).width;
    if (widths.size > 2000) widths.clear();
    widths.set(key, width);
  }
  return width;
}

/** `side` 2 is the bottom, 3 the left, as uPlot counts them. */
export function axis(scale: "x" | "y", look: () => AxisLook, kind: () => AxisKind, isLog: () => boolean): uPlot.Axis {
  let ticks: Tick[] = [];
  const { font, big } = look();
  const horizontal = scale === "x";
  const spacing = horizontal ? (big ? 88 : 64) : big ? 48 : 26;
  return {
    scale,
    side: horizontal ? 2 : 3,
    font,
    gap: horizontal ? 5 : 6,
    stroke: () => themes[look().theme]["axis"],
    grid: { show: true, stroke: () => themes[look().theme]["grid"], width: 1, filter: (_u, splits) => splits },
    ticks: { show: false },
    border: { show: horizontal, stroke: () => themes[look().theme]["line-strong"], width: 1 },
    filter: (_u, splits) => splits,
    splits: (u, _i, min, max) => {
      const px = (horizontal ? u.bbox.width : u.bbox.height) / devicePixelRatio;
      ticks = axisTicks(kind(), isLog(), min, max, px, spacing);
      return ticks.map((tick) => tick.value);
    },
    values: () => (horizontal ? fitted(ticks, font) : ticks.map((tick) => tick.label)),
    size: horizontal
      ? () => (kind() === "wall" ? 36 : 22)
      : (_u, values) => Math.max(big ? 48 : 38, Math.ceil(Math.max(0, ...(values ?? []).map((v) => textWidth(String(v ?? ""), font)))) + 12),
  };
}

/** Labels that would run past the plot's left neighbour are rare; those too close to each other are left out in turn. */
function fitted(ticks: Tick[], font: string): (string | null)[] {
  const widest = Math.max(0, ...ticks.map((t) => (t.label ? Math.max(...t.label.split("\n").map((part) => textWidth(part, font))) : 0)));
  return widest > 66 && font.startsWith("11") && ticks.length > 3 ? ticks.map((t, i) => (i % 2 === 0 ? t.label : null)) : ticks.map((t) => t.label);
}
