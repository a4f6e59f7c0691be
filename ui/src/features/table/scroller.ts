/** The arithmetic of a list of which only the rows in sight exist. */
export interface RowWindow {
  /** First row to draw, and one past the last. */
  first: number;
  end: number;
}

/** Rows beyond either edge that are there before they are scrolled to. */
export const OVERSCAN = 6;

/** Rows drawn at a time: those that fit, a cut one at either edge, and some beyond. */
export function rowCount(viewHeight: number, rowHeight: number, overscan = OVERSCAN): number {
  return Math.ceil(viewHeight / rowHeight) + 1 + 2 * overscan;
}

/** Always the same number of rows while there are enough, so that each that leaves makes room for one that comes. */
export function rowWindow(scrollTop: number, viewHeight: number, rowHeight: number, total: number, overscan = OVERSCAN): RowWindow {
  const count = Math.min(total, rowCount(viewHeight, rowHeight, overscan));
  const top = Math.floor(scrollTop / rowHeight) - overscan;
  const first = Math.max(0, Math.min(top, total - count));
  return { first, end: first + count };
}

/** Where to scroll so that a row is in full sight, moving as little as possible. */
export function reveal(index: number, scrollTop: number, viewHeight: number, rowHeight: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  const bottom = top + rowHeight;
  return bottom > scrollTop + viewHeight ? bottom - viewHeight : scrollTop;
}

/** The pages that hold rows first..end, nearest to the middle first: that is where the eye is. */
export function pagesOf(window: RowWindow, pageRows: number): number[] {
  if (window.end <= window.first) return [];
  const from = Math.floor(window.first / pageRows);
  const to = Math.floor((window.end - 1) / pageRows);
  const middle = (window.first + window.end) / 2 / pageRows - 0.5;
  return Array.from({ length: to - from + 1 }, (_, i) => from + i).sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
}

/** Rows take turns in a fixed set of elements, so that scrolling creates none. Slot = index modulo the count. */
export function slots(window: RowWindow, count: number): number[] {
  const n = Math.min(count, window.end - window.first);
  const indices = Array.from({ length: n }, (_, i) => window.first + i);
  return indices.sort((a, b) => (a % count) - (b % count));
}
