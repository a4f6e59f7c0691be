import { PaintQueue } from "$lib/chart/paint-queue";
import { Viewport } from "$lib/chart/viewport";
import type { Range } from "$lib/chart/range";
import type { Smooth, XAxis } from "$lib/host";
import { undo } from "$lib/state/undo.svelte";
import type { ReadoutData } from "./readout";

export type CardSize = "small" | "medium" | "large";

/** What a user has set up on a board of charts; kept as a preference. */
export interface BoardPrefs {
  x: XAxis;
  logX: boolean;
  logY: boolean;
  smooth: Smooth;
  size: CardSize;
  /** Section names, in the user's order; others follow by name. */
  order: string[];
  collapsed: string[];
  hidden: string[];
  pinned: string[];
  /** Metrics whose y axis is the other kind than the board's. */
  flipped: string[];
}

export const defaultPrefs: BoardPrefs = {
  x: "step", logX: false, logY: false, smooth: { kind: "none", amount: 0 }, size: "medium", order: [], collapsed: [], hidden: [], pinned: [], flipped: [],
};

const SMOOTH_RANGES: Record<Smooth["kind"], { min: number; max: number; start: number }> = {
  none: { min: 0, max: 0, start: 0 },
  ema: { min: 0, max: 0.999, start: 0.6 },
  gaussian: { min: 0.5, max: 200, start: 5 },
  mean: { min: 1, max: 1000, start: 20 },
};

/** Any stored value gives prefs; what it does not say stays as usual. */
export function parsePrefs(value: unknown): BoardPrefs {
  const p = { ...defaultPrefs };
  if (typeof value !== "object" || value === null) return p;
  const v = value as Record<string, unknown>;
  const strings = (list: unknown) => (Array.isArray(list) ? list.filter((item): item is string => typeof item === "string").slice(0, 5000) : []);
  if (v["x"] === "step" || v["x"] === "relative" || v["x"] === "wall") p.x = v["x"];
  if (v["size"] === "small" || v["size"] === "medium" || v["size"] === "large") p.size = v["size"];
  p.logX = v["logX"] === true;
  p.logY = v["logY"] === true;
  const smooth = v["smooth"] as Partial<Smooth> | undefined;
  if (smooth?.kind && smooth.kind in SMOOTH_RANGES && typeof smooth.amount === "number") p.smooth = { kind: smooth.kind, amount: clampAmount(smooth.kind, smooth.amount) };
  for (const key of ["order", "collapsed", "hidden", "pinned", "flipped"] as const) p[key] = strings(v[key]);
  return p;
}

export function clampAmount(kind: Smooth["kind"], amount: number): number {
  const { min, max, start } = SMOOTH_RANGES[kind];
  return Number.isFinite(amount) ? Math.min(max, Math.max(min, amount)) : start;
}

/** Where the slider stands (0..1) for an amount: strong smoothing gets as much way as weak. */
export function amountToSlider({ kind, amount }: Smooth): number {
  if (kind === "none") return 0;
  if (kind === "ema") return 1 - Math.sqrt(1 - Math.min(1, amount));
  const { min, max } = SMOOTH_RANGES[kind];
  return Math.log(amount / min) / Math.log(max / min);
}

export function sliderToAmount(kind: Smooth["kind"], at: number): number {
  if (kind === "none") return 0;
  const { min, max } = SMOOTH_RANGES[kind];
  if (kind === "ema") return Math.min(max, Math.round((1 - (1 - at) ** 2) * 1000) / 1000);
  const amount = min * (max / min) ** at;
  return kind === "mean" ? Math.round(amount) : Number(amount.toPrecision(2));
}

/** The state of one board: its settings, what is expanded, and what moves with the pointer. */
export class Board {
  prefs = $state.raw<BoardPrefs>(defaultPrefs);
  search = $state("");
  expanded = $state<string | null>(null);
  /** Whether the shared x range is zoomed in, for what the toolbar offers. */
  zoomed = $state(false);
  readout = $state.raw<ReadoutData | null>(null);
  /** Spoken when the crosshair is moved by keys. */
  spoken = $state("");

  readonly viewport = new Viewport();
  readonly queue = new PaintQueue();
  #smoothAmounts = new Map<Smooth["kind"], number>();

  constructor(private readonly save: (prefs: BoardPrefs) => void = () => undefined) {
    this.viewport.subscribe((change) => {
      if (change === "range") this.zoomed = this.viewport.range !== null;
      if (change === "cursor" && this.viewport.cursor === null) this.readout = null;
    });
  }

  load(prefs: BoardPrefs) {
    this.prefs = prefs;
  }

  set(change: Partial<BoardPrefs>) {
    if ((change.x && change.x !== this.prefs.x) || (change.logX !== undefined && change.logX !== this.prefs.logX)) {
      this.viewport.setRange(null);
      this.viewport.setCursor(null, null);
    }
    this.prefs = { ...this.prefs, ...change };
    this.save(this.prefs);
  }

  setSmoothKind(kind: Smooth["kind"]) {
    this.#smoothAmounts.set(this.prefs.smooth.kind, this.prefs.smooth.amount);
    this.set({ smooth: { kind, amount: this.#smoothAmounts.get(kind) ?? SMOOTH_RANGES[kind].start } });
  }

  toggle(list: "collapsed" | "hidden" | "pinned" | "flipped", name: string) {
    const before = this.prefs[list];
    this.set({ [list]: before.includes(name) ? before.filter((other) => other !== name) : [...before, name] });
  }

  isLogY(metric: string): boolean {
    return this.prefs.logY !== this.prefs.flipped.includes(metric);
  }

  /** Zooms with a step in the undo list. */
  zoom(to: Range | null) {
    undo.set("zoom charts", this.viewport.range, to, (range) => this.viewport.setRange(range));
  }

  /** A gesture has already moved the range: only the way back is recorded. */
  recordZoom(before: Range | null) {
    const after = this.viewport.range;
    if (before?.min === after?.min && before?.max === after?.max) return;
    const apply = (range: Range | null) => this.viewport.setRange(range);
    undo.push({ label: "pan charts", undo: () => apply(before), redo: () => apply(after) });
  }

  hide(metric: string) {
    const before = this.prefs.hidden;
    undo.set(`hide ${metric}`, before, [...before.filter((m) => m !== metric), metric], (hidden) => this.set({ hidden }));
  }
}
