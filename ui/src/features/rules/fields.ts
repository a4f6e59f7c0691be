// Every field of `signalbox.toml`, with its words. A test holds them against the wire types: none is left out.
import { FIELDS as MONITOR_FIELDS } from "$lib/definition";
import type { Spec } from "./form";

export type Section = "models" | "registries" | "targets" | "data" | "roles" | "freeze";

/** A section's name, and that of one of its entries. */
export const SECTIONS: readonly { value: Section; label: string; one: string }[] = [
  { value: "models", label: "Models", one: "model" },
  { value: "registries", label: "Registries", one: "registry" },
  { value: "targets", label: "Targets", one: "target" },
  { value: "data", label: "Data", one: "data" },
  { value: "roles", label: "People", one: "people" },
  { value: "freeze", label: "Freezes", one: "freeze" },
];

const RATE = { kind: "number", least: 0, most: 1, half: true } as const;

export function modelFields(registries: readonly string[], targets: readonly string[], data: readonly string[]): Spec[] {
  const named = (names: readonly string[]) => names.map((name) => ({ value: name, label: name }));
  return [
    { key: "registry", label: "Registry", kind: "choice", half: true, options: named(registries), fresh: registries[0] ?? "", hint: "Where its versions are kept." },
    { key: "target", label: "Target", kind: "choice", half: true, optional: true, options: [{ value: "", label: "None: it is only registered" }, ...named(targets)], fresh: targets[0] ?? "", hint: "What serves it." },
    { key: "alias", label: "Alias", kind: "text", half: true, optional: true, fresh: "production", hint: "The version in production." },
    { key: "service", label: "Service", kind: "text", half: true, optional: true, hint: "Its name there, if not the model's." },
    { key: "shares", label: "Shares of traffic on the way", kind: "numbers", whole: true, least: 1, most: 100, placeholder: "10, 50", hint: "In percent, before 100. Empty: all at once." },
    { key: "alias_first", label: "The alias moves first", kind: "tick", hint: "Where consumers follow the alias." },
    { key: "keep_old", label: "The old version stays loaded", kind: "tick", hint: "At no share of the traffic." },
    { key: "bake", label: "Watch it before it stays", kind: "group", heading: "After the switch", fresh: true, hint: "What breaks a limit is taken back." },
    { key: "bake.secs", label: "Seconds", kind: "number", whole: true, least: 0, half: true, fresh: "60" },
    { key: "bake.max_error_rate", label: "Errors, at most", ...RATE, fresh: "0.01", hint: "A share from 0 to 1." },
    { key: "bake.min_requests", label: "Requests, at least", kind: "number", whole: true, least: 0, half: true, fresh: "20" },
    { key: "bake.too_few", label: "With fewer than that", kind: "choice", half: true, options: [{ value: "take_back", label: "Take it back" }, { value: "go_on", label: "Go on" }] },
    { key: "bake.max_p95_ms", label: "95 % answered within, ms", kind: "number", least: 0, half: true, optional: true, hint: "Empty: no limit." },
    { key: "health", label: "Counted by Prometheus", kind: "group", hint: "If the target does not count by itself." },
    { key: "health.prometheus", label: "Its address", kind: "text", placeholder: "http://prometheus:9090" },
    { key: "health.requests", label: "How many requests", kind: "area", placeholder: 'sum(increase(requests_total{version="{version}"}[{secs}s]))', hint: "PromQL; {version}, {service}, {model} and {secs} are filled in." },
    { key: "health.errors", label: "How many of them failed", kind: "area" },
    { key: "health.p95_ms", label: "Milliseconds within which 95 % were answered", kind: "area", optional: true },
    { key: "gates.signature", label: "The signature fits", kind: "tick", heading: "Gates", fresh: true, hint: "That of the version in production." },
    { key: "gates.metric", label: "A metric is at least as good", kind: "group", hint: "As that of the version in production." },
    { key: "gates.metric.name", label: "Metric", kind: "text", placeholder: "val_acc" },
    { key: "gates.metric.better", label: "Better is", kind: "choice", half: true, options: [{ value: "higher", label: "Higher" }, { value: "lower", label: "Lower" }] },
    { key: "gates.metric.margin", label: "By at least", kind: "number", half: true, fresh: "0" },
    { key: "gates.latency", label: "It answers fast enough", kind: "group", hint: "Asked before it gets traffic." },
    { key: "gates.latency.max_p95_ms", label: "95 % answered within, ms", kind: "number", least: 0, half: true, fresh: "50" },
    { key: "gates.latency.n_requests", label: "Requests", kind: "number", whole: true, least: 1, most: 10_000, half: true, fresh: "20" },
    { key: "gates.latency.max_error_rate", label: "Errors, at most", ...RATE, fresh: "0", hint: "A share from 0 to 1." },
    { key: "gates.drift", label: "What it sees now is like what it was made with", kind: "group", hint: "On the last hours of data that are there." },
    { key: "gates.drift.data", label: "Data", kind: "choice", half: true, options: named(data), hint: "What stands under Data." },
    { key: "gates.drift.hours", label: "The last hours", kind: "number", whole: true, least: 1, half: true, fresh: "168" },
    { key: "gates.drift.max_columns", label: "Columns that may drift", kind: "number", whole: true, least: 0, half: true, fresh: "0" },
    { key: "gates.drift.ignore", label: "But for", kind: "lines", half: true, hint: "Columns that are not asked, one a line." },
    { key: "gates.drift.min_accuracy", label: "Right at least", ...RATE, optional: true, hint: "A share from 0 to 1, of the rows whose labels are in. Empty: not asked." },
    { key: "gates.drift.max_unfairness", label: "Groups apart, at most", ...RATE, optional: true, hint: "From 0 to 1, between any two groups. Empty: not asked." },
    { key: "gates.drift.rules", label: "Its files keep their rules", kind: "tick", hint: "Those that stand with the data." },
    { key: "gates.approvals", label: "Others approve", kind: "group", hint: "Never the plan's author." },
    { key: "gates.approvals.n", label: "How many", kind: "number", whole: true, least: 0, half: true, fresh: "1" },
    { key: "gates.approvals.valid_hours", label: "Valid for, hours", kind: "number", whole: true, least: 0, half: true, fresh: "24" },
    { key: "gates.max_bytes", label: "Size at most, bytes", kind: "number", whole: true, least: 0, optional: true, half: true, hint: "Empty: no limit." },
  ];
}

