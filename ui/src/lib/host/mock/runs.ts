/** Deterministic runs for working on the page without a backend. Never part of a production bundle. */
import { mockSummary } from "$lib/chart/mock-frames";
import type { RunState } from "../wire";

export interface MockMetric {
  name: string;
  last: number;
  min: number;
  max: number;
  n: number;
}
export interface MockRun {
  id: number;
  name: string;
  status: RunState;
  started: number;
  ended: number | null;
  experiment: string;
  user: string;
  source: string;
  path: string;
  params: Map<string, string>;
  tags: Map<string, string>;
  metrics: Map<string, MockMetric>;
  ownName: string | null;
  color: number;
  hidden: boolean;
  pinned: boolean;
  ownTags: string[];
  note: string;
  problems: number;
}

/** Unix seconds; fixed, so that screenshots repeat. */
export const NOW = 1_795_000_000;
/** Curves with what charts must cope with: a million points, single points, flat lines, bytes, divergence. */
export const EXTRA_METRICS = ["train/grad_norm", "train/tokens_per_sec", "train/loss_fine", "val/f1", "test/accuracy", "system/gpu_util", "system/gpu_mem_bytes", "system/gpu_temp", "system/batch_size"];
export const METRICS = ["train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr", "grad_norm", "epoch_seconds", ...EXTRA_METRICS];

export function random(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}

const pick = <T>(next: () => number, list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
const ADJECTIVES = ["amber", "brisk", "calm", "dapper", "eager", "frosty", "gentle", "hazy", "ivory", "jolly", "keen", "lucid", "mellow", "noble"];
const NOUNS = ["heron", "otter", "lynx", "maple", "comet", "fjord", "ember", "quartz", "sparrow", "willow", "badger", "delta"];

export function makeRun(project: number, index: number): MockRun {
  const next = random(project * 1_000_003 + index * 7919 + 17);
  for (let warm = 0; warm < 4; warm++) next();
  const lr = pick(next, ["0.1", "0.03", "0.01", "0.003", "0.001", "0.0003"]);
  const opt = pick(next, ["adam", "sgd", "adamw", "lion"]);
  const batch = pick(next, ["32", "64", "128", "256"]);
  const started = NOW - index * 1730 - Math.floor(next() * 900);
  const roll = next();
  const status: RunState = index < 2 ? "running" : index === 2 ? "silent" : roll < 0.8 ? "finished" : roll < 0.88 ? "failed" : roll < 0.94 ? "killed" : "stopped";
  const seconds = 60 + Math.floor(next() * next() * 9000);
  const n = status === "running" ? 700 : 400 + Math.floor(next() * 1600);
  const quality = 0.2 + next() * 0.5 + (lr === "0.1" ? 0.6 : 0);
  const diverged = lr === "0.1" && next() < 0.35;
  const source = pick(next, ["TensorBoard", "MLflow", "MLflow", "CSV"]);
  const name = source === "TensorBoard" ? `runs/${opt}-lr${lr}-${index}` : `${pick(next, ADJECTIVES)}-${pick(next, NOUNS)}-${index % 997}`;
  const metrics = new Map<string, MockMetric>();
  const add = (metric: string, last: number, min: number, max: number) => metrics.set(metric, { name: metric, last, min, max, n });
  add("train/loss", diverged ? NaN : quality * 0.6, quality * 0.55, 2.3 + next());
  add("train/accuracy", diverged ? NaN : 1 - quality * 0.3, 0.1, 1 - quality * 0.28);
  if (index % 11 !== 5) {
    add("val/loss", diverged ? Infinity : quality * (0.8 + next() * 0.2), quality * 0.75, 2.4 + next());
    add("val/accuracy", diverged ? NaN : 0.98 - quality * 0.35, 0.1, 0.98 - quality * 0.34);
  }
  add("lr", Number(lr) * 0.01, Number(lr) * 0.01, Number(lr));
  if (index % 3 !== 0) add("grad_norm", 0.4 + next() * 3, 0.02, 40 * next());
  if (index % 4 === 0) add("epoch_seconds", 10 + next() * 50, 8, 70);
  // A curve each: too much for a table of 100,000.
  for (const metric of index < 400 ? EXTRA_METRICS : []) {
    if (metric.includes("fine") && index % 5 > 1) continue;
    const summary = mockSummary(index, metric);
    if (summary) metrics.set(metric, { name: metric, ...summary });
  }
  const params = new Map([["lr", lr], ["optimizer", opt], ["batch_size", batch], ["epochs", "40"], ["dropout", pick(next, ["0", "0.1", "0.2"])], ["model", pick(next, ["resnet18", "resnet34", "mlp", "vit_small_patch16_224"])], ["seed", String(index % 5)]]);
  const tags = new Map([["team", pick(next, ["cv", "nlp", "tabular"])], ["git.commit", Math.floor(next() * 16 ** 7).toString(16)]]);
  return {
    id: project * 1_000_000 + index, name, status, started,
    ended: status === "running" || status === "silent" || status === "stopped" ? null : started + seconds,
    experiment: pick(next, ["baseline", "sweep-lr", "augment"]), user: pick(next, ["ada", "grace", "alan"]), source,
    path: source === "MLflow" ? `mlruns/1/${Math.floor(next() * 2 ** 52).toString(16).padStart(32, "0")}` : source === "CSV" ? `logs/version_${index}/metrics.csv` : name,
    params, tags, metrics, ownName: null, color: index % 10, hidden: false, pinned: false,
    ownTags: index % 9 === 4 ? ["candidate"] : [], note: index % 13 === 3 ? "Warm-up was too short; see the gradient norm around step 300." : "", problems: index % 29 === 7 ? 2 : 0,
  };
}

/** The value of a curve at a step: what frames draw and what the table's last value comes from. */
export function curve(run: MockRun, metric: string, step: number): number {
  const info = run.metrics.get(metric);
  if (!info) return NaN;
  const next = random(run.id * 31 + step * 131 + metric.length);
  next();
  const noise = (next() - 0.5) * 0.12;
  const t = step / Math.max(1, info.n);
  if (!Number.isFinite(info.last) && t > 0.7) return metric === "val/loss" ? Infinity : NaN;
  if (metric === "lr") return info.max * (0.01 + 0.99 * 0.5 * (1 + Math.cos(Math.PI * t)));
  const end = Number.isFinite(info.last) ? info.last : info.min;
  if (metric.endsWith("accuracy")) return end - (end - info.min) * Math.exp(-5 * t) + noise * 0.2;
  if (metric.endsWith("loss")) return end + (info.max - end) * Math.exp(-6 * t) + noise * Math.exp(-2 * t);
  return end * (1 + noise * 4);
}
