// Writes frames as the backend does. Only tests and the mock host use it; it keeps the format's two ends in one place.
import { HEADER_BYTES, MAGIC, SERIES_HEADER_BYTES } from "./frame";

export interface EncodeSeries {
  run: number;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  rawX?: ArrayLike<number>;
  rawY?: ArrayLike<number>;
  markX?: ArrayLike<number>;
  markKind?: ArrayLike<number>;
  nTotal?: number;
  decimated?: boolean;
  hasRewinds?: boolean;
  stepsRepeat?: boolean;
}

export function encodeFrame(series: EncodeSeries[], data: { x0: number; x1: number } | null): ArrayBuffer {
  const columns = (s: EncodeSeries) => [s.x, s.y, s.rawX ?? [], s.rawY ?? [], s.markX ?? [], s.markKind ?? []];
  let bytes = HEADER_BYTES;
  for (const s of series) bytes += SERIES_HEADER_BYTES + columns(s).reduce((sum, c) => sum + c.length * 8, 0);
  const buffer = new ArrayBuffer(bytes);
  const view = new DataView(buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, 1, true);
  view.setUint32(8, series.length, true);
  view.setUint32(12, series.some((s) => s.decimated) ? 1 : 0, true);
  view.setFloat64(16, data?.x0 ?? NaN, true);
  view.setFloat64(24, data?.x1 ?? NaN, true);
  let at = HEADER_BYTES;
  for (const s of series) {
    const total = s.nTotal ?? s.x.length;
    view.setUint32(at, s.run, true);
    view.setUint32(at + 4, s.x.length, true);
    view.setUint32(at + 8, s.rawX?.length ?? 0, true);
    view.setUint32(at + 12, s.markX?.length ?? 0, true);
    view.setUint32(at + 16, total % 2 ** 32, true);
    view.setUint32(at + 20, Math.floor(total / 2 ** 32), true);
    view.setUint32(at + 24, (s.decimated ? 1 : 0) | (s.hasRewinds ? 2 : 0) | (s.stepsRepeat ? 4 : 0), true);
    at += SERIES_HEADER_BYTES;
    for (const column of columns(s)) {
      new Float64Array(buffer, at, column.length).set(column);
      at += column.length * 8;
    }
  }
  return buffer;
}
