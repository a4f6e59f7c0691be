// All series of a card as one bitmap. A pan or a hover redraws the bitmap, not fifty lines; where time is short it is stretched.
import type { Frame, FrameSeries } from "./frame";
import { fromX, paintMarks, paintSeries, type Stroke, type Transform } from "./paint";

/** What is drawn, and how it looks: all that a bitmap depends on but the transform. */
export interface LayerContent {
  frame: Frame;
  /** In drawing order. */
  series: readonly FrameSeries[];
  strokeOf: (run: number) => Stroke;
  /** Changes whenever a stroke does. */
  styleKey: string;
  dpr: number;
}

/** Whether a bitmap `drawnWidth` wide, drawn by `drawn`, holds all of the plot area that `wanted` shows, point for point. */
export function coversExactly(drawn: Transform, drawnWidth: number, wanted: Transform): boolean {
  const same = (a: number, b: number) => a === b || Math.abs(a - b) <= Math.abs(b) * 1e-9;
  if (drawn.logX !== wanted.logX || drawn.logY !== wanted.logY || drawn.height !== wanted.height) return false;
  if (!same(drawn.ax, wanted.ax) || !same(drawn.ay, wanted.ay) || Math.abs(drawn.by - wanted.by) > 0.01) return false;
  const left = wanted.bx - drawn.bx;
  return left <= 0.01 && left + drawnWidth >= wanted.width - 0.5;
}

export class SeriesLayer {
  readonly #canvas = document.createElement("canvas");
  #drawn: Transform | null = null;
  #frame: Frame | null = null;
  #styleKey = "";

  /** Whether the bitmap shows exactly this. */
  isFresh(frame: Frame, t: Transform, styleKey: string): boolean {
    return this.#frame === frame && this.#styleKey === styleKey && this.#drawn !== null && coversExactly(this.#drawn, this.#canvas.width, t);
  }

  /** Whether stretching the bitmap would at least show lines of the right runs on the right kind of axes. */
  canStretch(t: Transform, styleKey: string): boolean {
    const d = this.#drawn;
    return d !== null && this.#styleKey === styleKey && d.logX === t.logX && d.logY === t.logY;
  }

  /** Draws for `t`, and `margin` of its width more to each side: a pan then only moves the bitmap. */
  render({ frame, series, strokeOf, styleKey, dpr }: LayerContent, t: Transform, margin = 0): void {
    const side = Math.round(t.width * margin);
    const width = Math.max(1, Math.round(t.width) + 2 * side);
    const height = Math.max(1, Math.round(t.height));
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    const wide = { ...t, bx: t.bx + side, width };
    const view = { min: fromX(wide, 0), max: fromX(wide, width) };
    const ctx = this.#canvas.getContext("2d")!;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalAlpha = 1;
    ctx.clearRect(0, 0, width, height);
    for (const s of series) paintSeries(ctx, s, view, wide, strokeOf(s.run), dpr);
    for (const s of series) paintMarks(ctx, s, view, wide, strokeOf(s.run), dpr);
    this.#drawn = wide;
    this.#frame = frame;
    this.#styleKey = styleKey;
  }

  /** Puts the bitmap where `t` wants it; `left`, `top` is the plot area's corner. The caller clips. */
  blit(ctx: CanvasRenderingContext2D, left: number, top: number, t: Transform, alpha: number): void {
    const d = this.#drawn;
    if (!d) return;
    ctx.globalAlpha = alpha;
    if (coversExactly(d, this.#canvas.width, t)) {
      // Whole pixels: a moved bitmap must not blur.
      ctx.drawImage(this.#canvas, Math.round(left + t.bx - d.bx), top);
    } else {
      const rx = t.ax / d.ax;
      const ry = t.ay / d.ay;
      ctx.drawImage(this.#canvas, left + t.bx - d.bx * rx, top + t.by - d.by * ry, this.#canvas.width * rx, this.#canvas.height * ry);
    }
    ctx.globalAlpha = 1;
  }

  /** Gives the memory back; the next render allocates anew. */
  drop(): void {
    this.#canvas.width = this.#canvas.height = 0;
    this.#drawn = null;
    this.#frame = null;
  }
}
