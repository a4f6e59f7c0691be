// All series of a card as one bitmap. A pan or a hover redraws the bitmap, not fifty lines; where time is short it is stretched.
import type { Frame, FrameSeries } from "./frame";
import { paintMarks, paintSeries, type Stroke, type Transform } from "./paint";
import type { Range } from "./range";

export class SeriesLayer {
  readonly #canvas = document.createElement("canvas");
  #drawn: Transform | null = null;
  #frame: Frame | null = null;
  #styleKey = "";

  /** Whether the bitmap shows exactly this. */
  isFresh(frame: Frame, t: Transform, styleKey: string): boolean {
    return this.#frame === frame && this.#styleKey === styleKey && this.#drawn !== null && sameTransform(this.#drawn, t);
  }

  /** Whether stretching the bitmap would at least show lines of the right runs on the right kind of axes. */
  canStretch(t: Transform, styleKey: string): boolean {
    const d = this.#drawn;
    return d !== null && this.#styleKey === styleKey && d.logX === t.logX && d.logY === t.logY;
  }

  render(frame: Frame, series: readonly FrameSeries[], view: Range, t: Transform, strokeOf: (run: number) => Stroke, styleKey: string, dpr: number): void {
    const width = Math.max(1, Math.round(t.width));
    const height = Math.max(1, Math.round(t.height));
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    const ctx = this.#canvas.getContext("2d")!;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalAlpha = 1;
    ctx.clearRect(0, 0, width, height);
    for (const s of series) paintSeries(ctx, s, view, t, strokeOf(s.run), dpr);
    for (const s of series) paintMarks(ctx, s, view, t, strokeOf(s.run), dpr);
    this.#drawn = t;
    this.#frame = frame;
    this.#styleKey = styleKey;
  }

  /** Puts the bitmap where `t` wants it; `left`, `top` is the plot area's corner. The caller clips. */
  blit(ctx: CanvasRenderingContext2D, left: number, top: number, t: Transform, alpha: number): void {
    const d = this.#drawn;
    if (!d) return;
    const rx = t.ax / d.ax;
    const ry = t.ay / d.ay;
    ctx.globalAlpha = alpha;
    ctx.drawImage(this.#canvas, left + t.bx - d.bx * rx, top + t.by - d.by * ry, this.#canvas.width * rx, this.#canvas.height * ry);
    ctx.globalAlpha = 1;
  }

  /** Gives the memory back; the next render allocates anew. */
  drop(): void {
    this.#canvas.width = this.#canvas.height = 0;
    this.#drawn = null;
    this.#frame = null;
  }
}

function sameTransform(a: Transform, b: Transform): boolean {
  return a.ax === b.ax && a.bx === b.bx && a.ay === b.ay && a.by === b.by && a.width === b.width && a.height === b.height && a.logX === b.logX && a.logY === b.logY;
}
