// Wine that was tasted for 35 days: rows counted on bins, so that every number on the screen comes from the same counts.
import type { ColumnWindow, DataKind, DriftVerdict, TestReport } from "../wire";

export const HOURS = 6;
export const N_BUCKETS = 140;
/** 18 Oct 2026, in hours since 1970. */
export const FIRST = Math.floor(Date.UTC(2026, 9, 18) / 3_600_000);
export const SEGMENTS = ["red", "rosé", "white"];
export const RULE = { alpha: 0.01, min_wasserstein_std: 0.1, min_js: 0.1, min_auroc: 0.6, min_share: 0.01, min_rows: 100 };

interface Column {
  name: string;
  kind: DataKind;
  mean: number;
  std: number;
  levels?: readonly string[];
  shares?: readonly number[];
}

const number = (name: string, mean: number, std: number): Column => ({ name, kind: "numeric", mean, std });
const levels = (name: string, names: readonly string[], shares: readonly number[], kind: DataKind = "categorical"): Column => ({ name, kind, mean: 0, std: 0, levels: names, shares });

export const COLUMNS: readonly Column[] = [
  number("alcohol", 13, 0.81), number("malic_acid", 2.34, 1.12), number("ash", 2.37, 0.27), number("alcalinity_of_ash", 19.5, 3.34), number("magnesium", 99.7, 14.3),
  number("total_phenols", 2.3, 0.63), number("flavanoids", 2.03, 1), number("nonflavanoid_phenols", 0.36, 0.12), number("proanthocyanins", 1.59, 0.57), number("color_intensity", 5.06, 2.32),
  number("hue", 0.96, 0.23), number("od280_od315", 2.61, 0.71), number("proline", 747, 314), number("residual_sugar", 5.4, 4.7), number("free_sulfur_dioxide", 30.5, 17.7),
  number("density", 0.9947, 0.003), number("ph", 3.22, 0.16), number("price", 14.8, 6.1),
  levels("region", ["Veneto", "Piemonte", "Toscana", "Sicilia", "Puglia", "Friuli"], [0.31, 0.24, 0.2, 0.12, 0.08, 0.05]), levels("is_organic", ["false", "true"], [0.72, 0.28], "boolean"),
];

/** Always the same noise for the same place. */
export function noise(...at: number[]): number {
  let h = 2166136261;
  for (const n of at) h = Math.imul(h ^ (n + 0x9e37), 16777619) ^ (h >>> 13);
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}
const bell = (...at: number[]) => noise(...at, 1) + noise(...at, 2) + noise(...at, 3) + noise(...at, 4) - 2;

function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail = (Math.exp((-z * z) / 2) / 2.506628) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z > 0 ? 1 - tail : tail;
}

export const edgesOf = (column: Column) => Array.from({ length: 41 }, (_, i) => column.mean + column.std * (-2.6 + (5.2 * i) / 40));

/** Rows of an hour's bucket; nights are quiet, and nobody tasted on two days. */
export function rowsOf(bucket: number, segment: number): number {
  const [day, part] = [Math.floor(bucket / 4), bucket % 4];
  if (day === 9 && part > 0) return 0;
  const base = [310, 1290, 1580, 830][part]! * (day % 7 > 4 ? 0.55 : 1) * [0.5, 0.12, 0.38][segment]!;
  return Math.round(base * (0.85 + 0.3 * noise(bucket, segment, 7)));
}

/** How far a column has moved, in its deviations. */
function shift(at: number, bucket: number, segment: number): number {
  const day = bucket / 4;
  const name = COLUMNS[at]!.name;
  if (name === "color_intensity" && segment === 2 && day >= 22) return Math.min(1.5, 0.35 + (day - 22) * 0.14);
  if (name === "hue" && segment === 2 && day >= 24) return -Math.min(0.8, (day - 24) * 0.08);
  if (name === "price") return day * 0.004;
  if (name === "residual_sugar" && day > 13 && day < 15) return 0.55;
  return 0.03 * bell(at, bucket, segment);
}

const nullsOf = (at: number, bucket: number) => (COLUMNS[at]!.name === "magnesium" && bucket >= 108 ? 0.09 : COLUMNS[at]!.name === "free_sulfur_dioxide" ? 0.021 : 0);

