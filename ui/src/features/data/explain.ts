/** What a number on a data screen is: one short paragraph per method, in words. */
import { formatNumber } from "$lib/format";
import type { MonitorDefinition, QualityPoint, TestReport } from "$lib/host";
import { formatP } from "./words";

interface Method {
  title: string;
  says: string;
}

const SHARES = "Both sides are counted on the same bins (the reference's deciles, or its levels); p and q are the shares.";

const methods: Record<string, Method> = {
  wasserstein_std: { title: "Wasserstein, in deviations", says: "How far values moved on average, over the reference's standard deviation: the area between the two distribution functions ÷ σ. 0.1 is a tenth of a deviation." },
  wasserstein: { title: "Wasserstein", says: "How far values moved on average, in the column's own unit: the area between the two distribution functions. No threshold, as it depends on the unit." },
  "share of other values": { title: "Share of other values", says: "The reference has one value only. This is the share of rows that have another." },
  psi: { title: "PSI", says: `Population stability index: Σ (p − q) · ln(p ÷ q). ${SHARES} The threshold here is what chance alone reaches with so many rows; the usual rule of thumb is 0.1 and 0.25.` },
  js: { title: "Jensen–Shannon", says: `The root of the mean divergence of both sides from their middle, in bits: 0 the same, 1 nothing in common. ${SHARES}` },
  hellinger: { title: "Hellinger", says: `√(½ Σ (√p − √q)²): 0 the same, 1 nothing in common. ${SHARES}` },
  tvd: { title: "Total variation", says: `½ Σ |p − q|: the share of rows that would have to change. ${SHARES}` },
  l_infinity: { title: "Largest difference", says: `max |p − q|: the one bin or level whose share changed most. ${SHARES}` },
  kl: { title: "Kullback–Leibler", says: `Σ p · ln(p ÷ q), in nats; infinite where a level of the reference is gone. ${SHARES}` },
  ks: { title: "Kolmogorov–Smirnov", says: "The largest distance between the two distribution functions, 0 to 1. p: how likely such a distance is if nothing changed." },
  chi2: { title: "χ²", says: "Pearson's test that both sides have the same shares: Σ (observed − expected)² ÷ expected." },
  cramers_v: { title: "Cramér's V", says: "The root of χ² over all rows, 0 to 1: how much the level tells about which side a row is of." },
  energy: { title: "Energy distance", says: "The root of twice the integral of the squared difference of the two distribution functions." },
  cvm: { title: "Cramér–von Mises", says: "The squared difference of the two distribution functions, summed over all values." },
  ad: { title: "Anderson–Darling", says: "As Cramér–von Mises, with more weight on the tails; p lies between 0.001 and 0.25." },
  mann_whitney: { title: "Mann–Whitney U", says: "How often a value of the reference is the greater one." },
  t: { title: "Student's t", says: "The difference of the means over its standard error, with one variance for both." },
  welch: { title: "Welch's t", says: "The difference of the means over its standard error, each side with its own variance." },
  epps_singleton: { title: "Epps–Singleton", says: "The distance of the two characteristic functions at two points, over its covariance." },
  fisher: { title: "Fisher's exact test", says: "Of two levels: the share of all tables with the same margins that are no likelier. The statistic is the odds ratio." },
  z: { title: "Two proportions", says: "Of two levels: the difference of the shares over its standard error." },
  g: { title: "G test", says: "The likelihood ratio test that both sides have the same shares: 2 Σ observed · ln(observed ÷ expected)." },
  chi2_yates: { title: "χ² with Yates' correction", says: "Pearson's test, corrected where there are two levels." },
  chi2_permuted: { title: "χ², permuted", says: "Pearson's test without its limit: p is the share of 9,999 drawn tables with the same margins that are as far off." },
};

const PEERS: Record<string, string> = { evidently: "Evidently", nannyml: "NannyML", deepchecks: "Deepchecks", alibi: "Alibi Detect", frouros: "Frouros", whylogs: "whylogs", scouter: "scouter", tfdv: "TensorFlow Data Validation" };

/** "ks:evidently" is the method ks as Evidently does it; "js:words" is of the words. */
export function methodTitle(name: string): string {
  const [base = name, by] = name.split(":");
  const title = methods[base]?.title ?? base.replaceAll("_", " ");
  return by === undefined ? title : PEERS[by] ? `${title} as ${PEERS[by]}` : `${title} of ${by}`;
}

