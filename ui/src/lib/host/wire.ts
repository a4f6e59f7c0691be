// Generated from crates/app/src/wire and commands.rs by `cargo run -p signalbox-app --example wire`.
// Do not edit: a test compares it with the Rust types.

export type ErrorCode = "not_found" | "bad_filter" | "bad_request" | "store_newer" | "store" | "unreadable" | "refused" | "not_allowed" | "remote" | "internal";
export type Place = { start: number, end: number, };
export type CallError = { code: ErrorCode, message: string, hint: string | null, detail: Place | null, 
/**
 * What has to be allowed first.
 */
models?: AllowModels, };
export type Level = "info" | "warn" | "error";
export type Event = { "type": "runs", project: number, version: number, changed: Array<number> | null, } | { "type": "series", project: number, runs: Array<number>, metrics: Array<string>, } | { "type": "status", status: StatusLine, } | { "type": "projects" } | { "type": "problems", project: number, } | { "type": "open", project: number, } | { "type": "work", work: number, done: number, of: number, } | { "type": "data", project: number, name: string, } | { "type": "alert", project: number, name: string, message: string, hint: string, } | { "type": "promotion", plan: string, } | { "type": "notice", level: Level, message: string, hint: string | null, };
export type Cell = string | number | null;
export type WatchMode = "notify" | "polling" | "mixed" | "none";
export type Watching = { project: number, mode: WatchMode, 
/**
 * Why it is polled, in a sentence.
 */
why: string | null, n_dirs: number, n_sources: number, scanning: boolean, scanned_files: number, read_bytes: number, backlog_bytes: number, };
export type Job = { id: number, name: string, project: number | null, done: number, total: number | null, unit: string, can_stop: boolean, };
export type StatusLine = { projects: Array<Watching>, points_per_second: number, n_points: number, n_live: number, n_problems: number, jobs: Array<Job>, cpu_percent: number, memory_bytes: number, version: string, };
export type Project = { id: number, path: string, name: string, open: boolean, demo: boolean, 
/**
 * The folder is not there now.
 */
missing: boolean, 
/**
 * Unix seconds.
 */
last_opened: number, n_runs: number, };
export type About = { version: string, data_dir: string, 
/**
 * The shell can ask with the system's own dialogs.
 */
can_dialog: boolean, demo_path: string | null, 
/**
 * The user's home folder, which the page writes as `~`.
 */
home: string | null, };
export type PickedPath = { path: string | null, };
export type PrefValue = { value: unknown, };
export type RunName = { id: number, name: string, };
export type ProblemRow = { project: number, path: string, offset: number | null, kind: string, message: string, first_seen: number, runs: Array<RunName>, };
export type ProblemsPage = { total: number, rows: Array<ProblemRow>, };
export type Stat = "last" | "best" | "min" | "max";
export type ColumnKind = "attr" | "param" | "tag" | "metric";
export type ColumnInfo = { key: string, kind: ColumnKind, name: string, title: string, numeric: boolean, 
/**
 * How many runs have it.
 */
n_runs: number, 
/**
 * How many values it takes, counted to 1,000.
 */
distinct: number, };
export type ColumnRef = { key: string, stat: Stat | null, };
export type SortKey = { column: ColumnRef, descending: boolean, };
export type RunState = "running" | "silent" | "scheduled" | "finished" | "failed" | "killed" | "stopped";
export type TableRow = { id: number, name: string, 
/**
 * Index into the ten run colours.
 */
color: number, 
/**
 * Dash pattern, 0 is solid: colours repeat with another dash.
 */
dash: number, status: RunState, hidden: boolean, pinned: boolean, 
/**
 * The user's own.
 */
tags: Array<string>, has_note: boolean, n_problems: number, 
/**
 * Its files are no longer there.
 */
gone: boolean, cells: Array<Cell>, };
export type TablePage = { 
/**
 * Changes whenever the project's runs do.
 */
version: number, total: number, matched: number, offset: number, rows: Array<TableRow>, 
/**
 * For each column of the query: no run that matches, on whatever page, has a value in it.
 */
empty: Array<boolean>, 
/**
 * The filter was not understood; the page then holds the rows that no filter would hide.
 */
filter_error: CallError | null, 
/**
 * The filter was understood and matches nothing: a name in it that no run has, for a person.
 */
filter_hint: string | null, };
export type Ids = { ids: Array<number>, colors: Array<number>, dashes: Array<number>, names: Array<string>, };
export type FilterCheck = { ok: boolean, error: CallError | null, matched: number, };
export type CompletionKind = "field" | "operator" | "value" | "keyword";
export type Completion = { text: string, kind: CompletionKind, detail: string, 
/**
 * What it replaces, in UTF-16 units.
 */
from: number, to: number, };
export type Goal = "min" | "max";
export type MetricInfo = { name: string, n_runs: number, n_points: number, 
/**
 * "train" of "train/loss"; "" without.
 */
prefix: string, 
/**
 * Which way is better, where the name tells.
 */
goal: Goal | null, };
export type RunDetail = { id: number, row: TableRow, project: number, 
/**
 * The run's own id: MLflow's run id, or the path of its record.
 */
key: string, path: string, source_format: string, source_title: string, 
/**
 * Unix seconds.
 */
started: number | null, ended: number | null, last_change: number, duration: number | null, experiment: string | null, user: string | null, parent: RunName | null, children: Array<RunName>, params: Array<[string, string]>, tags: Array<[string, string]>, own: Annotation, metrics: Array<MetricRow>, datasets: Array<Dataset>, models: Array<ModelRow>, 
/**
 * What it logged beside numbers, by kind and name.
 */
media: Array<MediaTagRow>, sources: Array<RunSource>, problems: Array<ProblemRow>, artifact_root: string | null, 
/**
 * What the state rests on, in a sentence.
 */
state_why: string, };
export type MetricRow = { name: string, n: number, last: Cell, last_step: number, best: Cell, best_step: number | null, min: Cell, min_step: number | null, max: Cell, max_step: number | null, n_nan: number, n_pos_inf: number, n_neg_inf: number, n_rewinds: number, };
export type Dataset = { name: string, digest: string, context: string, source: string, schema: string, };
export type ModelRow = { name: string, version: string, stage: string, aliases: Array<string>, run: number | null, status: string, source: string, };
export type MediaTagRow = { 
/**
 * Names it in the other calls.
 */
tag: number, kind: "image" | "video" | "audio" | "histogram" | "text" | "table" | "figure" | "html" | "other", name: string, n: number, first_step: number, last_step: number, };
export type OfMediaTag = { tag: number, };
export type MediaItems = { 
/**
 * By step; thinned out evenly where there are very many.
 */
items: Array<MediaEntry>, 
/**
 * How many there are.
 */
n: number, };
export type MediaEntry = { step: number, 
/**
 * Unix seconds.
 */
time: number | null, part: number, index: number, offset: number, caption: string, 
/**
 * Its own file, relative to the run; "" where it stands among the records.
 */
path: string, };
export type MediaBlob = { tag: number, step: number, part: number, index: number, offset: number, };
export type MediaTextsQuery = { tag: number, offset: number, limit: number, };
export type MediaText = { step: number, 
/**
 * Unix seconds.
 */
time: number | null, text: string, 
/**
 * Why it cannot be shown.
 */
fault: string | null, };
export type Histograms = { steps: Array<number>, low: number, high: number, 
/**
 * By step, then by bin.
 */
counts: Array<Array<number>>, 
/**
 * How many there are; evenly chosen ones are here.
 */
n: number, 
/**
 * Why some cannot be shown.
 */
fault: string | null, };
export type ConsoleFile = { 
/**
 * Relative to the project, `/` between parts.
 */
path: string, bytes: number, 
/**
 * Unix seconds, whole.
 */
modified: number, };
export type ConsoleQuery = { run: number, 
/**
 * One of the files that `console` lists.
 */
path: string, 
/**
 * The text that ends before this byte; `null` for the file's end.
 */
end: number | null, };
export type ConsoleText = { 
/**
 * As a terminal shows it: without colours, and of a line that was written over its last state.
 */
text: string, 
/**
 * Where it begins and ends in the file, in bytes.
 */
from: number, to: number, 
/**
 * The file's size.
 */
bytes: number, 
/**
 * How many lines are not shown because they look as if they held a password or key.
 */
n_hidden: number, };
export type CodeView = { 
/**
 * Unix seconds; later than the run's beginning by as long as it took to be seen.
 */
taken: number, 
/**
 * 40 hexadecimal digits; `null` before the first commit.
 */
commit: string | null, 
/**
 * The first line of its message.
 */
title: string | null, 
/**
 * Unix seconds.
 */
authored: number | null, 
/**
 * `null` where HEAD is detached.
 */
branch: string | null, remote: string | null, changes: Array<CodeChange>, 
/**
 * Files that git does not know; the first of their names.
 */
untracked: Array<string>, n_untracked: number, patch: CodePatch | null, locks: Array<CodeLock>, 
/**
 * What is not known, a sentence each.
 */
gaps: Array<string>, };
export type CodeChange = { path: string, 
/**
 * Such as "modified".
 */
what: string, 
/**
 * Why it is not in the patch as it is, as a clause.
 */
but: string | null, };
export type CodePatch = { text: string, 
/**
 * `git apply` at the commit makes every tracked file what it was.
 */
is_whole: boolean, };
export type CodeLock = { path: string, bytes: number, sha256: string | null, 
/**
 * "as committed", "changed", "not in git"; `null` if that is not known.
 */
state: string | null, 
/**
 * Where the commit does not have it like this.
 */
content: string | null, is_redacted: boolean, };
export type RunSource = { 
/**
 * The record's id: of a run that several tools recorded each has one.
 */
run: number, format: string, title: string, path: string, 
/**
 * Why it is one run with the first, as a clause; `null` for the first.
 */
why: string | null, n_metrics: number, 
/**
 * What it says otherwise than the run's page, a sentence each.
 */
differs: Array<string>, files: Array<SourceFile>, };
export type SourceFile = { path: string, bytes: number, };
export type Annotation = { name: string | null, color: number | null, hidden: boolean, pinned: boolean, tags: Array<string>, note: string, };
export type ArtifactKind = "text" | "json" | "csv" | "image" | "other";
export type ArtifactEntry = { path: string, name: string, is_dir: boolean, bytes: number, kind: ArtifactKind, };
export type XAxis = "step" | "relative" | "wall";
export type SmoothKind = "none" | "ema" | "gaussian" | "mean";
export type Smooth = { kind: SmoothKind, amount: number, };
export type ExportedText = { text: string, };
export type ExportFormat = "csv" | "svg" | "png";
export type Empty = Record<symbol, never>;
export type FolderPath = { path: string, };
export type OfProject = { project: number, };
export type GetPref = { key: string, };
export type SetPref = { key: string, value: unknown, };
export type OfJob = { id: number, };
export type ProblemsQuery = { project: number | null, limit: number, };
export type TableQuery = { project: number, filter: string, sort: Array<SortKey>, columns: Array<ColumnRef>, offset: number, limit: number, show_deleted: boolean, show_hidden: boolean, };
export type IdsQuery = { project: number, filter: string, sort: Array<SortKey>, show_deleted: boolean, show_hidden: boolean, limit: number, };
export type FilterText = { project: number, filter: string, };
export type CompleteQuery = { project: number, filter: string, 
/**
 * In UTF-16 units.
 */
caret: number, };
export type MetricsQuery = { project: number, 
/**
 * Only metrics of these runs; null for all.
 */
runs: Array<number> | null, };
export type OfRun = { run: number, };
export type JoinRuns = { project: number, runs: Array<number>, };
export type SplitRun = { project: number, record: number, };
export type Annotate = { runs: Array<number>, name?: string | null, color?: number | null, hidden?: boolean, pinned?: boolean, add_tags?: Array<string>, remove_tags?: Array<string>, note?: string, };
export type ArtifactsQuery = { run: number, 
/**
 * Below the run's artifact root, `/` between parts; "" for the root.
 */
path: string, };
export type ArtifactBlob = { run: number, path: string, max_bytes: number, };
export type FrameArgs = { project: number, metric: string, runs: Array<number>, x: XAxis, x0: number | null, x1: number | null, 
/**
 * Device pixels of the plot area.
 */
width: number, smooth: Smooth, };
export type ExportCsv = { project: number, runs: Array<number>, 
/**
 * Empty: all.
 */
metrics: Array<string>, };
export type SaveExport = { 
/**
 * Suggested file name.
 */
name: string, format: ExportFormat, project: number, runs: Array<number>, metrics: Array<string>, x: XAxis, smooth: Smooth, log_y: boolean, dark: boolean, };
export type RegistryView = { id: string, title: string, models: Array<ModelView>, failure: FailureView | null, 
/**
 * Whose policy names it.
 */
project: number | null, 
/**
 * What the policy names and the person has not allowed yet.
 */
allow: AllowView | null, };
export type ModelView = { name: string, 
/**
 * Newest first.
 */
versions: Array<VersionView>, };
export type VersionView = { version: string, 
/**
 * `pending`, `ready`, `failed` or `withdrawn`.
 */
state: string, 
/**
 * Why it failed.
 */
why: string | null, aliases: Array<string>, digest: string | null, 
/**
 * The registry's id of its run, and that run here, where it is known.
 */
run: string | null, run_here: RunName | null, project: number | null, made: number | null, made_by: string | null, tags: Array<[string, string]>, };
export type FailureView = { message: string, hint: string | null, 
/**
 * `denied`, `locked` (the vault), `not_allowed`, `unreachable`, `timed_out`, `not_found`, `conflict`, `invalid`,
 * `busy`, `server`, `local` or `cancelled`.
 */
code: string | null, };
export type ServiceView = { target: string, target_title: string, service: string, 
/**
 * `absent`, `starting`, `serving`, `degraded`, `failed` or `unknown`.
 */
phase: string, loaded: Array<ServedView>, alias: AliasView | null, 
/**
 * Alias and truth part, or another is at work.
 */
alarm: string | null, address: string | null, failure: FailureView | null, 
/**
 * Whose policy names it.
 */
project: number | null, 
/**
 * A promotion to it is known that another version served before.
 */
can_go_back: boolean, };
export type ServedView = { label: string, model: string | null, version: string | null, share: number, ready: boolean, 
/**
 * The target names the digest of the very artifact that was registered.
 */
proven: boolean, digest: string | null, since: number | null, n_requests: number | null, n_errors: number | null, p95_ms: number | null, };
export type AliasView = { registry: string, alias: string, version: string | null, moved_by: string | null, moved: number | null, };
export type OfRunModels = { run: number, };
export type RunModel = { 
/**
 * Among the run's artifacts, as `artifacts` lists it.
 */
path: string, name: string, 
/**
 * Under which it is registered if nothing else is said.
 */
suggested: string, };
export type Propose = { run?: number, 
/**
 * Of a run: which of its models. Without it, its only one.
 */
path?: string, 
/**
 * The registered model's name.
 */
model?: string, 
/**
 * An existing version instead of a run.
 */
registry?: string, version?: string, 
/**
 * The project whose policy holds; a run's own if nothing is said.
 */
project?: number, };
export type OfPlan = { plan: string, };
export type Apply = { plan: string, 
/**
 * Of what was shown: a plan that was changed since is not carried out.
 */
hash: string, overrides: Array<Override>, };
export type Override = { gate: string, reason: string, };
export type Resume = { plan: string, 
/**
 * `go_on`, `go_back` or `adopt`.
 */
choice: string, 
/**
 * For `adopt`.
 */
reason?: string, };
export type Approve = { plan: string, hash: string, comment?: string, withdraw: boolean, };
export type ApprovalView = { by: string, at: number, comment: string | null, signed: boolean, counts: boolean, 
/**
 * Why it does not count.
 */
note: string | null, };
export type PlanText = { text: string, };
export type ApprovalText = { plan: string, text: string, };
export type OfService = { target: string, service: string, 
/**
 * Whose policy names the target.
 */
project: number | null, };
export type AllowView = { project: number, 
/**
 * Stands for the policy's text and all that it names: what is allowed is what was shown.
 */
policy: string, names: Array<string>, };
export type Allow = { project: number, policy: string, };
export type AllowModels = { 
/**
 * Nothing: the models of our own registry, for no project.
 */
project: number | null, python: string, };
export type PlanRow = { id: string, title: string, made_by: string, made: number, 
/**
 * `proposed`, `running`, `cut_short`, `committed`, `taken_back` or `adopted`.
 */
state: string, 
/**
 * Why it turned back.
 */
back: string | null, };
export type PlanView = { row: PlanRow, hash: string, model: string, 
/**
 * The version, once its registry has given it.
 */
version: string | null, steps: Array<StepView>, gates: Array<VerdictView>, risks: Array<string>, n_golden: number, 
/**
 * What it does after the end.
 */
tidy: Array<string>, 
/**
 * How the step at which it was cut short stands: `done`, `not_done`, `under_way`, `changed_by_another` or `unseen`.
 */
standing: string | null, standing_saw: Array<string>, 
/**
 * Oldest first.
 */
approvals: Array<ApprovalView>, 
/**
 * Our own word as the text that goes back to the plan's author.
 */
own_approval: string | null, 
/**
 * How many people the policy asks for.
 */
n_approvals: number, 
/**
 * Who looks at it made it.
 */
is_own: boolean, 
/**
 * It was made on another machine, and is here to be read and approved.
 */
foreign: boolean, 
/**
 * The open project whose rules it is judged by.
 */
project: number | null, 
/**
 * What was proven, at the end.
 */
proven: Array<string>, ended: number | null, };
export type StepView = { 
/**
 * In its author's words.
 */
title: string, 
/**
 * In ours: what it does.
 */
does: string, requests: Array<RequestView>, before: Array<string>, after: Array<string>, inverse: string | null, limit_secs: number, leaves: string | null, 
/**
 * `waiting`, `open`, `answered`, `seen`, `failed`, `undoing`, `undone` or `left`.
 */
state: string, 
/**
 * What was seen, or why it failed.
 */
saw: Array<string>, proof: Array<string>, at: number | null, };
export type RequestView = { verb: string, to: string, 
/**
 * Indented JSON.
 */
body: string | null, };
export type VerdictView = { gate: string, 
/**
 * `pass`, `fail`, `inconclusive`, `error` or `skipped`.
 */
ruling: string, says: string, 
/**
 * Indented JSON.
 */
evidence: string, };
export type AuditQuery = { 
/**
 * The number of the first entry.
 */
from: number, };
export type AuditPage = { rows: Array<AuditRow>, 
/**
 * The number of all entries.
 */
total: number, 
/**
 * Where the chain is broken; `None`: it holds.
 */
broken: string | null, 
/**
 * The last hash.
 */
head: string | null, };
export type AuditRow = { seq: number, hash: string, at: number, who: string, machine: string, what: string, plan: string | null, step: number | null, 
/**
 * Indented JSON.
 */
detail: string, };
export type SecretsView = { 
/**
 * Why the system's keychain cannot be used; `None`: it can.
 */
keychain: FailureView | null, 
/**
 * `missing`, `locked` or `open`.
 */
vault: string, 
/**
 * Newest first.
 */
kept: Array<KeptView>, 
/**
 * Why the list of them cannot be read.
 */
failure: FailureView | null, 
/**
 * The systems that the open projects' policies name, as far as the person has allowed them.
 */
systems: Array<SystemSecretView>, };
export type KeptView = { kind: string, origin: string, 
/**
 * Of a password; a token has none.
 */
user: string | null, 
/**
 * `keychain` or `vault`.
 */
at: string, stored: number, };
export type SystemSecretView = { project: number, 
/**
 * As the policy calls it.
 */
name: string, kind: string, origin: string, 
/**
 * Where the credential comes from: `~/.docker/config.json`. `None`: there is none.
 */
from: string | null, user: string | null, 
/**
 * What is wrong with that place, though it is used.
 */
warning: string | null, failure: FailureView | null, };
export type StoreSecret = { 
/**
 * `mlflow`, `oci`, `git`, `ray`, `v2`, `prometheus` or `database`.
 */
kind: string, 
/**
 * Any address at the system; scheme, host and port count.
 */
url: string, 
/**
 * With it the secret is this user's password, without it a token.
 */
user?: string, secret: string, };
export type StoredAt = { 
/**
 * `keychain` or `vault`.
 */
at: string, };
export type ForgetSecret = { kind: string, url: string, user?: string, };
export type Passphrase = { passphrase: string, };
export type LineageQuery = { target?: string, service?: string, registry?: string, model?: string, version?: string, };
export type LineageView = { 
/**
 * When it was gathered; Unix seconds, as all times here.
 */
at: number, 
/**
 * What was asked for, if it was a service.
 */
endpoint: ServiceView | null, version: LineageVersion, run: LineageRun | null, code: LineageCode, data: Array<Dataset>, environment: LineageEnvironment, artifact: LineageArtifact, 
/**
 * The plans that registered or promoted it, newest first.
 */
promotions: Array<LineagePlan>, used: Array<UseView>, people: Array<PersonView>, 
/**
 * Systems that did not tell: it may be used there too.
 */
unseen: Array<FailureView>, };
export type LineageVersion = { registry: string, registry_title: string, model: string, version: string, 
/**
 * `pending`, `ready`, `failed` or `withdrawn`.
 */
state: string, digest: string | null, made: number | null, made_by: string | null, 
/**
 * Where the registry says that its artifact lies.
 */
source: string | null, 
/**
 * The registry's, or the promotion's, word for the run that made it.
 */
run: string | null, tags: Array<[string, string]>, };
export type LineageRun = { id: number, key: string, name: string, project: string, 
/**
 * Its record, below the project.
 */
path: string, 
/**
 * Who wrote the record: "MLflow".
 */
tool: string, experiment: string | null, state: string, state_why: string, user: string | null, started: number | null, ended: number | null, params: Array<[string, string]>, metrics: Array<LineageMetric>, tags: Array<[string, string]>, };
export type LineageMetric = { name: string, last: Cell, step: number, 
/**
 * How often it was logged.
 */
n: number, };
export type LineageCode = { commit: string | null, 
/**
 * Whether the working tree had changes that the commit has not.
 */
dirty: string | null, branch: string | null, repository: string | null, 
/**
 * What was run: a script, a notebook, a project's entry point.
 */
entry: string | null, };
export type LineageEnvironment = { python: string | null, mlflow: string | null, 
/**
 * The files of the artifact that say what it needs.
 */
files: Array<EnvironmentFile>, };
export type EnvironmentFile = { path: string, bytes: number, digest: string, 
/**
 * None: it is too large, or no text.
 */
text: string | null, };
export type LineageArtifact = { 
/**
 * Of the files as they are now.
 */
digest: string | null, bytes: number, files: Array<ArtifactDigest>, 
/**
 * Why the files cannot be shown.
 */
failure: FailureView | null, };
export type ArtifactDigest = { path: string, bytes: number, digest: string, };
export type LineagePlan = { row: PlanRow, hash: string, 
/**
 * As they were judged when it was carried out; of a plan that was not, when it was made.
 */
gates: Array<VerdictView>, risks: Array<string>, approvals: Array<LineageApproval>, overrides: Array<OverrideView>, calls: Array<CallView>, proven: Array<string>, ended: number | null, };
export type LineageApproval = { by: string, at: number, comment: string | null, 
/**
 * `counted`, `taken back`, or why it did not count when the plan was begun.
 */
says: string, };
export type OverrideView = { gate: string, says: string, reason: string, by: string | null, at: number, };
export type CallView = { line: LineView, 
/**
 * For those that were about to be made.
 */
requests: Array<RequestView>, };
export type UseView = { 
/**
 * `alias` or `service`.
 */
kind: string, system: string, name: string, 
/**
 * Percent of a service's traffic.
 */
share: number | null, 
/**
 * The target names the digest of the very artifact.
 */
proven: boolean | null, address: string | null, by: string | null, since: number | null, };
export type PersonView = { who: string, did: Array<string>, };
export type LineView = { at: number, 
/**
 * `began`, `asks`, `answered`, `seen`, `failed`, `turns back`, `takes back`, `seen undone`, `left alone`,
 * `committed`, `taken back`, `adopted` or `tidied`.
 */
what: string, step: number | null, title: string | null, back: boolean, 
/**
 * Of an answer: `done`, `refused` or `unknown`.
 */
outcome: string | null, says: Array<string>, proof: Array<string>, };
export type Rehearsal = { 
/**
 * Gates that do not let it through.
 */
stands: Array<string>, 
/**
 * The first step's conditions, as they are seen now.
 */
before: Array<LookView>, 
/**
 * Judged anew.
 */
gates: Array<VerdictView>, };
export type LookView = { expects: string, holds: boolean, saw: string, };
export type AuditHead = { 
/**
 * A hash that was kept elsewhere.
 */
head?: string, };
export type AuditCheck = { 
/**
 * Entries that hold.
 */
total: number, 
/**
 * The last hash.
 */
head: string | null, 
/**
 * Why the chain does not hold.
 */
broken: string | null, 
/**
 * The entry that does not.
 */
at: number | null, 
/**
 * The entry that has the hash that was kept.
 */
kept: number | null, };
export type PolicyFile = { path: string, 
/**
 * `None`: the project has none.
 */
text: string | null, digest: string | null, 
/**
 * `None`: there is none, or it is not understood.
 */
policy: TeamPolicy | null, failure: FailureView | null, };
export type ProposePolicy = { project: number, changes: PolicyChange[], };
export type PolicyProposal = { 
/**
 * Of the text that it was made from: if it is not the one that was shown, the file has changed since.
 */
digest: string | null, text: string, 
/**
 * For `git apply` in the project's folder; empty if nothing changes.
 */
diff: string, 
/**
 * What it means, in sentences.
 */
says: Array<string>, 
/**
 * Addresses that the file does not name now.
 */
new_addresses: Array<string>, 
/**
 * What was asked for does not hold together; then `text` is the file as it is.
 */
problem: PolicyProblem | null, };
export type PolicyProblem = { 
/**
 * The way to the field: `models`, `churn`, `bake`, `max_error_rate`. Empty where no field is to blame.
 */
field: Array<string>, message: string, };
export type SavePolicy = { project: number, changes: PolicyChange[], 
/**
 * Of the file that the person has seen.
 */
digest: string | null, what: PolicyForm, };
export type PolicyForm = "file" | "diff";
export type SavedPolicy = { 
/**
 * `None` when the person thought better of it.
 */
path: string | null, 
/**
 * The file has changed since it was shown: nothing was written.
 */
stale: boolean, };
export type PolicyChange = { "change": "set_model", name: string, rules: ModelRules, } | { "change": "remove_model", name: string, } | { "change": "set_registry", name: string, at: RegistryRules, } | { "change": "remove_registry", name: string, } | { "change": "set_target", name: string, at: TargetRules, } | { "change": "remove_target", name: string, } | { "change": "set_roles", roles: RoleRules, } | { "change": "set_data", name: string, table: DataRules, } | { "change": "remove_data", name: string, } | { "change": "add_freeze", freeze: FreezeRule, } | { "change": "change_freeze", was: FreezeRule, freeze: FreezeRule, } | { "change": "remove_freeze", freeze: FreezeRule, };
export type TeamPolicy = { registries: { [key in string]: RegistryRules }, targets: { [key in string]: TargetRules }, models: { [key in string]: ModelRules }, roles: RoleRules, data: { [key in string]: DataRules }, freeze: Array<FreezeRule>, };
export type DataRules = Record<string, unknown>;
export type RegistryRules = { "kind": "embedded" } | { "kind": "mlflow", url: string, } | { "kind": "oci", url: string, repository: string, ca: string | null, } | { "kind": "gto", repository: string, };
export type TargetRules = { "kind": "local", python: string | null, port: number | null, } | { "kind": "v2", url: string, repository: string, metrics: string | null, } | { "kind": "ray_serve", url: string, serve: string | null, metrics: string | null, share: ShareRule | null, application: Record<string, unknown>, } | { "kind": "kserve", context: string | null, namespace: string, ingress: string | null, storage: StorageRule | null, protocol: "v1" | "v2", format: string, runtime: string | null, };
export type ShareRule = { here: string, there: string | null, };
export type StorageRule = { uri: string, mount: string, };
export type ModelRules = { registry: string, target: string | null, service: string | null, alias: string | null, alias_first: boolean, shares: Array<number>, bake: BakeRule | null, health: HealthRule | null, keep_old: boolean, gates: GateRules, };
export type BakeRule = { secs: number, max_error_rate: number, max_p95_ms: number | null, min_requests: number, too_few: "take_back" | "go_on", };
export type HealthRule = { prometheus: string, requests: string, errors: string, p95_ms: string | null, };
export type GateRules = { metric: MetricRule | null, max_bytes: number | null, latency: LatencyRule | null, signature: boolean, drift: DriftGateRule | null, approvals: ApprovalRule | null, };
export type MetricRule = { name: string, better: "higher" | "lower", margin: number, };
export type LatencyRule = { max_p95_ms: number, n_requests: number, max_error_rate: number, };
export type DriftGateRule = { data: string, hours: number, max_columns: number, ignore: Array<string>, min_accuracy: number | null, max_unfairness: number | null, rules: boolean, };
export type ApprovalRule = { n: number, valid_hours: number, };
export type RoleRules = { approvers: Array<string>, overriders: Array<string>, keys: { [key in string]: string }, };
export type FreezeRule = { from: string, to: string, reason: string, };
export type DataProblem = { 
/**
 * The file's path, as it was asked for.
 */
file: string, column: string | null, 
/**
 * Where in the file: "row group 3", "line 120".
 */
place: string | null, 
/**
 * Whether rows or columns were not read for it; what is said of values, or of a file's shape, is its rules' to judge.
 */
lost: boolean, 
/**
 * For a person.
 */
message: string, hint: string | null, };
export type DataKind = "numeric" | "boolean" | "categorical" | "datetime" | "list" | "opaque";
export type Dialect = { 
/**
 * One ASCII character.
 */
delimiter: string, has_header: boolean, 
/**
 * "1,5" is one and a half.
 */
decimal_comma: boolean, };
export type DriftRule = { 
/**
 * Of the p-values as corrected over all columns by Benjamini and Hochberg.
 */
alpha: number, 
/**
 * Wasserstein's distance in deviations of the reference.
 */
min_wasserstein_std: number, 
/**
 * Jensen and Shannon's distance in bits.
 */
min_js: number, 
/**
 * The area under the ROC curve of telling the sides apart, of vectors.
 */
min_auroc: number, 
/**
 * Of a share: nulls, NaN, infinities.
 */
min_share: number, 
/**
 * Values on either side.
 */
min_rows: number, };
export type DriftVerdict = "missing" | "type_changed" | "drift" | "large_but_uncertain" | "small_but_significant" | "too_few_rows" | "new" | "not_judged" | "no_drift";
export type RowCounts = { rows: number, nulls: number, nan: number, pos_inf: number, neg_inf: number, 
/**
 * Rows of files where the column has another type.
 */
mismatched: number, };
export type Moments = { min: number, max: number, mean: number, 
/**
 * By n.
 */
std: number, };
export type DriftSide = { path: string, files: number, dialect: Dialect | null, };
export type ColumnSide = { type: string, 
/**
 * Of the finite numbers, of lists' lengths.
 */
moments: Moments | null, 
/**
 * How many levels there are, if they could be counted.
 */
levels: number | null, rows: number, nulls: number, nan: number, pos_inf: number, neg_inf: number, 
/**
 * Rows of files where the column has another type.
 */
mismatched: number, };
export type TestReport = { 
/**
 * `null` where it is no number.
 */
statistic: number | null, p_value: number | null, threshold: number | null, 
/**
 * Rows with a value, of both sides; of a sample, where one is enough.
 */
n: [number, number], 
/**
 * Of the statistic, at 95 %.
 */
interval?: [number, number], 
/**
 * Why there is no number.
 */
refused: string | null, };
export type DriftEffect = { name: string, value: number, threshold: number, };
export type RateMove = { of: string, reference: number, current: number, p_value: number, 
/**
 * Corrected together with the columns' own.
 */
p_adjusted: number, };
export type LevelMove = { level: string, rows: number, };
export type PairHistogram = { 
/**
 * One more than there are bins, ascending; the first and the last are the ends of both sides. Empty of levels.
 */
edges: Array<number>, 
/**
 * Empty where there are edges.
 */
names: Array<string>, reference: Array<number>, current: Array<number>, };
export type ColumnReport = { name: string, kind: DataKind, reference: ColumnSide | null, current: ColumnSide | null, tests: { [key in string]: TestReport }, effect: DriftEffect | null, p_value: number | null, 
/**
 * Over all columns, by Benjamini and Hochberg.
 */
p_adjusted: number | null, 
/**
 * What the verdict turned on: the name of `effect`, or that of one of `rates`. `null` where it turned on no number.
 */
by: string | null, 
/**
 * Rows on bins of both sides, for the eye.
 */
histogram: PairHistogram | null, rates: Array<RateMove>, new_levels: Array<LevelMove>, gone_levels: Array<LevelMove>, verdict: DriftVerdict, 
/**
 * The verdict in a sentence.
 */
says: string, };
export type DriftReport = { reference: DriftSide, current: DriftSide, rule: DriftRule, 
/**
 * The gravest of the columns'.
 */
verdict: DriftVerdict, columns: Array<ColumnReport>, problems: Array<DataProblem>, };
export type DataHistogram = { 
/**
 * One more than counts; both ends are within.
 */
edges: Array<number>, counts: Array<number>, };
export type LevelRows = { level: string, rows: number, };
export type ColumnProfile = { name: string, kind: DataKind, 
/**
 * As the file has it.
 */
type: string, moments: Moments | null, zeros: number, negative: number, 
/**
 * How many values or levels there are; `null` of what is only counted.
 */
distinct: number | null, 
/**
 * Where there are too many levels to keep them, `distinct` is an estimate: its standard error as a share of it.
 */
distinct_error?: number, 
/**
 * (share, value) at 0, 1, 5, 25, 50, 75, 95, 99 and 100 %.
 */
quantiles: Array<[number, number]>, histogram: DataHistogram | null, 
/**
 * The most usual levels.
 */
top: Array<LevelRows>, 
/**
 * What a person should know, in sentences.
 */
remarks: Array<string>, rows: number, nulls: number, nan: number, pos_inf: number, neg_inf: number, 
/**
 * Rows of files where the column has another type.
 */
mismatched: number, };
export type Duplicates = { 
/**
 * Rows that were there before, in all columns.
 */
rows: number, };
export type Correlation = { a: string, b: string, 
/**
 * Spearman's ρ over the rows of a sample where both are there.
 */
spearman: number, n: number, };
export type SharedRows = { path: string, rows: number, 
/**
 * Of its rows, how many the profiled data have too, in the columns of both.
 */
also_here: number, };
export type Leak = { column: string, 
/**
 * The share of the target's variance (of its levels' for a classification) that the column alone explains on rows
 * that it was not fitted on.
 */
explains: number, n: number, };
export type DataProfile = { path: string, files: number, bytes: number, rows: number, columns: Array<ColumnProfile>, duplicates: Duplicates | null, 
/**
 * The strongest first, by Spearman's rank correlation.
 */
correlations: Array<Correlation>, 
/**
 * Rows that the test data have too, if they were given.
 */
shared: SharedRows | null, 
/**
 * Columns that tell the target nearly alone, if one was named.
 */
leaks: Array<Leak>, problems: Array<DataProblem>, };
export type MonitorDefinition = { 
/**
 * What the model was trained on: a file or a folder.
 */
reference: string, 
/**
 * What it has seen since: a file or a folder. Empty where it is a table.
 */
current?: string, 
/**
 * Where the table is that has what it has seen since: `postgres://…`, `https://…` of ClickHouse, `sc://…` of Spark.
 */
engine?: string | null, 
/**
 * The table's name over there.
 */
table?: string | null, 
/**
 * Of a table, the rows of so many hours until now; without it all.
 */
last_hours?: number | null, 
/**
 * A table is asked so often; every ten minutes if nothing is said.
 */
every_minutes?: number | null, 
/**
 * The column of the time of each row; found by itself if there is one only.
 */
time?: string | null, 
/**
 * The column by which rows are told apart besides.
 */
segment?: string | null, 
/**
 * Columns that are not watched.
 */
ignore?: Array<string>, 
/**
 * What the model said.
 */
prediction?: string | null, 
/**
 * How sure it was of the positive class, 0 to 1.
 */
score?: string | null, 
/**
 * The class that `score` is of; of two classes the later one by name.
 */
positive?: string | null, 
/**
 * The column of the truth, in the reference and, where it comes along, in the current data.
 */
label?: string | null, 
/**
 * Labels that come later: a file or a folder with `id` and `label`.
 */
labels?: string | null, 
/**
 * The column by which labels find their rows.
 */
id?: string | null, 
/**
 * A file that tells how much the model turns on each column: JSON, a weight for each. The ranking weighs by it.
 */
importance?: string | null, 
/**
 * Attributes by which fairness is looked at.
 */
groups?: Array<string>, 
/**
 * Groups with fewer labelled rows are listed, not judged.
 */
min_group?: number | null, 
/**
 * What counts as a drift, where it is not as usual ([`crate::verdict::Rule`]): the corrected p-value is below.
 */
alpha?: number | null, 
/**
 * Of numbers: Wasserstein's distance in deviations of the reference.
 */
min_shift?: number | null, 
/**
 * Of levels: Jensen and Shannon's distance in bits.
 */
min_js?: number | null, 
/**
 * Values on either side.
 */
min_values?: number | null, };
export type DataBucket = { from: number, till: number, rows: number, 
/**
 * The least and the most that is usual at these hours of the week, where four weeks lie before.
 */
usual_rows?: [number, number], verdict: DriftVerdict, };
export type DriftPoint = { verdict: DriftVerdict, 
/**
 * In units of what counts as an effect: 1 is the threshold.
 */
strength: number, js: number | null, 
/**
 * The least and the most of `js` that is usual at these hours of the week; where it is missing, the line's band holds.
 */
usual_js?: [number, number], psi: number | null, p_adjusted: number | null, nulls: number, mean: number | null, };
export type DriftBand = { mean: number, 
/**
 * Mean and three deviations.
 */
high: number, 
/**
 * Rows of each of the stretches that it was made of.
 */
rows: number, };
export type ColumnLine = { name: string, 
/**
 * Of `js`, over stretches of the reference about as long as a bucket.
 */
band: DriftBand | null, points: Array<DriftPoint | null>, };
export type QualityPoint = { rows: number, labelled: number, accuracy: number | null, 
/**
 * At 95 %, Wilson's.
 */
accuracy_low: number | null, accuracy_high: number | null, 
/**
 * The least and the most that is usual at these hours of the week.
 */
usual_accuracy?: [number, number], 
/**
 * Of the positive class; the mean over the classes where there is none.
 */
f1: number | null, auroc: number | null, brier: number | null, 
/**
 * Mean absolute error.
 */
mae: number | null, usual_mae?: [number, number], rmse: number | null, r2: number | null, 
/**
 * Without labels, by the scores alone.
 */
estimate: number | null, estimate_low: number | null, estimate_high: number | null, };
export type GroupRate = { group: string, rows: number, value: number | null, low: number | null, high: number | null, };
export type FairMetric = { metric: string, groups: Array<GroupRate>, 
/**
 * Between the highest and the lowest group.
 */
difference: number | null, difference_low: number | null, difference_high: number | null, ratio: number | null, };
export type Fairness = { attribute: string, metrics: Array<FairMetric>, 
/**
 * Groups with too few labelled rows to be judged.
 */
too_small: Array<[string, number]>, 
/**
 * Bucket by bucket: the difference between the highest and the lowest group of the first metric.
 */
over_time: Array<number | null>, };
export type Timeline = { bucket_hours: number, buckets: Array<DataBucket>, columns: Array<ColumnLine>, quality: Array<QualityPoint | null>, 
/**
 * On the reference: (accuracy, lowest and highest that is usual).
 */
usual_accuracy: [number, number, number] | null, fairness: Array<Fairness>, segments: Array<string>, };
export type ColumnWindow = { 
/**
 * Of numbers: where the bins meet; the first and the last are open.
 */
edges: Array<number>, 
/**
 * Of levels and of few values: each bin's name, the last is all others.
 */
names: Array<string>, 
/**
 * Rows of the reference and of the window on the bins.
 */
expected: Array<number>, found: Array<number>, name: string, kind: DataKind, reference: ColumnSide | null, current: ColumnSide | null, tests: { [key in string]: TestReport }, effect: DriftEffect | null, p_value: number | null, 
/**
 * Over all columns, by Benjamini and Hochberg.
 */
p_adjusted: number | null, 
/**
 * What the verdict turned on: the name of `effect`, or that of one of `rates`. `null` where it turned on no number.
 */
by: string | null, 
/**
 * Rows on bins of both sides, for the eye.
 */
histogram: PairHistogram | null, rates: Array<RateMove>, new_levels: Array<LevelMove>, gone_levels: Array<LevelMove>, verdict: DriftVerdict, 
/**
 * The verdict in a sentence.
 */
says: string, };
export type DataWindow = { rows: number, verdict: DriftVerdict, columns: Array<ColumnWindow>, };
export type SourceRun = { run: number, name: string, 
/**
 * Such as "training"; empty if nothing was said.
 */
context: string, };
export type DvcOut = { md5: string | null, 
/**
 * As many bytes as when DVC took it in; null where that is not known, as of folders. DVC's own `status` tells more.
 */
is_same_size: boolean | null, };
export type DataSource = { project: number, 
/**
 * Relative to the project.
 */
path: string, is_folder: boolean, n_files: number, bytes: number, 
/**
 * Runs that were given it, the newest first.
 */
runs: Array<SourceRun>, 
/**
 * What DVC keeps of it.
 */
dvc: DvcOut | null, };
export type MonitorState = "freezing" | "reading" | "watching" | "asking" | "failed";
export type DataAlert = { 
/**
 * Hours since 1970 (UTC), of the bucket in which it was seen first without a break since.
 */
since: number, columns: Array<string>, says: string, 
/**
 * A person has said that it is known.
 */
acknowledged: boolean, 
/**
 * Unix seconds, until when nothing is said of it.
 */
snoozed_until: number | null, };
export type MonitorRow = { project: number, name: string, definition: MonitorDefinition, 
/**
 * It stands in the project's signalbox.toml; else in Signalbox alone.
 */
in_policy: boolean, state: MonitorState, trouble: string | null, files_done: number, files: number, rows: number, 
/**
 * Places that could not be read.
 */
n_lost: number, alert: DataAlert | null, 
/**
 * Whether there were rows enough to say that something has moved, or has not.
 */
judged: boolean, 
/**
 * `null`: it watches files.
 */
table: WatchedTable | null, };
export type SuggestedMonitor = { project: number, name: string, definition: MonitorDefinition, 
/**
 * Why, in a sentence.
 */
because: string, };
export type DataOverview = { sources: Array<DataSource>, monitors: Array<MonitorRow>, suggested: Array<SuggestedMonitor>, };
export type OfMonitor = { project: number, name: string, };
export type WatchedTable = { 
/**
 * Postgres, ClickHouse, Spark Connect.
 */
engine: string, 
/**
 * Host, port and database, for a person.
 */
at: string, 
/**
 * Whether what is sent is sealed, or stays on this machine.
 */
is_private: boolean, 
/**
 * Whose password it would be given: where it comes from. `null`: none is known.
 */
credential: string | null, 
/**
 * Unix seconds of the last answer.
 */
asked: number | null, every_minutes: number, };
export type AllowEngine = { project: number, 
/**
 * As the definition has it, to the letter.
 */
url: string, };
export type LookAgain = { project: number, name: string, 
/**
 * Of a table: not its last hours alone.
 */
all: boolean, };
export type MonitorQuery = { project: number, name: string, 
/**
 * One segment; all if none.
 */
segment: string | null, 
/**
 * Of a bucket; chosen if none.
 */
hours: number | null, };
export type MonitorView = { row: MonitorRow, 
/**
 * `null` until the reference is read.
 */
timeline: Timeline | null, 
/**
 * The reference by its content.
 */
digest: string | null, reference_rows: number, 
/**
 * How sure a drift has to be, and what counts as an effect.
 */
rule: DriftRule, problems: Array<DataProblem>, 
/**
 * Rows without a time.
 */
n_timeless: number, n_labels: number, 
/**
 * How much the model turns on each column, of 1 together; empty where nothing tells it.
 */
importance: { [key in string]: number }, };
export type WindowQuery = { project: number, name: string, segment: string | null, 
/**
 * Hours since 1970 (UTC).
 */
from: number, 
/**
 * Not within.
 */
till: number, };
export type SaveMonitor = { project: number, name: string, definition: MonitorDefinition, };
export type AckAlert = { project: number, name: string, 
/**
 * Unix seconds: say nothing until then. None: it is known, say nothing until something else moves.
 */
until: number | null, };
export type OfPath = { project: number, 
/**
 * Relative to the project.
 */
path: string, };
export type ProfileQuery = { 
/**
 * Chosen by who asks: it is told how far it is by this number, and may stop it.
 */
work: number | null, project: number, 
/**
 * Relative to the project.
 */
path: string, target: string | null, test: string | null, };
export type DriftQuery = { 
/**
 * As a profile's.
 */
work: number | null, project: number, reference: string, current: string, 
/**
 * Besides our own.
 */
methods: Array<string>, };
export type MethodInfo = { name: string, says: string, };
export type RuleName = "schema" | "min_rows" | "max_rows" | "max_age_hours" | "type" | "required" | "min" | "max" | "allowed" | "max_null_share" | "max_nan_share" | "unique" | "min_mean" | "max_mean";
export type RuleSeverity = "error" | "warning";
export type RuleExample = { 
/**
 * Of a folder's: which.
 */
file: string | null, 
/**
 * From 1, in its file; a header is no row.
 */
row: number, value: string, };
export type AskedRule = { 
/**
 * `null`: of the table.
 */
column: string | null, rule: RuleName, severity: RuleSeverity, 
/**
 * What the rule says.
 */
wanted: string, found: string, 
/**
 * Rows that break it, where rows do; not all of them have to be borne.
 */
n_wrong: number, 
/**
 * The first of them.
 */
examples: Array<RuleExample>, passes: boolean, };
export type CheckedRules = { path: string, rows: number, 
/**
 * None of the errors is broken; warnings may be.
 */
passes: boolean, rules: Array<AskedRule>, problems: Array<DataProblem>, };
export type RulesQuery = { project: number, 
/**
 * The monitor's.
 */
name: string, 
/**
 * What the reference keeps, even where the team has written rules.
 */
learn: boolean, 
/**
 * Which of the monitor's files, relative to the project; the newest if nothing is said.
 */
path: string | null, };
export type RulesFrom = "team" | "reference";
export type RulesView = { from: RulesFrom, 
/**
 * As they stand in `signalbox.toml`: what is not asked is not there.
 */
rules: Record<string, unknown>, 
/**
 * Relative to the project, by name; the newest are last.
 */
files: Array<string>, 
/**
 * None: there is no file yet.
 */
checked: CheckedRules | null, 
/**
 * Of the reference, where the rules were learnt.
 */
problems: Array<DataProblem>, };
export type OfWork = { work: number, };
export type DriftChart = "column" | "shape" | "quality";
export type SaveDrift = { 
/**
 * Suggested file name.
 */
name: string, format: ExportFormat, what: DriftChart, project: number, monitor: string, column: string | null, segment: string | null, 
/**
 * Of a bucket.
 */
hours: number | null, 
/**
 * A window, hours since 1970 (UTC); all of the time if nothing is said.
 */
from: number | null, till: number | null, dark: boolean, };
export type RoomKind = "points" | "levels" | "catalogue" | "code" | "words" | "other" | "structure" | "free" | "log" | "counts" | "fetched" | "window" | "models" | "promotions" | "rest";
export type RoomPart = { kind: RoomKind, title: string, bytes: number, 
/**
 * Where it lies.
 */
path: string, 
/**
 * Why it is never deleted from here; `null`: it is.
 */
stays: string | null, };
export type ProjectRoomRow = { id: number, name: string, path: string, open: boolean, demo: boolean, 
/**
 * The folder is not there now.
 */
missing: boolean, 
/**
 * Unix seconds.
 */
last_opened: number, 
/**
 * Closed for 90 days or more.
 */
long_closed: boolean, n_runs: number, n_points: number, n_problems: number, 
/**
 * Runs that are gone from the disk, as the watcher saw it.
 */
n_gone_runs: number, n_gone_points: number, 
/**
 * All of the following.
 */
bytes: number, points_bytes: number, levels_bytes: number, catalogue_bytes: number, words_bytes: number, other_bytes: number, counts_bytes: number, };
export type ForgettingRow = { name: string, n_runs: number, n_left: number, };
export type CompactState = { free_bytes: number, 
/**
 * In short steps, beside everything else; else the file is written anew once, and new points wait meanwhile.
 */
in_steps: boolean, 
/**
 * Bytes that must be free on the disk for it.
 */
needs_bytes: number, 
/**
 * Why it cannot be done now.
 */
refused: string | null, hint: string | null, };
export type StorageView = { 
/**
 * Our own folder.
 */
path: string, 
/**
 * All that lies in it.
 */
bytes: number, parts: Array<RoomPart>, 
/**
 * The largest first.
 */
projects: Array<ProjectRoomRow>, forgetting: Array<ForgettingRow>, compact: CompactState, };
export type StorageQuery = { work: number | null, };
export type ProjectStorageQuery = { project: number, work: number | null, };
export type TakenRow = { name: string, n_points: number, bytes: number, };
export type ProjectStorage = { n_runs: number, n_metrics: number, runs: Array<TakenRow>, metrics: Array<TakenRow>, };
export type ForgetQuery = { project: number, 
/**
 * Only those of its runs that are gone from the disk.
 */
gone_only: boolean, };
export type ForgetLine = { what: string, n: number | null, bytes: number | null, why: string | null, };
export type ForgetPlan = { project: number, gone_only: boolean, name: string, path: string, open: boolean, missing: boolean, goes: Array<ForgetLine>, 
/**
 * Of what goes: what no folder has, so that it cannot be read again.
 */
lost: Array<ForgetLine>, stays: Array<ForgetLine>, 
/**
 * What the person types, where something is lost.
 */
confirm: string | null, 
/**
 * There is something that [`SaveWords`] would write.
 */
has_words: boolean, };
export type SaveWords = { 
/**
 * Suggested file name.
 */
name: string, project: number, };
export type Compacted = { before_bytes: number, after_bytes: number, 
/**
 * Pages that were not given back: it was stopped.
 */
left_bytes: number, 
/**
 * Somebody still read what was: the file is cut with the next writing.
 */
is_later: boolean, };

