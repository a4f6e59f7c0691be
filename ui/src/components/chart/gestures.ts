// Pointer on a chart: hover, drag to zoom, Shift-drag to pan, Ctrl-wheel, double-click back.
import { nearestIndex, nearestRun } from "$lib/chart/nearest";
import { panned, wideEnough, zoomed, type Range } from "$lib/chart/range";
import type { Board } from "./board.svelte";
import type { CardPlot } from "./plot";

const REACH_PX = 28;
const DRAG_PX = 4;

export interface GestureHost {
  board: Board;
  plot: CardPlot;
  logX: () => boolean;
  logY: () => boolean;
  onHover(run: number | null): void;
  /** A click without a drag, near a line. */
  onPick(run: number): void;
}

/** Listens on the card's plot root; answers how to stop. */
export function attachGestures(root: HTMLElement, host: GestureHost): () => void {
  const { plot, board } = host;
  const { viewport } = board;
  let drag: { kind: "none" | "x" | "y" | "box" | "pan"; startX: number; startY: number; range: Range; yRange: Range; before: Range | null } | null = null;
  let hoverAt: { clientX: number; clientY: number } | null = null;
  let hoverFrame = 0;

  const local = (event: { clientX: number; clientY: number }) => {
    const box = plot.over?.getBoundingClientRect();
    plot.box = box ?? null;
    return box ? { px: event.clientX - box.left, py: event.clientY - box.top, width: box.width, height: box.height } : null;
  };

  const hover = () => {
    hoverFrame = 0;
    const at = hoverAt && local(hoverAt);
    const p = plot.projections();
    if (!at || !p || drag) return;
    if (at.px < 0 || at.px > at.width || at.py < 0 || at.py > at.height) return leave();
    const x = p.invertX(at.px);
    const run = nearestRun(plot.series, x, at.px, at.py, p.x, p.y, REACH_PX);
    viewport.setHovered(run);
    host.onHover(run);
    // The crosshair stands on a point: the nearest run's, or the nearest of all.
    const near = plot.series.find((s) => s.run === run);
    let snapped = x;
    let best = Infinity;
    for (const s of near ? [near] : plot.series) {
      const i = nearestIndex(s.x, s.sorted, x);
      const d = i < 0 ? Infinity : Math.abs(s.x[i]! - x);
      if (d < best) {
        best = d;
        snapped = s.x[i]!;
      }
    }
    viewport.setCursor(Math.abs(p.x.toPx(snapped) - at.px) < 60 ? snapped : x, plot);
  };

  const leave = () => {
    if (viewport.owner !== plot || drag) return;
    viewport.setHovered(null);
    host.onHover(null);
    viewport.setCursor(null, null);
  };

  const onMove = (event: PointerEvent) => {
    if (drag) return onDrag(event);
    hoverAt = event;
    hoverFrame ||= requestAnimationFrame(hover);
  };

  const onDown = (event: PointerEvent) => {
    const p = plot.projections();
    const at = local(event);
    if (!p || !at || (event.button !== 0 && event.button !== 1) || !plot.over?.contains(event.target as Node)) return;
    const pan = event.shiftKey || event.button === 1;
    drag = { kind: pan ? "pan" : event.altKey ? "box" : "none", startX: at.px, startY: at.py, range: p.view, yRange: p.yView, before: viewport.range };
    root.setPointerCapture(event.pointerId);
    if (pan) {
      event.preventDefault();
      viewport.setCursor(null, plot);
      viewport.setGesture(true);
      root.classList.add("panning");
    }
  };

  const onDrag = (event: PointerEvent) => {
    const at = local(event);
    if (!drag || !at) return;
    const dx = at.px - drag.startX;
    const dy = at.py - drag.startY;
    if (drag.kind === "pan") {
      viewport.setRange(panned(drag.range, -dx / at.width, host.logX()));
      if (plot.yZoom) plot.zoomY(panned(drag.yRange, dy / at.height, host.logY()));
      return;
    }
    if (drag.kind === "none") {
      if (Math.hypot(dx, dy) < DRAG_PX) return;
      // Along an axis by the first movement; Alt makes a box.
      drag.kind = Math.abs(dy) > 2.5 * Math.abs(dx) ? "y" : "x";
      viewport.setCursor(null, plot);
    }
    const clampX = Math.min(at.width, Math.max(0, at.px));
    const clampY = Math.min(at.height, Math.max(0, at.py));
    const wide = drag.kind !== "y";
    const tall = drag.kind !== "x";
    plot.uplot?.setSelect({
      left: wide ? Math.min(drag.startX, clampX) : 0,
      width: wide ? Math.abs(clampX - drag.startX) : at.width,
      top: tall ? Math.min(drag.startY, clampY) : 0,
      height: tall ? Math.abs(clampY - drag.startY) : at.height,
    }, false);
  };

  const onUp = (event: PointerEvent) => {
    const done = drag;
    const at = local(event);
    drag = null;
    root.classList.remove("panning");
    plot.uplot?.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (!done) return;
    if (done.kind === "pan") {
      viewport.setGesture(false);
      board.recordZoom(done.before);
      return;
    }
    const p = plot.projections();
    if (!p || !at || event.type === "pointercancel") return;
    if (done.kind === "none") {
      if (viewport.hovered !== null) host.onPick(viewport.hovered);
      return;
    }
    const clamp = (v: number, max: number) => Math.min(max, Math.max(0, v));
    if (done.kind !== "y" && Math.abs(at.px - done.startX) >= DRAG_PX) {
      const [a, b] = [p.invertX(done.startX), p.invertX(clamp(at.px, at.width))];
      const range = { min: Math.min(a, b), max: Math.max(a, b) };
      if (wideEnough(range)) board.zoom(range);
    }
    if (done.kind !== "x" && Math.abs(at.py - done.startY) >= DRAG_PX) {
      const [a, b] = [p.invertY(done.startY), p.invertY(clamp(at.py, at.height))];
      const range = { min: Math.min(a, b), max: Math.max(a, b) };
      if (wideEnough(range)) plot.zoomY(range);
    }
  };

  const onWheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.metaKey) return;
    const p = plot.projections();
    const at = local(event);
    if (!p || !at || !plot.over?.contains(event.target as Node)) return;
    event.preventDefault();
    const delta = event.deltaY !== 0 ? event.deltaY : event.deltaX;
    const factor = Math.exp(Math.max(-1, Math.min(1, delta / 300)));
    if (event.shiftKey) plot.zoomY(zoomed(p.yView, p.invertY(at.py), factor, host.logY()));
    else viewport.setRange(clampToData(zoomed(p.view, p.invertX(at.px), factor, host.logX()), plot.status.data));
  };

  const onDouble = (event: MouseEvent) => {
    // Not by its target: after a captured pointer that is the root.
    const at = local(event);
    if (!at || at.px < 0 || at.px > at.width || at.py < 0 || at.py > at.height) return;
    plot.zoomY(null);
    board.zoom(null);
  };

  root.addEventListener("pointermove", onMove);
  root.addEventListener("pointerleave", leave);
  root.addEventListener("pointerdown", onDown);
  root.addEventListener("pointerup", onUp);
  root.addEventListener("pointercancel", onUp);
  root.addEventListener("wheel", onWheel, { passive: false });
  root.addEventListener("dblclick", onDouble);
  return () => {
    cancelAnimationFrame(hoverFrame);
    leave();
    root.removeEventListener("pointermove", onMove);
    root.removeEventListener("pointerleave", leave);
    root.removeEventListener("pointerdown", onDown);
    root.removeEventListener("pointerup", onUp);
    root.removeEventListener("pointercancel", onUp);
    root.removeEventListener("wheel", onWheel);
    root.removeEventListener("dblclick", onDouble);
  };
}

/** Zooming out ends where the data does: then nothing is zoomed and new points are followed again. */
export function clampToData(range: Range, data: { x0: number; x1: number } | null): Range | null {
  if (!data) return range;
  return range.min <= data.x0 && range.max >= data.x1 ? null : range;
}
