/** Lines over time as SVG paths: gaps where nothing is known, and a band as one shape per unbroken stretch. */
export type Values = readonly (number | null | undefined)[];

const known = (value: number | null | undefined): value is number => value !== null && value !== undefined && Number.isFinite(value);

export function linePath(values: Values, x: (i: number) => number, y: (value: number) => number): string {
  let path = "";
  let open = false;
  values.forEach((value, i) => {
    if (known(value)) path += `${open ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    open = known(value);
  });
  return path;
}

/** Values with nothing on either side: a line does not show them. */
export function lonely(values: Values): number[] {
  return values.flatMap((value, i) => (known(value) && !known(values[i - 1]) && !known(values[i + 1]) ? [i] : []));
}

export function bandPath(low: Values, high: Values, x: (i: number) => number, y: (value: number) => number): string {
  let path = "";
  for (let i = 0; i < low.length; i++) {
    if (!known(low[i]) || !known(high[i])) continue;
    const from = i;
    while (i + 1 < low.length && known(low[i + 1]) && known(high[i + 1])) i++;
    const there = Array.from({ length: i - from + 1 }, (_, k) => `${x(from + k).toFixed(1)} ${y(high[from + k]!).toFixed(1)}`);
    const back = Array.from({ length: i - from + 1 }, (_, k) => `${x(i - k).toFixed(1)} ${y(low[i - k]!).toFixed(1)}`);
    path += `M${[...there, ...back].join("L")}Z`;
  }
  return path;
}

/** The range of all that is drawn, with a little air; `floor` and `ceiling` are never passed. */
export function rangeOf(all: readonly Values[], floor = -Infinity, ceiling = Infinity, leastSpan = 0): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const values of all) for (const value of values) if (known(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) return [0, 1];
  const air = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.05 || 0.5;
  // What hardly moves must not look as if it did.
  const more = Math.max(leastSpan - (high - low), 0) / 2;
  const wide = leastSpan > 0 ? Math.max(more, high > low ? air : 0) : air;
  const [bottom, top] = [Math.max(floor, low - wide), high + wide];
  return [bottom, Math.min(ceiling, Math.max(top, bottom + leastSpan))];
}

/** What lies between a share of the values and the rest at either end, so that one wide interval does not flatten a chart. */
export function middleOf(values: Values, share = 0.06): number[] {
  const sorted = values.filter(known).sort((a, b) => a - b);
  const cut = Math.floor(sorted.length * share);
  return sorted.slice(cut, sorted.length - cut);
}