export function methodSays(name: string): string {
  return methods[name.split(":")[0]!]?.says ?? "";
}

const IN_UNIT: readonly string[] = ["wasserstein", "wasserstein:nannyml", "emd:frouros"];
/** Whether its number is a distance between values, in the column's own unit: of times, seconds. */
export const isInUnit = (name: string) => IN_UNIT.includes(name);

/** The paragraph for a hover: what it is, and how this one was reckoned. */
export function explain(name: string, test: TestReport | null): string {
  const lines = [methodTitle(name), methodSays(name)];
  if (test) {
    const isP = test.p_value !== null && test.threshold !== null && test.threshold < 0.5 && name !== "psi";
    lines.push(`Rows with a value: ${test.n[0].toLocaleString("en-US")} in the reference, ${test.n[1].toLocaleString("en-US")} in the window.`);
    if (test.p_value !== null) lines.push(`p ${formatP(test.p_value)}, for this column alone.`);
    if (test.threshold !== null) lines.push(isP ? `Counts where the corrected p is below ${formatNumber(test.threshold, 2)}.` : `Counts from ${formatNumber(test.threshold, 3)} on.`);
    if (test.refused) lines.push(test.refused);
  }
  return lines.filter(Boolean).join("\n");
}

export const ADJUSTED = "p, corrected over all columns by Benjamini and Hochberg: with many columns some p are small by chance.";

export const qualityWords = {
  accuracy: "The share of rows that the model got right, of those with a label. The band is Wilson's at 95 %.",
  estimate: "What the accuracy should be, by the model's own scores alone, calibrated on the reference (CBPE). It needs no labels, and it cannot see that the meaning of the data changed.",
  f1: "2 · precision · recall ÷ (precision + recall), of the positive class; the mean over the classes where there is none.",
  auroc: "How often a row of the positive class has the higher score, of all pairs. 0.5 is a coin.",
  brier: "The mean squared distance of the score from what happened, 0 to 1. Lower is better.",
  mae: "The mean absolute error, in the label's unit. Lower is better.",
  rmse: "The root of the mean squared error, in the label's unit. Lower is better.",
  r2: "The share of the label's variance that the model explains; 1 is all, below 0 is worse than the mean.",
} as const;

export const fairWords: Record<string, string> = {
  "selection rate": "The share of the group's rows that the model called positive. It needs no labels.",
  "true positive rate": "Of the group's rows that are positive, the share that the model called so.",
  "false positive rate": "Of the group's rows that are negative, the share that the model called positive.",
  precision: "Of the group's rows that the model called positive, the share that are.",
  accuracy: "The share of the group's rows that the model got right.",
};

/** Of a model that predicts a number, the errors alone are known: nothing else tells it. */
const isOfNumbers = (quality: readonly (QualityPoint | null)[]) => quality.some((point) => typeof (point?.mae ?? point?.rmse) === "number");

/** Why no groups are compared, and what to do. */
export function noGroups(quality: readonly (QualityPoint | null)[], definition: MonitorDefinition): { title: string; hint: string } {
  if (definition.engine) return { title: "Fairness is counted in files", hint: "This monitor watches a table, of which counts of its columns come here: no answers, no labels." };
  if (!definition.groups?.length) return { title: "No attributes are named", hint: "Change the monitor and name columns such as sex or age_group under Groups: the model's rates are compared between them." };
  if (!definition.prediction) return { title: "This monitor does not know what the model said", hint: "Change it and name the column of the prediction: groups are compared by it and the labels." };
  if (isOfNumbers(quality)) return { title: "Fairness by groups is not computed where the prediction is a number", hint: "It compares classes: who is approved, and who rightly. Change the monitor and name the decision that is made by the number, such as a column of yes and no, under Prediction, and what would have been right under Label. How far the number is off stands under Model quality." };
  const isOfClasses = quality.some((point) => typeof (point?.accuracy ?? point?.estimate) === "number");
  return { title: "No group has enough labelled rows yet", hint: `They appear here as labels come in.${isOfClasses ? "" : " Only classes are compared: if the model predicts a number, watch the decision that is made by it instead."}` };
}
