// How well the mock's model does, by bucket, and how even-handedly.
import type { Fairness, QualityPoint } from "../wire";
import { N_BUCKETS, noise, rowsOf, SEGMENTS } from "./data-model";

/** Labels come four days late. */
const LABELLED_TILL = N_BUCKETS - 16;

export const rowsIn = (bucket: number, segment: string | null) => SEGMENTS.reduce((sum, name, at) => sum + (segment === null || segment === name ? rowsOf(bucket, at) : 0), 0);

function wilson(share: number, n: number): [number, number] {
  const z = 1.96;
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return [middle - half, middle + half];
}

export function quality(bucket: number, segment: string | null): QualityPoint | null {
  const rows = rowsIn(bucket, segment);
  if (rows === 0) return null;
  const day = bucket / 4;
  const fall = segment === "red" || segment === "rosé" ? 0 : Math.max(0, day - 22) * 0.0075;
  const truth = 0.912 - fall;
  const late = bucket < LABELLED_TILL ? 1 : Math.max(0, 1 - (bucket - LABELLED_TILL) / 10);
  const labelled = Math.round(rows * late * 0.93);
  const seen = truth + (noise(bucket, 31) - 0.5) * (1.6 / Math.sqrt(Math.max(40, labelled)));
  const known = labelled >= 20;
  const band = known ? wilson(Math.min(0.995, seen), labelled) : [null, null];
  const estimate = truth + 0.004 + (noise(bucket, 37) - 0.5) * 0.012;
  return {
    rows, labelled, accuracy: known ? Math.min(0.995, seen) : null, accuracy_low: band[0] ?? null, accuracy_high: band[1] ?? null,
    f1: known ? seen - 0.031 + (noise(bucket, 5) - 0.5) * 0.015 : null, auroc: known ? Math.min(0.99, 0.957 - fall * 0.7 + (noise(bucket, 6) - 0.5) * 0.012) : null, brier: known ? 0.066 + fall * 0.6 + (noise(bucket, 8) - 0.5) * 0.008 : null,
    mae: null, rmse: null, r2: null, estimate, estimate_low: estimate - 1.1 / Math.sqrt(rows), estimate_high: Math.min(1, estimate + 1.1 / Math.sqrt(rows)),
  };
}

const metric = (name: string, groups: readonly [string, number, number][]) => {
  const rates = groups.map(([group, rows, value]) => ({ group, rows, value, low: Math.max(0, value - 1.96 * Math.sqrt((value * (1 - value)) / rows)), high: Math.min(1, value + 1.96 * Math.sqrt((value * (1 - value)) / rows)) }));
  const values = groups.map(([, , value]) => value);
  const difference = Math.max(...values) - Math.min(...values);
  const half = 1.96 * Math.sqrt(rates.reduce((sum, rate) => sum + ((rate.high - rate.low) / 3.92) ** 2, 0) / 2) * 1.3;
  return { metric: name, groups: rates, difference, difference_low: Math.max(0, difference - half), difference_high: difference + half, ratio: Math.min(...values) / Math.max(...values) };
};

export function fairness(): Fairness[] {
  const overTime = (level: number) => Array.from({ length: N_BUCKETS }, (_, bucket) => (rowsIn(bucket, null) < 120 ? null : level + 0.0016 * Math.max(0, bucket - 88) * (level > 0.1 ? 1 : 0) + (noise(bucket, 41) - 0.5) * 0.05));
  const rates = (groups: readonly [string, number][], base: readonly number[][]) => ["selection rate", "true positive rate", "false positive rate", "precision", "accuracy"].map((name, i) => metric(name, groups.map(([group, rows], g) => [group, rows, base[i]![g]!])));
  return [
    { attribute: "seller", metrics: rates([["co-operative", 14_210], ["estate", 9_120], ["négociant", 3_310]], [[0.41, 0.52, 0.33], [0.86, 0.91, 0.78], [0.08, 0.11, 0.07], [0.84, 0.86, 0.8], [0.9, 0.91, 0.88]]), too_small: [["private", 12]], over_time: overTime(0.17) },
    { attribute: "region_group", metrics: rates([["north", 15_830], ["centre", 6_420], ["south", 4_390]], [[0.44, 0.43, 0.41], [0.88, 0.87, 0.86], [0.09, 0.09, 0.1], [0.85, 0.84, 0.83], [0.91, 0.9, 0.9]]), too_small: [], over_time: overTime(0.04) },
    { attribute: "seller × region_group", metrics: rates([["co-operative, north", 8_610], ["co-operative, south", 2_140], ["estate, north", 5_900], ["estate, centre", 2_380], ["négociant, north", 1_320]], [[0.42, 0.38, 0.53, 0.5, 0.3], [0.87, 0.84, 0.92, 0.9, 0.74], [0.08, 0.09, 0.11, 0.11, 0.06], [0.84, 0.82, 0.87, 0.86, 0.78], [0.9, 0.89, 0.92, 0.91, 0.87]]), too_small: [["négociant, south", 41], ["négociant, centre", 28], ["private, north", 9]], over_time: overTime(0.21) },
  ];
}
