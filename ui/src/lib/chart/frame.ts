// The binary frame that charts get from the backend ("SBF1"): decoded into views, never copied.

export const MARK_NAN = 1;
export const MARK_POS_INF = 2;
export const MARK_NEG_INF = 3;
export const MARK_REWIND = 4;

export const HEADER_BYTES = 32;
export const SERIES_HEADER_BYTES = 32;
export const MAGIC = 0x31464253; // "SBF1", read little endian

/** One run's line. All arrays are views on the frame's buffer; `y` is NaN where the line is broken. */
export interface FrameSeries {
  run: number;
  x: Float64Array;
  y: Float64Array;
  /** The unsmoothed line; empty when nothing is smoothed. */
  rawX: Float64Array;
  rawY: Float64Array;
  markX: Float64Array;
  /** One of the MARK_ numbers for each `markX`. */
  markKind: Float64Array;
  /** How many logged points the asked range covers. */
  nTotal: number;
  decimated: boolean;
  hasRewinds: boolean;
  /** Steps are not unique: the time is worth showing beside the step. */
  stepsRepeat: boolean;
  /** False when x goes back somewhere (wall time after a restart): then searches must look at every point. */
  sorted: boolean;
}

export interface Frame {
  /** Full range of x over all asked series; null when there is no point at all. */
  data: { x0: number; x1: number } | null;
  decimated: boolean;
  series: FrameSeries[];
  bytes: number;
}

export class FrameError extends Error {
  override name = "FrameError";
}

/** Reads a frame. The views stay valid as long as the buffer does. Throws `FrameError` on anything malformed. */
export function decodeFrame(buffer: ArrayBuffer): Frame {
  if (buffer.byteLength < HEADER_BYTES) throw new FrameError(`A frame of ${buffer.byteLength} bytes is too short.`);
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== MAGIC) throw new FrameError("The reply is not a chart frame.");
  const version = view.getUint32(4, true);
  if (version !== 1) throw new FrameError(`Chart frame version ${version} is not known here (1 is).`);
  const nSeries = view.getUint32(8, true);
  const flags = view.getUint32(12, true);
  const x0 = view.getFloat64(16, true);
  const x1 = view.getFloat64(24, true);
  const series: FrameSeries[] = [];
  let at = HEADER_BYTES;
  const take = (n: number): Float64Array => {
    if (n * 8 > buffer.byteLength - at) throw new FrameError("The chart frame ends in the middle of a series.");
    const array = new Float64Array(buffer, at, n);
    at += n * 8;
    return array;
  };
  for (let i = 0; i < nSeries; i++) {
    if (buffer.byteLength - at < SERIES_HEADER_BYTES) throw new FrameError("The chart frame ends before its last series.");
    const run = view.getUint32(at, true);
    const n = view.getUint32(at + 4, true);
    const nRaw = view.getUint32(at + 8, true);
    const nMarks = view.getUint32(at + 12, true);
    const nTotal = view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * 2 ** 32;
    const bits = view.getUint32(at + 24, true);
    at += SERIES_HEADER_BYTES;
    const x = take(n);
    const y = take(n);
    const rawX = take(nRaw);
    const rawY = take(nRaw);
    const markX = take(nMarks);
    const markKind = take(nMarks);
    series.push({
      run, x, y, rawX, rawY, markX, markKind, nTotal,
      decimated: (bits & 1) !== 0, hasRewinds: (bits & 2) !== 0, stepsRepeat: (bits & 4) !== 0,
      sorted: isSorted(x) && isSorted(rawX),
    });
  }
  const hasData = Number.isFinite(x0) && Number.isFinite(x1) && x0 <= x1;
  return { data: hasData ? { x0, x1 } : null, decimated: (flags & 1) !== 0, series, bytes: buffer.byteLength };
}

function isSorted(x: Float64Array): boolean {
  for (let i = 1; i < x.length; i++) if (x[i]! < x[i - 1]!) return false;
  return true;
}