const REGISTRY_KIND: Spec = { key: "kind", label: "Kind", kind: "choice", options: [
  { value: "embedded", label: "Signalbox's own" },
  { value: "mlflow", label: "MLflow" },
  { value: "oci", label: "OCI registry" },
  { value: "gto", label: "Git tags (GTO)" },
] };

const REGISTRY_FIELDS: Record<string, Spec[]> = {
  embedded: [],
  mlflow: [{ key: "url", label: "Address", kind: "text", placeholder: "https://mlflow.our-team.org" }],
  oci: [
    { key: "url", label: "Address", kind: "text", placeholder: "https://registry.our-team.org" },
    { key: "repository", label: "Repository", kind: "text", placeholder: "models", hint: "Models are repositories below it." },
    { key: "ca", label: "Authorities to trust besides the system's", kind: "text", optional: true, placeholder: "certs/ca.pem", hint: "A PEM file, below the project or absolute." },
  ],
  gto: [{ key: "repository", label: "Repository", kind: "text", fresh: ".", hint: "An address, or a folder whose origin it is; . is the project itself." }],
};

const TARGET_KIND: Spec = { key: "kind", label: "Kind", kind: "choice", options: [
  { value: "local", label: "This machine" },
  { value: "v2", label: "V2 protocol: MLServer, Triton" },
  { value: "ray_serve", label: "Ray Serve" },
  { value: "kserve", label: "KServe" },
] };

const TARGET_FIELDS: Record<string, Spec[]> = {
  local: [
    { key: "python", label: "Python", kind: "text", optional: true, placeholder: ".venv/bin/python", hint: "Empty: the project's own environment, else python3." },
    { key: "port", label: "Port", kind: "number", whole: true, least: 0, most: 65_535, optional: true, half: true, hint: "Empty: a free one." },
  ],
  v2: [
    { key: "url", label: "Address", kind: "text", placeholder: "http://triton:8000" },
    { key: "repository", label: "Model repository", kind: "text", placeholder: "/srv/models", hint: "The server's folder, as this machine sees it." },
    { key: "metrics", label: "Where it counts", kind: "text", optional: true, placeholder: "http://triton:8002", hint: "Empty: it is not asked." },
  ],
  ray_serve: [
    { key: "url", label: "Dashboard", kind: "text", placeholder: "http://head:8265" },
    { key: "serve", label: "Where predictions go", kind: "text", optional: true, hint: "Empty: the dashboard's host, at Serve's own port." },
    { key: "metrics", label: "What Prometheus would scrape", kind: "text", optional: true, hint: "Empty: as Ray tells it." },
    { key: "share", label: "A folder that the cluster sees too", kind: "group", hint: "Artifacts are copied there." },
    { key: "share.here", label: "Here", kind: "text", placeholder: "/mnt/share" },
    { key: "share.there", label: "On the cluster", kind: "text", optional: true, hint: "If it is called otherwise there." },
    { key: "application", label: "Application", kind: "json", placeholder: '{ "import_path": "serving:build", "args": { "model": "{path}" } }', hint: "JSON, as in Serve's config file without name and prefix. {path}, {source}, {model}, {version}, {digest} and {service} are filled in. Empty: served as an MLflow model." },
  ],
  kserve: [
    { key: "namespace", label: "Namespace", kind: "text", half: true, placeholder: "models" },
    { key: "context", label: "Context", kind: "text", half: true, optional: true, hint: "Empty: kubectl's current one." },
    { key: "format", label: "Format", kind: "text", half: true, fresh: "mlflow", hint: "mlflow, sklearn, xgboost, …" },
    { key: "protocol", label: "Protocol", kind: "choice", half: true, fresh: "v2", options: [{ value: "v2", label: "V2" }, { value: "v1", label: "V1" }] },
    { key: "runtime", label: "Serving runtime", kind: "text", half: true, optional: true, hint: "Empty: KServe chooses." },
    { key: "ingress", label: "Ingress", kind: "text", optional: true, placeholder: "http://ingress:80", hint: "Tells services apart by the Host header. Empty: KServe's own addresses." },
    { key: "storage", label: "Artifacts are copied to", kind: "group", hint: "Else they are taken from where the registry has them." },
    { key: "storage.uri", label: "As the cluster sees it", kind: "text", placeholder: "pvc://models/{model}/{version}" },
    { key: "storage.mount", label: "The folder on this machine under it", kind: "text", placeholder: "/mnt/models" },
  ],
};

