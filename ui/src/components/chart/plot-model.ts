// What goes into a card's chart and what it says of itself.
import type { Range } from "$lib/chart/range";
import type { HostError, Smooth, XAxis } from "$lib/host";
import type { RunMark } from "$lib/state/selection.svelte";
import type { ThemeName } from "$lib/tokens";

/** What a card shows. Replaced as a whole; the plot finds out what that means for it. */
export interface PlotModel {
  project: number;
  metric: string;
  runs: readonly RunMark[];
  x: XAxis;
  logX: boolean;
  logY: boolean;
  smooth: Smooth;
  baseline: number | null;
  theme: ThemeName;
  big: boolean;
}

export interface PlotStatus {
  phase: "loading" | "ready" | "empty" | "error";
  error: HostError | null;
  /** Values that the log axis cannot show in this window. */
  nHidden: number;
  /** The window holds no point although the metric has some. */
  outside: boolean;
  nRuns: number;
  nPoints: number;
  y: Range | null;
  data: { x0: number; x1: number } | null;
  yZoomed: boolean;
}

export const noStatus: PlotStatus = { phase: "loading", error: null, nHidden: 0, outside: false, nRuns: 0, nPoints: 0, y: null, data: null, yZoomed: false };