export interface Counted {
  rows: number;
  nulls: number;
  bins: number[];
  sum: number;
  fresh: number;
}

/** `bucket` −1: the reference. */
export function counted(at: number, bucket: number, segment: number, rows: number): Counted {
  const column = COLUMNS[at]!;
  const nulls = Math.round(rows * (bucket < 0 ? (column.name === "free_sulfur_dioxide" ? 0.02 : 0) : nullsOf(at, bucket)));
  const n = rows - nulls;
  const jitter = (share: number, bin: number) => Math.max(0, Math.round(n * share + Math.sqrt(n * share) * 1.7 * bell(at, bucket, segment, bin)));
  if (column.levels) {
    const moved = column.name === "region" && bucket >= 96;
    const fresh = moved ? Math.round(n * 0.045) : 0;
    const bins = column.shares!.map((share, bin) => jitter(share * (moved ? (bin === 0 ? 0.7 : bin === 3 ? 1.5 : 1) : 1), bin));
    return { rows, nulls, bins: [...bins, fresh], sum: 0, fresh };
  }
  const by = bucket < 0 ? 0 : shift(at, bucket, segment);
  const spread = column.name === "price" ? 1.06 : 1;
  const ends = [-Infinity, ...Array.from({ length: 41 }, (_, i) => (-2.6 + (5.2 * i) / 40 - by) / (bucket < 0 ? 1 : spread)), Infinity];
  const bins = Array.from({ length: 42 }, (_, i) => jitter(normal(ends[i + 1]!) - normal(ends[i]!), i));
  return { rows, nulls, bins, sum: n * (column.mean + by * column.std), fresh: 0 };
}

export function added(all: readonly Counted[]): Counted {
  const sum: Counted = { rows: 0, nulls: 0, bins: all[0] ? all[0].bins.map(() => 0) : [], sum: 0, fresh: 0 };
  for (const one of all) {
    sum.rows += one.rows;
    sum.nulls += one.nulls;
    sum.sum += one.sum;
    sum.fresh += one.fresh;
    one.bins.forEach((n, i) => (sum.bins[i]! += n));
  }
  return sum;
}

const total = (bins: readonly number[]) => bins.reduce((a, b) => a + b, 0);

/** Coarser for the distances, as the backend's deciles are. */
const coarse = (bins: readonly number[]) => (bins.length < 20 ? [...bins] : Array.from({ length: 10 }, (_, i) => total(bins.slice(i * 4 + (i === 0 ? 0 : 1), i === 9 ? 42 : i * 4 + 5))));

