// Numbers as a reader of charts wants them: short on axes, exact in the readout, complete on copy.

const MINUS = "\u2212";

/** The whole value, as it would be typed again: what "copy" gives. */
export function formatFull(value: number): string {
  return String(value);
}

/** Up to `digits` significant digits, no trailing zeros, exponent only where it is shorter to read. */
export function formatValue(value: number, digits = 7): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+∞" : `${MINUS}∞`;
  if (value === 0) return "0";
  const abs = Math.abs(value);
  const text = abs >= 10 ** digits || abs < 1e-4 ? trimExponent(abs.toExponential(digits - 1)) : trimZeros(abs.toPrecision(digits));
  return value < 0 ? MINUS + text : text;
}

/** A column of values with the same decimals, where their sizes allow it; seven significant digits for the greatest. */
export function formatColumn(values: readonly number[]): string[] {
  const sizes = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const top = Math.max(...sizes);
  if (sizes.length === 0 || top >= 1e7 || Math.min(...sizes) < Math.max(1e-4, top * 1e-5)) return values.map((v) => formatValue(v));
  let decimals = Math.max(0, 6 - Math.floor(Math.log10(top)));
  const fixed = () => values.map((v) => (Number.isFinite(v) ? (v < 0 ? MINUS : "") + Math.abs(v).toFixed(decimals) : formatValue(v)));
  let column = fixed();
  while (decimals > 0 && column.every((text, i) => !Number.isFinite(values[i]!) || text.endsWith("0"))) {
    decimals--;
    column = fixed();
  }
  return column;
}

const SI: [number, string][] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** A labeller for ticks that lie `incr` apart within `min`..`max`: the same unit and decimals for all of them. */
export function tickFormatter(min: number, max: number, incr: number): (value: number) => string {
  const top = Math.max(Math.abs(min), Math.abs(max));
  const isZero = (v: number) => Math.abs(v) < incr * 1e-6;
  const signed = (v: number, text: string) => (v < 0 ? MINUS + text : text);
  if (top >= 1e15 || (top > 0 && top < 1e-3)) {
    const digits = Math.min(12, Math.max(0, Math.floor(Math.log10(top) + 1e-9) - Math.floor(Math.log10(incr) + 1e-9)));
    return (v) => (isZero(v) ? "0" : signed(v, trimExponent(Math.abs(v).toExponential(digits))));
  }
  if (top >= 1e4) {
    const [size, unit] = SI.find(([s]) => top >= s)!;
    const decimals = decimalsOf(incr / size);
    if (decimals <= 2) return (v) => (isZero(v) ? "0" : signed(v, Math.abs(v / size).toFixed(decimals)) + unit);
  }
  const decimals = Math.min(12, decimalsOf(incr));
  return (v) => {
    if (isZero(v)) return "0";
    const [whole, fraction] = Math.abs(v).toFixed(decimals).split(".");
    const grouped = top >= 1e4 ? whole!.replace(/\B(?=(\d{3})+$)/g, ",") : whole!;
    return signed(v, fraction ? `${grouped}.${fraction}` : grouped);
  };
}

/** A label for one power of ten (or its multiple) on a log axis. */
export function formatDecade(value: number): string {
  if (value >= 1e-2 && value < 1e4) return trimZeros(value.toPrecision(2).includes("e") ? String(value) : value.toPrecision(2));
  for (const [size, unit] of SI) if (value >= size && value < size * 1e3) return trimZeros((value / size).toPrecision(3)) + unit;
  return trimExponent(value.toExponential(1));
}

function decimalsOf(incr: number): number {
  return Math.max(0, -Math.floor(Math.log10(incr) + 1e-9));
}

function trimZeros(text: string): string {
  if (text.includes("e")) return trimExponent(text);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function trimExponent(text: string): string {
  const [mantissa = "", exponent = "0"] = text.split("e");
  const power = Number(exponent);
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return `${short}e${power < 0 ? MINUS : ""}${Math.abs(power)}`;
}
