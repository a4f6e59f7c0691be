import { formatBytes, formatNumber, formatParam, formatTimeFull } from "$lib/format";
import type { Cell, LineagePlan, LineageView, UseView } from "$lib/host";
import { UNKNOWN, type Paper, type Part } from "./paper";

const said = (value: Cell | undefined) => (typeof value === "number" ? formatParam(value) : value || UNKNOWN);
const when = (unix: number | null) => (unix === null ? UNKNOWN : formatTimeFull(unix));
const section = (text: string): Part => ({ is: "section", text });
const say = (text: string): Part => ({ is: "say", text });
const facts = (...list: [string, string][]): Part => ({ is: "facts", facts: list });
const table = (head: string[], rows: readonly (readonly string[])[], none: string): Part => (rows.length ? { is: "table", head, rows } : say(none));

/** How a version was made, by whom it was let through, and where it is used. What is not known is said, not left out. */
export function paperOf(lineage: LineageView): Paper {
  const { version, endpoint } = lineage;
  const name = `${version.model} ${version.version}`;
  return {
    title: endpoint ? `${endpoint.service}: ${name}` : name,
    says: `How it was made, and where it is used. Gathered by Signalbox on ${when(lineage.at)}.`,
    parts: [
      section("Version"),
      facts(
        ["model", version.model], ["version", version.version], ["registry", version.registry_title], ["state", said(version.state)],
        ["digest", said(version.digest)], ["registered", when(version.made)], ["by", said(version.made_by)], ["source", said(version.source)],
      ),
      ...run(lineage),
      section("Code"),
      facts(
        ["commit", said(lineage.code.commit)], ["changed since the commit", said(lineage.code.dirty)], ["branch", said(lineage.code.branch)],
        ["repository", said(lineage.code.repository)], ["entry", said(lineage.code.entry)],
      ),
      section("Data"),
      table(["data set", "digest", "context", "source"], lineage.data.map((set) => [said(set.name), said(set.digest), said(set.context), said(set.source)]), UNKNOWN),
      ...environment(lineage),
      ...artifact(lineage),
      section("Promotions"),
      ...(lineage.promotions.length ? lineage.promotions.flatMap(promotion) : [say(`Plans of Signalbox that made or moved it: ${UNKNOWN}.`)]),
      section("Where it is used"),
      table(["what", "at", "how much", "identity", "since", "by"], lineage.used.map(use), "No alias names it, and nothing that was asked has it loaded."),
      ...(lineage.unseen.length ? [say("These did not tell, so it may be used there too:"), { is: "list", items: lineage.unseen.map((failure) => failure.message) } as const] : []),
      section("People"),
      table(["who", "did"], lineage.people.map((person) => [said(person.who), person.did.join("; ")]), UNKNOWN),
    ],
  };
}

function run({ run, version }: LineageView): Part[] {
  const title = section("Run");
  if (!run) return [title, say(version.run ? `Of the run ${version.run} no open project knows more: ${UNKNOWN}.` : `The run that made it: ${UNKNOWN}.`)];
  return [
    title,
    facts(
      ["name", said(run.name)], ["id", said(run.key)], ["project", said(run.project)], ["record", said(run.path)], ["tool", said(run.tool)],
      ["experiment", said(run.experiment)], ["state", run.state_why ? `${run.state} (${run.state_why})` : said(run.state)], ["user", said(run.user)],
      ["started", when(run.started)], ["ended", when(run.ended)],
    ),
    table(["param", "value"], run.params, `Params: ${UNKNOWN}.`),
    table(["metric", "last", "step", "points"], run.metrics.map((m) => [m.name, typeof m.last === "number" ? formatNumber(m.last, 5) : said(m.last), formatNumber(m.step), formatNumber(m.n)]), `Metrics: ${UNKNOWN}.`),
  ];
}

function environment({ environment }: LineageView): Part[] {
  return [
    section("Environment"),
    facts(["Python", said(environment.python)], ["MLflow", said(environment.mlflow)]),
    ...(environment.files.length ? [] : [say(`Requirements: ${UNKNOWN}.`)]),
    ...environment.files.map((file): Part => (file.text === null ? say(`${file.path}: it is too large to be shown, or no text.`) : { is: "text", title: file.path, text: file.text })),
  ];
}

function artifact({ artifact }: LineageView): Part[] {
  const title = section("Artifact");
  if (artifact.failure) return [title, say(`Its files cannot be shown: ${artifact.failure.message}`)];
  return [
    title,
    facts(["digest", said(artifact.digest)], ["bytes", artifact.files.length ? formatBytes(artifact.bytes) : UNKNOWN]),
    table(["file", "bytes", "digest"], artifact.files.map((file) => [file.path, formatBytes(file.bytes), file.digest]), `Files: ${UNKNOWN}.`),
  ];
}

function promotion(plan: LineagePlan): Part[] {
  const { row } = plan;
  return [
    { is: "topic", text: `${row.title} (${row.state.replaceAll("_", " ")})` },
    facts(["plan", row.id], ["hash", plan.hash], ["planned", `${when(row.made)} by ${said(row.made_by)}`], ["ended", when(plan.ended)], ["turned back", row.back ?? "no"]),
    table(["gate", "ruling", "it says"], plan.gates.map((gate) => [gate.gate, gate.ruling, gate.says]), `Gates: ${UNKNOWN}.`),
    table(["approval by", "at", "", "comment"], plan.approvals.map((a) => [a.by, when(a.at), a.says, a.comment ?? "–"]), "Approvals: none."),
    table(["overridden gate", "it said", "reason", "by", "at"], plan.overrides.map((o) => [o.gate, o.says, o.reason, said(o.by), when(o.at)]), "Overridden gates: none."),
    ...(plan.risks.length ? [say("Known risks:"), { is: "list", items: plan.risks } as const] : []),
    table(
      ["at", "step", "what", "detail"],
      plan.calls.map(({ line, requests }) => [
        when(line.at), line.step === null ? "" : String(line.step + 1), line.what,
        [...requests.map((request) => `${request.verb} ${request.to}`), ...(line.outcome ? [line.outcome] : []), ...line.says, ...line.proof].join("; "),
      ]),
      "Calls: none; it was not carried out.",
    ),
    ...(plan.proven.length ? [say("Proven at its end:"), { is: "list", items: plan.proven } as const] : []),
  ];
}

function use(place: UseView): string[] {
  const identity = place.proven === null ? "–" : place.proven ? "proven by its digest" : "claimed";
  return [`${place.kind} ${place.name}`, place.system, place.share === null ? "–" : `${place.share} % of the traffic`, identity, when(place.since), place.by ?? "–"];
}