export function judged(at: number, expected: Counted, found: Counted): Omit<ColumnWindow, "p_adjusted" | "verdict" | "says"> {
  const column = COLUMNS[at]!;
  const [a, b] = [coarse(expected.bins), coarse(found.bins)];
  const [n, m] = [total(a), total(b)];
  const tests: Record<string, TestReport> = {};
  const put = (name: string, statistic: number, p_value: number | null, threshold: number | null) => (tests[name] = { statistic, p_value, threshold, n: [n, m], refused: null });
  let [psi, js, d, area, sum, chi2] = [0, 0, 0, 0, 0, 0];
  a.forEach((x, i) => {
    const [p, q] = [(x + 0.5) / (n + 5), (b[i]! + 0.5) / (m + 5)];
    const mid = (p + q) / 2;
    psi += (p - q) * Math.log(p / q);
    js += (p * Math.log2(p / mid) + q * Math.log2(q / mid)) / 2;
    chi2 += m > 0 ? (b[i]! - m * p) ** 2 / (m * p) : 0;
  });
  expected.bins.forEach((x, i) => {
    sum += x / n - found.bins[i]! / Math.max(1, m);
    d = Math.max(d, Math.abs(sum));
    area += Math.abs(sum) * (5.2 / 40);
  });
  js = Math.sqrt(Math.max(0, js - 10 / (8 * Math.max(40, m))));
  put("psi", psi, null, 0.02 + 30 / Math.max(1, m));
  put("js", js, null, RULE.min_js);
  put("hellinger", js * 0.83, null, null);
  const lambda = d * Math.sqrt((n * m) / (n + m));
  const p = Math.min(1, 2 * Math.exp(-2 * lambda * lambda));
  if (column.levels) put("chi2", chi2, p, RULE.alpha);
  else {
    put("ks", d, p, RULE.alpha);
    put("wasserstein_std", area, null, RULE.min_wasserstein_std);
  }
  const effect = column.levels ? { name: "js", value: js, threshold: RULE.min_js } : { name: "wasserstein_std", value: area, threshold: RULE.min_wasserstein_std };
  const side = (of: Counted) => ({ type: column.levels ? (column.kind === "boolean" ? "Boolean" : "Utf8") : "Float64", moments: column.levels || total(of.bins) === 0 ? null : { min: column.mean - 3.1 * column.std, max: column.mean + 3.4 * column.std, mean: of.sum / total(of.bins), std: column.std }, levels: null, rows: of.rows, nulls: of.nulls, nan: 0, pos_inf: 0, neg_inf: 0, mismatched: 0 });
  const nullsBefore = expected.nulls / Math.max(1, expected.rows);
  const nullsNow = found.nulls / Math.max(1, found.rows);
  return {
    name: column.name, kind: column.kind, edges: column.levels ? [] : edgesOf(column), names: column.levels ? [...column.levels] : [], expected: expected.bins, found: found.bins, by: effect?.name ?? null, histogram: column.levels ? { edges: [], names: [...column.levels, "all others"], reference: expected.bins, current: found.bins } : { edges: edgesOf(column), names: [], reference: expected.bins.slice(1, -1), current: found.bins.slice(1, -1) }, reference: side(expected), current: side(found), tests, effect,
    p_value: p, rates: nullsNow - nullsBefore > 0.01 ? [{ of: "nulls", reference: nullsBefore, current: nullsNow, p_value: 1e-9, p_adjusted: 4e-8 }] : [], new_levels: found.fresh > 0 ? [{ level: "Alto Adige", rows: found.fresh }] : [], gone_levels: [],
  };
}

/** By Benjamini and Hochberg, and the verdict of each. */
export function settled(columns: readonly ReturnType<typeof judged>[]): ColumnWindow[] {
  const order = columns.map((column, at) => ({ at, p: column.p_value ?? 1 })).sort((a, b) => b.p - a.p);
  let least = 1;
  const adjusted: number[] = [];
  order.forEach(({ at, p }, i) => (adjusted[at] = least = Math.min(least, (p * columns.length) / (columns.length - i))));
  return columns.map((column, at) => {
    const p = adjusted[at]!;
    const large = (column.effect?.value ?? 0) >= (column.effect?.threshold ?? 1);
    const few = (column.tests["js"]?.n[1] ?? 0) < RULE.min_rows;
    const gone = column.rates.length > 0;
    const verdict: DriftVerdict = few ? "too_few_rows" : gone || (large && p < RULE.alpha) ? "drift" : large ? "large_but_uncertain" : p < RULE.alpha ? "small_but_significant" : "no_drift";
    return { ...column, p_adjusted: p, verdict, says: says(column, verdict, gone) };
  });
}

function says(column: ReturnType<typeof judged>, verdict: DriftVerdict, gone: boolean): string {
  if (gone) return `Nulls went from ${((column.rates[0]?.reference ?? 0) * 100).toFixed(1)} % to ${((column.rates[0]?.current ?? 0) * 100).toFixed(1)} %.`;
  const [before, now] = [column.reference?.moments?.mean, column.current?.moments?.mean];
  const means = before !== undefined && now !== undefined ? `The mean went from ${before.toPrecision(3)} to ${now.toPrecision(3)}` : "The shares of the levels changed";
  if (verdict === "drift") return `${means}: ${column.effect?.value.toFixed(2)} by ${column.effect?.name}, where ${column.effect?.threshold} counts.`;
  return { too_few_rows: "Fewer than 100 values: too few to tell.", large_but_uncertain: `${means}, but a window of this size may be so by chance.`, small_but_significant: "A change that is not by chance, and too small to matter.", no_drift: "As in the reference." }[verdict as "no_drift"] ?? "";
}
