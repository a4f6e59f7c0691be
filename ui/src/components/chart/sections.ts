// Metrics by their prefix, in the user's order.
import type { MetricInfo } from "$lib/host";

export interface Section {
  name: string;
  title: string;
  metrics: MetricInfo[];
  nHidden: number;
}

/**
 * Of sections a user has not ordered: what is trained on, what it is judged by, then the rest by name, the machine last.
 * Those of a few of the runs come behind those of most.
 */
const USUAL = ["", "train", "training", "val", "valid", "validation", "eval", "test"];
const LAST = ["system", "sys", "gpu", "hardware", "machine"];

function rank(name: string): number {
  const first = USUAL.indexOf(name.toLowerCase());
  if (first >= 0) return first;
  return LAST.includes(name.toLowerCase()) ? 1000 : 100;
}

/** What is logged to keep the books: it goes behind what is measured. */
const BOOKS = /^(epochs?|steps?|global_step|iter(ation)?s?|hp_metric|lr([-_.].*)?|learning_rate|((wall|elapsed|epoch|step)_)?time|elapsed|seconds|timestamp)$/i;
const keepsBooks = (metric: MetricInfo) => BOOKS.test(metric.name.slice(metric.name.lastIndexOf("/") + 1));

export const PINNED = "\u0000pinned";

export function sectionsOf(metrics: readonly MetricInfo[], opts: { order: readonly string[]; hidden: readonly string[]; pinned: readonly string[]; search: string; showHidden: boolean }): Section[] {
  const hidden = new Set(opts.hidden);
  const pinned = new Set(opts.pinned);
  const words = opts.search.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, Section>();
  /** Of how many runs a section's most common metric is. */
  const widest = new Map<string, number>();
  const into = (name: string, title: string): Section => {
    let section = groups.get(name);
    if (!section) groups.set(name, (section = { name, title, metrics: [], nHidden: 0 }));
    return section;
  };
  for (const metric of metrics) {
    const text = metric.name.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    const section = pinned.has(metric.name) ? into(PINNED, "Pinned") : into(metric.prefix, metric.prefix || "Metrics");
    widest.set(section.name, Math.max(widest.get(section.name) ?? 0, metric.n_runs));
    if (hidden.has(metric.name)) section.nHidden++;
    if (!hidden.has(metric.name) || opts.showHidden) section.metrics.push(metric);
  }
  const most = Math.max(0, ...widest.values());
  const isRare = (name: string) => (widest.get(name) ?? 0) * 2 < most;
  const place = (name: string) => (name === PINNED ? -2 : opts.order.includes(name) ? opts.order.indexOf(name) - 1e6 : rank(name) + (isRare(name) ? 500 : 0));
  for (const section of groups.values()) section.metrics.sort((a, b) => Number(keepsBooks(a)) - Number(keepsBooks(b)) || natural(a.name, b.name));
  return [...groups.values()].sort((a, b) => (a.name === PINNED ? -1 : b.name === PINNED ? 1 : place(a.name) - place(b.name) || natural(a.name, b.name)));
}

/** "layer2" before "layer10". */
function natural(a: string, b: string): number {
  const parts = (text: string) => text.toLowerCase().split(/(\d+)/);
  const [pa, pb] = [parts(a), parts(b)];
  for (let i = 0; i < Math.min(pa.length, pb.length); i++) {
    const [x, y] = [pa[i]!, pb[i]!];
    if (x === y) continue;
    const [nx, ny] = [Number(x), Number(y)];
    if (i % 2 === 1 && nx !== ny) return nx - ny;
    return x < y ? -1 : 1;
  }
  return pa.length - pb.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** Inside a section the prefix says nothing new: "train/loss" is "loss" under "train". */
export function labelIn(section: Section, metric: MetricInfo): string {
  const prefix = `${metric.prefix}/`;
  return section.name !== PINNED && metric.prefix && metric.name.startsWith(prefix) ? metric.name.slice(prefix.length) : metric.name;
}

/** The sections' names with one moved by a place, for the remembered order. */
export function movedSection(sections: readonly Section[], name: string, by: number): string[] {
  const names = sections.map((section) => section.name).filter((other) => other !== PINNED);
  const from = names.indexOf(name);
  const to = Math.max(0, Math.min(names.length - 1, from + by));
  if (from < 0) return names;
  names.splice(to, 0, ...names.splice(from, 1));
  return names;
}
