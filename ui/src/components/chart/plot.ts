// One card's chart: asks for frames, keeps uPlot's scales and axes, draws the series itself. No framework in here.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { decodeFrame, type Frame, type FrameSeries } from "$lib/chart/frame";
import { SeriesLayer } from "$lib/chart/layer";
import { NewestOnly } from "$lib/chart/newest";
import type { Projection } from "$lib/chart/nearest";
import { fromX, fromY, isSparse, paintMarks, paintSeries, toX, toY, transformFor, type Transform } from "$lib/chart/paint";
import type { PaintQueue, Painter } from "$lib/chart/paint-queue";
import { coverageFor, fullX, padded, serves, yExtent, type Coverage, type Range } from "$lib/chart/range";
import { strokeFor, type Role } from "$lib/chart/stroke";
import type { Viewport, ViewportChange } from "$lib/chart/viewport";
import { frame as askFrame, toHostError, type FrameArgs, type XAxis } from "$lib/host";
import type { RunMark } from "$lib/state/selection.svelte";
import { axis, axisFont } from "./axes";
import { noStatus, type PlotModel, type PlotStatus } from "./plot-model";

interface Ask {
  args: FrameArgs;
  coverage: Coverage;
  key: string;
}

interface Drawn {
  frame: Frame;
  series: FrameSeries[];
  ask: Ask;
  firstPositive: number | null;
}

const MAX_WIDTH = 4096;
/** How much of its width more a card is drawn to each side while it is panned. */
const PAN_MARGIN = 0.5;
/** New data is asked for at most twenty times a second. */
const LIVE_INTERVAL_MS = 50;

export class CardPlot implements Painter {
  readonly #layer = new SeriesLayer();
  readonly #asks: NewestOnly<Ask, Frame>;
  readonly #unsubscribe: () => void;
  #u: uPlot | null = null;
  #drawn: Drawn | null = null;
  #visible = false;
  #stale = false;
  #yZoom: Range | null = null;
  #lastY: { key: string; range: Range; nHidden: number; nPoints: number } | null = null;
  #styleVersion = 0;
  #runs = new Map<number, RunMark>();
  #size = { width: 0, height: 0 };
  #mayStretch = false;
  #wasTrue = true;
  #status: PlotStatus = noStatus;
  /** Where the plot area was when the pointer was last over it. */
  box: DOMRect | null = null;
  /** How long the last true drawing took, in ms: what benchmarks read. */
  drawMs = 0;