export interface Commands {
  about: { args: Empty; reply: About };
  projects: { args: Empty; reply: Array<Project> };
  open_project: { args: FolderPath; reply: Project };
  open_demo: { args: Empty; reply: Project };
  close_project: { args: OfProject; reply: null };
  forget_project: { args: OfProject; reply: null };
  forget_gone_runs: { args: OfProject; reply: number };
  forget_plan: { args: ForgetQuery; reply: ForgetPlan };
  save_words: { args: SaveWords; reply: PickedPath };
  storage: { args: StorageQuery; reply: StorageView };
  project_storage: { args: ProjectStorageQuery; reply: ProjectStorage };
  compact: { args: StorageQuery; reply: Compacted };
  pick_folder: { args: Empty; reply: PickedPath };
  status: { args: Empty; reply: StatusLine };
  columns: { args: OfProject; reply: Array<ColumnInfo> };
  table: { args: TableQuery; reply: TablePage };
  table_ids: { args: IdsQuery; reply: Ids };
  check_filter: { args: FilterText; reply: FilterCheck };
  complete_filter: { args: CompleteQuery; reply: Array<Completion> };
  metrics: { args: MetricsQuery; reply: Array<MetricInfo> };
  run: { args: OfRun; reply: RunDetail };
  annotate: { args: Annotate; reply: null };
  artifacts: { args: ArtifactsQuery; reply: Array<ArtifactEntry> };
  media: { args: OfMediaTag; reply: MediaItems };
  media_texts: { args: MediaTextsQuery; reply: Array<MediaText> };
  histograms: { args: OfMediaTag; reply: Histograms };
  code: { args: OfRun; reply: CodeView | null };
  console: { args: OfRun; reply: Array<ConsoleFile> };
  console_text: { args: ConsoleQuery; reply: ConsoleText };
  problems: { args: ProblemsQuery; reply: ProblemsPage };
  get_pref: { args: GetPref; reply: PrefValue };
  set_pref: { args: SetPref; reply: null };
  stop_job: { args: OfJob; reply: null };
  join_runs: { args: JoinRuns; reply: null };
  split_run: { args: SplitRun; reply: null };
  export_csv: { args: ExportCsv; reply: ExportedText };
  save_export: { args: SaveExport; reply: PickedPath };
  models: { args: Empty; reply: Array<RegistryView> };
  production: { args: Empty; reply: Array<ServiceView> };
  run_models: { args: OfRunModels; reply: Array<RunModel> };
  propose: { args: Propose; reply: PlanView };
  propose_rollback: { args: OfService; reply: PlanView };
  plans: { args: Empty; reply: Array<PlanRow> };
  plan: { args: OfPlan; reply: PlanView };
  apply_plan: { args: Apply; reply: null };
  resume_plan: { args: Resume; reply: null };
  stop_plan: { args: OfPlan; reply: null };
  discard_plan: { args: OfPlan; reply: null };
  approve_plan: { args: Approve; reply: PlanView };
  plan_file: { args: OfPlan; reply: string };
  import_plan: { args: PlanText; reply: PlanView };
  add_approval: { args: ApprovalText; reply: PlanView };
  allow_policy: { args: Allow; reply: null };
  allow_models: { args: AllowModels; reply: null };
  policy_file: { args: OfProject; reply: PolicyFile };
  propose_policy: { args: ProposePolicy; reply: PolicyProposal };
  save_policy: { args: SavePolicy; reply: SavedPolicy };
  stop_service: { args: OfService; reply: null };
  stop_keeper: { args: Empty; reply: null };
  audit_trail: { args: AuditQuery; reply: AuditPage };
  secrets: { args: Empty; reply: SecretsView };
  store_secret: { args: StoreSecret; reply: StoredAt };
  forget_secret: { args: ForgetSecret; reply: null };
  make_vault: { args: Passphrase; reply: null };
  unlock_vault: { args: Passphrase; reply: null };
  lock_vault: { args: Empty; reply: null };
  verify_audit: { args: AuditHead; reply: AuditCheck };
  rehearse: { args: Apply; reply: Rehearsal };
  lineage: { args: LineageQuery; reply: LineageView };
  data_overview: { args: Empty; reply: DataOverview };
  data_monitor: { args: MonitorQuery; reply: MonitorView };
  data_window: { args: WindowQuery; reply: DataWindow };
  save_monitor: { args: SaveMonitor; reply: null };
  forget_monitor: { args: OfMonitor; reply: null };
  allow_engine: { args: AllowEngine; reply: null };
  forbid_engine: { args: AllowEngine; reply: null };
  look_again: { args: LookAgain; reply: null };
  ack_alert: { args: AckAlert; reply: null };
  data_profile: { args: ProfileQuery; reply: DataProfile };
  data_columns: { args: OfPath; reply: Array<string> };
  data_drift: { args: DriftQuery; reply: DriftReport };
  data_methods: { args: Empty; reply: Array<MethodInfo> };
  data_monitors: { args: OfProject; reply: Array<MonitorRow> };
  data_rules: { args: RulesQuery; reply: RulesView };
  stop_work: { args: OfWork; reply: null };
  save_drift: { args: SaveDrift; reply: PickedPath };
}

export interface Blobs {
  artifact: ArtifactBlob;
  media: MediaBlob;
  export: SaveExport;
  drift: SaveDrift;
  words: SaveWords;
}
