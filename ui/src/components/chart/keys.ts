// The keyboard on a focused chart: everything the pointer can do.
import { nearestIndex, sortedHits, steppedX } from "$lib/chart/nearest";
import { panned, zoomed } from "$lib/chart/range";
import { formatValue } from "$lib/chart/number";
import type { Board } from "./board.svelte";
import { clampToData } from "./gestures";
import type { CardPlot } from "./plot";
import { hitsAt, titleOf } from "./readout";

export interface KeyHost {
  board: Board;
  plot: CardPlot;
  logX: boolean;
  onHover(run: number | null): void;
}

/** The keys of a chart, for the help list. */
export const CHART_KEYS: readonly (readonly [chord: string, what: string])[] = [
  ["ArrowLeft", "crosshair to the point before (Shift: ten)"],
  ["ArrowRight", "crosshair to the next point (Shift: ten)"],
  ["ArrowUp", "the run above"],
  ["ArrowDown", "the run below"],
  ["+", "zoom in"],
  ["-", "zoom out"],
  ["0", "all data"],
  [",", "pan left"],
  [".", "pan right"],
  ["Enter", "expand"],
  ["l", "log y axis"],
  ["t", "keep at the top"],
  ["v", "copy values"],
  ["i", "copy image"],
  ["h", "hide the metric"],
];

/** Answers whether the key was one of the chart's. */
export function onChartKey(event: KeyboardEvent, host: KeyHost): boolean {
  const { board, plot } = host;
  const { viewport } = board;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const p = plot.projections();
  if (!p) return false;
  const zoom = (factor: number) => board.zoom(clampToData(zoomed(p.view, viewport.cursor ?? (p.view.min + p.view.max) / 2, factor, host.logX), plot.status.data));
  switch (event.key) {
    case "ArrowLeft":
    case "ArrowRight":
      step(host, (event.key === "ArrowRight" ? 1 : -1) * (event.shiftKey ? 10 : 1));
      return true;
    case "Home":
    case "End":
      step(host, event.key === "End" ? Infinity : -Infinity);
      return true;
    case "ArrowUp":
    case "ArrowDown":
      walkRuns(host, event.key === "ArrowDown" ? 1 : -1);
      return true;
    case "+":
    case "=":
      zoom(0.6);
      return true;
    case "-":
    case "_":
      zoom(1 / 0.6);
      return true;
    case "0":
      plot.zoomY(null);
      board.zoom(null);
      return true;
    case ",":
    case ".":
      board.zoom(panned(p.view, event.key === "." ? 0.25 : -0.25, host.logX));
      return true;
  }
  return false;
}

function step(host: KeyHost, by: number): void {
  const { plot, board } = host;
  plot.box = plot.over?.getBoundingClientRect() ?? null;
  const p = plot.projections();
  const s = plot.series.find((one) => one.run === board.viewport.hovered) ?? plot.series.findLast((one) => one.x.length > 0);
  if (!p || !s || s.x.length === 0) return;
  let at = board.viewport.cursor;
  if (!Number.isFinite(by)) at = by > 0 ? Math.min(p.view.max, s.x[s.x.length - 1]!) : Math.max(p.view.min, s.x[0]!);
  else if (at === null) at = s.x[Math.max(0, nearestIndex(s.x, s.sorted, (p.view.min + p.view.max) / 2))]!;
  else at = steppedX(s, at, by);
  // The crosshair never leaves the window: it is moved along instead.
  if (at < p.view.min || at > p.view.max) {
    const px = p.x.toPx(at);
    const width = p.x.toPx(p.view.max);
    board.viewport.setRange(panned(p.view, px < 0 ? px / width - 0.1 : (px - width) / width + 0.1, host.logX));
  }
  if (board.viewport.hovered === null) hover(host, s.run);
  board.viewport.setCursor(at, plot);
  speak(host);
}

function walkRuns(host: KeyHost, by: number): void {
  const { plot, board } = host;
  const p = plot.projections();
  if (!p) return;
  if (board.viewport.cursor === null) step(host, 0);
  const hits = hitsAt(plot.series, board.viewport.cursor ?? 0, p.x);
  if (hits.length === 0) return;
  const { shown } = sortedHits(hits, hits.length, null);
  const at = shown.findIndex((hit) => hit.run === board.viewport.hovered);
  const next = shown[(at + by + shown.length) % shown.length]!;
  hover(host, next.run);
  speak(host);
}

function hover(host: KeyHost, run: number): void {
  host.board.viewport.setHovered(run);
  host.onHover(run);
}

function speak({ plot, board }: KeyHost): void {
  const at = board.viewport.cursor;
  const p = plot.projections();
  if (at === null || !p) return;
  const hit = hitsAt(plot.series, at, p.x).find((one) => one.run === board.viewport.hovered);
  board.spoken = hit ? `${titleOf(plot.xAxis, hit.x)}, ${plot.runs.get(hit.run)?.name ?? ""}: ${formatValue(hit.y)}` : titleOf(plot.xAxis, at);
}