  constructor(
    private readonly root: HTMLElement,
    readonly viewport: Viewport,
    private readonly queue: PaintQueue,
    private model: PlotModel,
    private readonly onStatus: (status: PlotStatus) => void,
    private readonly onCursor: () => void,
  ) {
    this.#runs = new Map(model.runs.map((run) => [run.id, run]));
    this.#asks = new NewestOnly<Ask, Frame>(
      async (ask) => decodeFrame(await askFrame(ask.args)),
      (frame, ask) => this.#deliver(frame, ask),
      (error) => this.#say({ phase: "error", error: toHostError(error) }),
      LIVE_INTERVAL_MS,
    );
    this.#unsubscribe = viewport.subscribe((change) => this.#onViewport(change));
  }

  get over(): HTMLElement | null {
    return this.#u?.over ?? null;
  }
  get uplot(): uPlot | null {
    return this.#u;
  }
  /** The x axis of what is on the screen: the asked one only once its frame has arrived. */
  get xAxis(): XAxis {
    return this.#drawn?.ask.args.x ?? this.model.x;
  }
  get runs(): ReadonlyMap<number, RunMark> {
    return this.#runs;
  }
  get series(): readonly FrameSeries[] {
    return this.#drawn?.series ?? [];
  }
  get status(): PlotStatus {
    return this.#status;
  }
  get isBusy(): boolean {
    return this.#asks.busy;
  }

  setModel(model: PlotModel): void {
    const before = this.model;
    this.model = model;
    if (before.logX !== model.logX || before.logY !== model.logY || before.big !== model.big) {
      if (before.logY !== model.logY) this.#yZoom = null;
      this.#destroyPlot();
    }
    if (before.runs !== model.runs) {
      this.#runs = new Map(model.runs.map((run) => [run.id, run]));
      if (this.#drawn) this.#drawn.series = this.#ordered(this.#drawn.frame);
    }
    this.#styleVersion++;
    this.#refresh();
  }

  /** On the screen or not. Off it nothing is asked and nothing drawn. */
  setVisible(visible: boolean): void {
    if (this.#visible === visible) return;
    this.#visible = visible;
    if (visible) this.#refresh();
    else this.queue.forget(this);
  }

  /** Far from the screen: the canvases go, the frame with them. */
  drop(): void {
    this.#visible = false;
    this.#destroyPlot();
    this.#layer.drop();
    this.#drawn = null;
    this.queue.forget(this);
  }

  resize(width: number, height: number): void {
    if (width === this.#size.width && height === this.#size.height) return;
    this.#size = { width, height };
    this.#u?.setSize(this.#size);
    this.#refresh();
  }

  /** The backend says that lines on this card have grown. */
  newData(): void {
    this.#stale = true;
    if (this.#visible) this.#ask(true);
  }

  retry(): void {
    this.#stale = true;
    this.#say({ phase: "loading", error: null });
    this.#ask(false);
  }

  destroy(): void {
    this.#unsubscribe();
    this.#asks.stop();
    this.drop();
  }

  get yZoom(): Range | null {
    return this.#yZoom;
  }
  zoomY(range: Range | null): void {
    this.#yZoom = range;
    this.#say({ yZoomed: range !== null });
    this.queue.request(this);
  }

  isActive(): boolean {
    return this.viewport.owner === this;
  }

  /** The plot area's size in css pixels, without asking the page for its layout. */
  get area(): { width: number; height: number } {
    const { width = 1, height = 1 } = this.#u?.bbox ?? {};
    return { width: width / devicePixelRatio, height: height / devicePixelRatio };
  }

  /** Values to css pixels of the plot area, as on the screen now. */
  projections(): { x: Projection; y: Projection; view: Range; yView: Range; invertX(px: number): number; invertY(px: number): number } | null {
    const u = this.#u;
    const { x, y } = u?.scales ?? {};
    if (!u || x?.min == null || x.max == null || y?.min == null || y.max == null) return null;
    const view = { min: x.min, max: x.max };
    const yView = { min: y.min, max: y.max };
    const t = transformFor(view, yView, this.model.logX, this.model.logY, this.area.width, this.area.height);
    return { x: { toPx: (v) => toX(t, v) }, y: { toPx: (v) => toY(t, v) }, view, yView, invertX: (px) => fromX(t, px), invertY: (px) => fromY(t, px) };
  }

  paint(mayStretch: boolean): boolean {
    if (!this.#visible) return true;
    const u = this.#ensurePlot();
    if (!u) return true;
    this.#mayStretch = mayStretch;
    this.#wasTrue = true;
    const x = this.#viewX();
    const { range: y, nHidden, nPoints } = this.#viewY(x);
    const { x: sx, y: sy } = u.scales;
    if (sx?.min !== x.min || sx.max !== x.max || sy?.min !== y.min || sy.max !== y.max) {
      u.batch(() => {
        u.setScale("x", { ...x });
        u.setScale("y", { ...y });
      });
    } else u.batch(() => u.redraw(false));
    const d = this.#drawn;
    if (d) this.#say({ nHidden, y, nPoints, outside: nPoints === 0 && d.frame.data !== null && this.viewport.range !== null });
    this.#placeCursor();
    return this.#wasTrue;
  }

  /** The card as a picture, on its background. */
  picture(background: string): HTMLCanvasElement | null {
    const source = this.#u?.ctx.canvas;
    if (!source) return null;
    const copy = document.createElement("canvas");
    copy.width = source.width;
    copy.height = source.height;
    const ctx = copy.getContext("2d");
    if (!ctx) return null;
    ctx.fillStyle = background;
    ctx.fillRect(0, 0, copy.width, copy.height);
    ctx.drawImage(source, 0, 0);
    return copy;
  }

  #onViewport(change: ViewportChange): void {
    if (!this.#visible) return;
    if (change === "cursor") {
      this.#placeCursor();
      this.onCursor();
      return;
    }
    if (change === "hover") this.onCursor();
    if (change === "range" && !this.viewport.gesture) this.#ask(false);
    else if (change === "range") this.#askIfBeyond();
    this.queue.request(this);
  }

  /** While panning, only points that are not here at all are worth a request. */
  #askIfBeyond(): void {
    const range = this.viewport.range;
    const c = this.#drawn?.ask.coverage;
    if (range && c && ((c.x0 !== null && range.min < c.x0) || (c.x1 !== null && range.max > c.x1))) this.#ask(false);
  }

  #refresh(): void {
    if (!this.#visible) return;
    this.#ask(false);
    this.queue.request(this);
  }

  #ask(soon: boolean): void {
    const { project, metric, runs, x, smooth } = this.model;
    const u = this.#ensurePlot();
    if (!u || !this.#visible) return;
    const ids = runs.map((run) => run.id);
    const key = `${x}|${smooth.kind}|${smooth.kind === "none" ? 0 : smooth.amount}|${ids.join()}`;
    const width = Math.max(1, Math.round(u.bbox.width));
    const range = this.viewport.range;
    const d = this.#drawn;
    if (d && !this.#stale && d.ask.key === key && serves(d.ask.coverage, d.frame.decimated, d.frame.data, range, width)) return;
    if (ids.length === 0) return;
    const coverage = coverageFor(range, width, MAX_WIDTH);
    this.#stale = false;
    this.#asks.ask({ args: { project, metric, runs: ids, x, x0: coverage.x0, x1: coverage.x1, width: coverage.width, smooth }, coverage, key }, soon);
  }

  #deliver(frame: Frame, ask: Ask): void {
    this.#drawn = { frame, series: this.#ordered(frame), ask, firstPositive: null };
    this.#lastY = null;
    const empty = frame.data === null;
    this.#say({ phase: empty ? "empty" : "ready", error: null, nRuns: this.#drawn.series.filter((s) => s.x.length > 0 || s.markX.length > 0).length, data: frame.data });
    this.queue.request(this);
    this.onCursor();
  }

  /** In table order with the first on top, the baseline above all; runs no longer charted are gone at once. */
  #ordered(frame: Frame): FrameSeries[] {
    const place = new Map(this.model.runs.map((run, index) => [run.id, run.id === this.model.baseline ? -1 : index]));
    return frame.series.filter((s) => place.has(s.run)).sort((a, b) => (place.get(b.run) ?? 0) - (place.get(a.run) ?? 0));
  }

  #viewX(): Range {
    const d = this.#drawn;
    if (!d) return this.model.logX ? { min: 1, max: 100 } : { min: 0, max: 1 };
    const zoom = this.viewport.range;
    if (zoom && d.ask.args.x === this.model.x && !(this.model.logX && zoom.min <= 0)) return zoom;
    if (this.model.logX) {
      if (d.firstPositive === null) {
        let least = Infinity;
        for (const s of d.frame.series) for (const v of s.x) if (v > 0 && v < least) least = v;
        d.firstPositive = Number.isFinite(least) ? least : 1;
      }
      return fullX(d.frame.data, true, d.firstPositive);
    }
    const full = fullX(d.frame.data, false, null);
    // Lines may begin at the very edge; dots would be cut in half.
    const most = Math.max(0, ...d.series.map((s) => s.x.length));
    return isSparse(most, this.area.width, 1) ? { min: full.min - (full.max - full.min) * 0.02, max: full.max + (full.max - full.min) * 0.02 } : full;
  }

  #viewY(x: Range): { range: Range; nHidden: number; nPoints: number } {
    if (this.#yZoom) return { range: this.#yZoom, nHidden: this.#lastY?.nHidden ?? 0, nPoints: this.#lastY?.nPoints ?? 1 };
    const last = this.#lastY;
    if (last && this.viewport.gesture) return last;
    const key = `${x.min}|${x.max}|${this.#styleVersion}`;
    if (last?.key === key) return last;
    const extent = yExtent(this.#drawn?.series ?? [], x, this.model.logY);
    this.#lastY = { key, range: padded(extent.range, this.model.logY), nHidden: extent.nHidden, nPoints: extent.nPoints };
    return this.#lastY;
  }

  #ensurePlot(): uPlot | null {
    if (this.#u) return this.#u;
    const { width, height } = this.#size;
    if (width < 40 || height < 40) return null;
    const { logX, logY, big } = this.model;
    const look = () => ({ theme: this.model.theme, font: axisFont(big), big });
    const off = () => null;
    this.#u = new uPlot(
      {
        width, height,
        padding: [6, big ? 16 : 10, 0, 0],
        legend: { show: false },
        cursor: {
          y: false, points: { show: false }, drag: { x: false, y: false, setScale: false },
          bind: { mousedown: off, mouseup: off, click: off, dblclick: off, mousemove: off, mouseleave: off, mouseenter: off },
        },
        scales: { x: { time: false, distr: logX ? 3 : 1, range: (_u, min, max) => [min ?? 1, max ?? 2] }, y: { distr: logY ? 3 : 1, range: (_u, min, max) => [min ?? 1, max ?? 2] } },
        series: [{}],
        axes: [
          axis("x", look, () => (this.xAxis === "step" ? "integer" : this.xAxis), () => logX),
          axis("y", look, () => "number", () => logY),
        ],
        hooks: { draw: [(u) => this.#drawSeries(u)] },
      },
      [[]],
      this.root,
    );
    this.#lastY = null;
    return this.#u;
  }

  #destroyPlot(): void {
    this.#u?.destroy();
    this.#u = null;
    this.root.replaceChildren();
  }

  #drawSeries(u: uPlot): void {
    const d = this.#drawn;
    const { x, y } = u.scales;
    if (!d || d.series.length === 0 || x?.min == null || x.max == null || y?.min == null || y.max == null) return;
    const started = performance.now();
    const dpr = devicePixelRatio;
    const { left, top, width, height } = u.bbox;
    const view = { min: x.min, max: x.max };
    const t = transformFor(view, { min: y.min, max: y.max }, this.model.logX, this.model.logY, width, height);
    const styleKey = `${this.#styleVersion}|${dpr}`;
    const isFresh = this.#layer.isFresh(d.frame, t, styleKey);
    if (!isFresh) {
      if (this.#mayStretch && this.#layer.canStretch(t, styleKey)) this.#wasTrue = false;
      else this.#layer.render({ frame: d.frame, series: d.series, strokeOf: (run) => this.#stroke(run, "plain", dpr), styleKey, dpr }, t, this.viewport.gesture ? PAN_MARGIN : 0);
    }
    const hovered = this.viewport.hovered !== null ? d.series.find((s) => s.run === this.viewport.hovered) : undefined;
    const ctx = u.ctx;
    ctx.save();
    ctx.beginPath();
    // Two pixels of room: a line along the very edge keeps its full width.
    ctx.rect(left, top - 2 * dpr, width, height + 3 * dpr);
    ctx.clip();
    this.#layer.blit(ctx, left, top, t, hovered ? 0.3 : 1);
    ctx.translate(left, top);
    const above = (s: FrameSeries | undefined, role: Role) => {
      if (!s) return;
      const stroke = this.#stroke(s.run, role, dpr);
      paintSeries(ctx, s, view, t, stroke, dpr);
      paintMarks(ctx, s, view, t, stroke, dpr);
    };
    const { baseline } = this.model;
    if (baseline !== null) above(d.series.find((s) => s.run === baseline), "baseline");
    if (hovered && hovered.run !== baseline) above(hovered, "hovered");
    ctx.restore();
    if (!isFresh && this.#wasTrue) this.drawMs = performance.now() - started;
  }

  #stroke(run: number, role: Role, dpr: number) {
    return strokeFor(this.#runs.get(run), this.model.theme, role, this.model.big ? this.model.runs.length / 3 : this.model.runs.length, dpr);
  }

  #placeCursor(): void {
    const u = this.#u;
    if (!u) return;
    const at = this.viewport.cursor;
    const p = at === null || this.xAxis !== this.model.x ? null : this.projections();
    const px = p && at !== null ? p.x.toPx(at) : -10;
    const inside = Number.isFinite(px) && px >= -0.5 && px <= this.area.width + 0.5;
    u.setCursor({ left: inside ? Math.max(0, px) : -10, top: inside ? 0 : -10 }, false);
  }

  #say(change: Partial<PlotStatus>): void {
    const next = { ...this.#status, ...change };
    if (Object.keys(change).every((key) => Object.is(next[key as keyof PlotStatus], this.#status[key as keyof PlotStatus]))) return;
    this.#status = next;
    this.onStatus(next);
  }
}
