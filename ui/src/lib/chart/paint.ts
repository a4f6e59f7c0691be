// Draws series from typed arrays: one path per series, gaps at NaN, marks for what is no number.
import { MARK_NAN, MARK_NEG_INF, MARK_POS_INF, MARK_REWIND, type FrameSeries } from "./frame";
import { visibleSlice, type Range } from "./range";

/** Values to device pixels of the plot area: `px = ax·f(x) + bx`, f being log10 on a log axis. */
export interface Transform {
  ax: number;
  bx: number;
  ay: number;
  by: number;
  logX: boolean;
  logY: boolean;
  width: number;
  height: number;
}

export function transformFor(x: Range, y: Range, logX: boolean, logY: boolean, width: number, height: number): Transform {
  const [x0, x1] = logX ? [Math.log10(x.min), Math.log10(x.max)] : [x.min, x.max];
  const [y0, y1] = logY ? [Math.log10(y.min), Math.log10(y.max)] : [y.min, y.max];
  const ax = width / (x1 - x0);
  const ay = -height / (y1 - y0);
  return { ax, bx: -ax * x0, ay, by: height - ay * y0, logX, logY, width, height };
}

export const toX = (t: Transform, x: number): number => t.ax * (t.logX ? Math.log10(x) : x) + t.bx;
export const toY = (t: Transform, y: number): number => t.ay * (t.logY ? Math.log10(y) : y) + t.by;
export function fromX(t: Transform, px: number): number {
  const f = (px - t.bx) / t.ax;
  return t.logX ? 10 ** f : f;
}
export function fromY(t: Transform, px: number): number {
  const f = (px - t.by) / t.ay;
  return t.logY ? 10 ** f : f;
}

export interface PathSink {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
}

/** More points than this per pixel are drawn as each column's least and greatest, in the order they came. */
const DENSE = 2;

/** With more points than one per this many pixels a dash along the path would be noise, and slow: see `dashAlongX`. */
const DASH_PX = 4;

/**
 * Wraps a path so that dashes follow x instead of the path's own length: a noisy line keeps a readable rhythm, and the
 * rasteriser needs no dashing. A segment is drawn when its end lies on a dash.
 */
export function dashAlongX(path: PathSink, dash: readonly number[], offset: number): PathSink {
  const total = dash.reduce((sum, length) => sum + length, 0);
  const isOn = (px: number) => {
    let at = (((px - offset) % total) + total) % total;
    for (let i = 0; i < dash.length; i++) {
      at -= dash[i]!;
      if (at < 0) return i % 2 === 0;
    }
    return true;
  };
  let lastX = 0;
  let lastY = 0;
  let down = false;
  return {
    moveTo(x, y) {
      lastX = x;
      lastY = y;
      down = false;
    },
    lineTo(x, y) {
      if (isOn(x)) {
        if (!down) path.moveTo(lastX, lastY);
        path.lineTo(x, y);
        down = true;
      } else down = false;
      lastX = x;
      lastY = y;
    },
  };
}

/**
 * Adds the line through points `from`..`to` to `path`. NaN, ±inf and what a log axis cannot hold break it.
 * Points that stand alone between breaks make no line: their indices go to `lonely`.
 */
export function traceLine(path: PathSink, x: Float64Array, y: Float64Array, from: number, to: number, t: Transform, lonely: number[]): void {
  const { ax, bx, ay, by, logX, logY } = t;
  // A far-off point would overflow the rasteriser's fixed point; the edge looks the same from 1e5 pixels on.
  const limit = 1e5;
  const clampY = (v: number) => (v > limit ? limit : v < -limit ? -limit : v);
  if (to - from > DENSE * t.width) {
    traceColumns(path, x, y, from, to, t, clampY);
    return;
  }
  let length = 0;
  for (let i = from; i < to; i++) {
    const px = ax * (logX ? Math.log10(x[i]!) : x[i]!) + bx;
    const py = ay * (logY ? Math.log10(y[i]!) : y[i]!) + by;
    if (!(py - py === 0) || !(px - px === 0)) {
      if (length === 1) lonely.push(i - 1);
      length = 0;
      continue;
    }
    if (length === 0) path.moveTo(px, clampY(py));
    else path.lineTo(px, clampY(py));
    length++;
  }
  if (length === 1) lonely.push(to - 1);
}

function traceColumns(path: PathSink, x: Float64Array, y: Float64Array, from: number, to: number, t: Transform, clampY: (v: number) => number): void {
  const { ax, bx, ay, by, logX, logY } = t;
  let column = NaN;
  let min = 0;
  let max = 0;
  let maxIsLater = true;
  let pen = false;
  let open = false;
  const flush = () => {
    if (!open) return;
    open = false;
    const at = column + 0.5;
    const first = clampY(maxIsLater ? min : max);
    if (pen) path.lineTo(at, first);
    else path.moveTo(at, first);
    // A lone point still leaves a speck of its own.
    if (min !== max) path.lineTo(at, clampY(maxIsLater ? max : min));
    else if (!pen) path.lineTo(at, first + 0.5);
    pen = true;
  };
  for (let i = from; i < to; i++) {
    const px = ax * (logX ? Math.log10(x[i]!) : x[i]!) + bx;
    const py = ay * (logY ? Math.log10(y[i]!) : y[i]!) + by;
    if (!(py - py === 0) || !(px - px === 0)) {
      flush();
      pen = false;
      continue;
    }
    const here = Math.floor(px);
    if (open && here === column) {
      if (py < min) {
        min = py;
        maxIsLater = false;
      } else if (py > max) {
        max = py;
        maxIsLater = true;
      }
    } else {
      flush();
      column = here;
      min = max = py;
      open = true;
    }
  }
  flush();
}