const ROLE_FIELDS: Spec[] = [
  { key: "approvers", label: "Who may approve", kind: "lines", hint: "A name a line. Empty: anybody but the author." },
  { key: "overriders", label: "Who may override a gate", kind: "lines", hint: "A name a line. Empty: anybody." },
  { key: "keys", label: "Public SSH keys", kind: "pairs", hint: "As in ~/.ssh/id_ed25519.pub. With any, only signed approvals count." },
];

/** What is watched, as its own form has it; then the rules of its files. */
export const DATA_FIELDS: Spec[] = [
  ...MONITOR_FIELDS.map(({ key, label, hint, kind, needed, of, heading }): Spec => ({
    // Files or a table: which of them it is, the file itself says.
    key, label, hint, optional: !needed || of !== undefined,
    kind: kind === "columns" ? "lines" : kind === "number" || kind === "fraction" ? "number" : "text",
    ...(kind === "number" ? { whole: true, least: 1 } : kind === "fraction" ? { least: 0 } : {}),
    ...(kind === "path" || kind === "columns" || kind === "address" ? {} : { half: true }),
    ...(heading ? { heading } : {}),
  })),
  { key: "schema", label: "Other columns", kind: "choice", optional: true, half: true, heading: "Rules for each file", options: [{ value: "", label: "Not asked" }, { value: "at_least", label: "May be there" }, { value: "exact", label: "May not be there" }] },
  { key: "max_age_hours", label: "Not older than, hours", kind: "number", least: 0, optional: true, half: true },
  { key: "min_rows", label: "Rows, at least", kind: "number", whole: true, least: 0, optional: true, half: true },
  { key: "max_rows", label: "Rows, at most", kind: "number", whole: true, least: 0, optional: true, half: true },
  { key: "warnings", label: "Which of these only warn", kind: "lines", hint: "schema, min_rows, max_rows, max_age_hours: one a line." },
  { key: "columns", label: "Rules of its columns", kind: "json", placeholder: '{ "age": { "type": "numeric", "min": 0, "max": 120, "max_null_share": 0.02 } }', hint: "JSON, by column. A monitor's page learns them from the reference." },
];

const FREEZE_FIELDS: Spec[] = [
  { key: "from", label: "From", kind: "text", half: true, placeholder: "2026-12-20" },
  { key: "to", label: "Until", kind: "text", half: true, placeholder: "2027-01-04T08:00:00+01:00", hint: "A time without a zone is UTC." },
  { key: "reason", label: "Reason", kind: "text", placeholder: "holidays" },
];

/** The fields of one entry; of a registry or a target by its kind. */
export function fieldsOf(section: Section, kind: unknown, registries: readonly string[], targets: readonly string[], data: readonly string[]): Spec[] {
  switch (section) {
    case "models":
      return modelFields(registries, targets, data);
    case "registries":
      return [REGISTRY_KIND, ...(REGISTRY_FIELDS[String(kind)] ?? [])];
    case "targets":
      return [TARGET_KIND, ...(TARGET_FIELDS[String(kind)] ?? [])];
    case "data":
      return DATA_FIELDS;
    case "roles":
      return ROLE_FIELDS;
    case "freeze":
      return FREEZE_FIELDS;
  }
}