export interface Stroke {
  color: string;
  dash: number[];
  /** Device pixels. */
  width: number;
  alpha: number;
}

/**
 * Rasterisers draw lines of up to one device pixel ten times as fast as wider ones. A line with a point in every pixel
 * is a band whose look does not depend on its width, so it gets that pixel.
 */
function widthFor(width: number, nPoints: number, widthPx: number, dpr: number): number {
  if (nPoints <= widthPx) return width;
  return Math.min(width, (width < 2 * dpr ? 1 : 1.5) * dpr);
}

/** True when points lie so far apart (over 6 css pixels on average) that each deserves a dot. */
export function isSparse(nVisible: number, widthPx: number, dpr: number): boolean {
  return nVisible * 6 * dpr < widthPx;
}

/** Draws one series: the raw line faint behind, the line, dots where points are few. */
export function paintSeries(ctx: CanvasRenderingContext2D, s: FrameSeries, view: Range, t: Transform, stroke: Stroke, dpr: number): void {
  ctx.strokeStyle = stroke.color;
  // Round joins cost a third of the time and cannot be told apart at these widths.
  ctx.lineJoin = "bevel";
  if (s.rawX.length > 0) {
    const [from, to] = visibleSlice(s.rawX, s.sorted, view);
    const path = new Path2D();
    traceLine(path, s.rawX, s.rawY, from, to, t, []);
    ctx.globalAlpha = stroke.alpha * 0.24;
    ctx.lineWidth = Math.max(1, dpr);
    ctx.setLineDash([]);
    ctx.stroke(path);
  }
  const [from, to] = visibleSlice(s.x, s.sorted, view);
  const path = new Path2D();
  const lonely: number[] = [];
  const alongX = stroke.dash.length > 0 && (to - from) * DASH_PX > t.width;
  // Anchored at a value, so that dashes travel with the line when it is panned.
  traceLine(alongX ? dashAlongX(path, stroke.dash, t.bx) : path, s.x, s.y, from, to, t, lonely);
  ctx.globalAlpha = stroke.alpha;
  ctx.lineWidth = widthFor(stroke.width, to - from, t.width, dpr);
  ctx.setLineDash(alongX ? [] : stroke.dash);
  ctx.stroke(path);
  const dots = isSparse(to - from, t.width, dpr) ? null : lonely;
  if (dots?.length === 0) return;
  ctx.setLineDash([]);
  ctx.fillStyle = stroke.color;
  const radius = stroke.width * 0.6 + 1.1 * dpr;
  const circles = new Path2D();
  const add = (i: number) => {
    const px = toX(t, s.x[i]!);
    const py = toY(t, s.y[i]!);
    if (!Number.isFinite(px) || !Number.isFinite(py)) return;
    circles.moveTo(px + radius, py);
    circles.arc(px, py, radius, 0, 2 * Math.PI);
  };
  if (dots) dots.forEach(add);
  else for (let i = from; i < to; i++) add(i);
  ctx.fill(circles);
}

/** NaN: crosses on the bottom axis; ±inf: triangles at the edge they left by; a rewind: an arrow back along the axis. */
export function paintMarks(ctx: CanvasRenderingContext2D, s: FrameSeries, view: Range, t: Transform, stroke: Stroke, dpr: number): void {
  if (s.markX.length === 0) return;
  const size = 3.2 * dpr;
  const crosses = new Path2D();
  const shapes = new Path2D();
  const lastPx = [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity];
  for (let i = 0; i < s.markX.length; i++) {
    const x = s.markX[i]!;
    const kind = s.markKind[i]!;
    if (x < view.min || x > view.max) continue;
    const px = toX(t, x);
    // A thousand marks in a row read as a row of marks, and cost one.
    if (!Number.isFinite(px) || Math.abs(px - (lastPx[kind] ?? 0)) < size * 1.9) continue;
    lastPx[kind] = px;
    if (kind === MARK_NAN) {
      const y = t.height - size * 1.3;
      const arm = size * 0.8;
      crosses.moveTo(px - arm, y - arm);
      crosses.lineTo(px + arm, y + arm);
      crosses.moveTo(px - arm, y + arm);
      crosses.lineTo(px + arm, y - arm);
    } else if (kind === MARK_POS_INF) triangle(shapes, px, 0, size, size * 1.7);
    else if (kind === MARK_NEG_INF) triangle(shapes, px, t.height, size, -size * 1.7);
    else if (kind === MARK_REWIND) {
      const y = t.height - size * 1.2;
      shapes.moveTo(px - size * 1.5, y);
      shapes.lineTo(px, y - size * 0.9);
      shapes.lineTo(px, y + size * 0.9);
      shapes.closePath();
      shapes.rect(px, t.height - size * 2.4, dpr, size * 2.4);
    }
  }
  ctx.globalAlpha = stroke.alpha;
  ctx.setLineDash([]);
  ctx.lineWidth = 1.4 * dpr;
  ctx.strokeStyle = stroke.color;
  ctx.fillStyle = stroke.color;
  ctx.stroke(crosses);
  ctx.fill(shapes);
}

function triangle(path: Path2D, px: number, tip: number, half: number, height: number): void {
  path.moveTo(px, tip);
  path.lineTo(px - half, tip + height);
  path.lineTo(px + half, tip + height);
  path.closePath();
}
