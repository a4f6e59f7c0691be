//! The one list of what the product can do. The router, the TypeScript types and the shells' command names
//! come from it; a command without a body does not compile.

use crate::App;
use crate::wire::*;
use serde_json::Value;
use ts_rs::TS;

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident($args:ty) -> $reply:ty;)*) => {
        /// Every command's name.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Runs a command by name. Blocking: call it on a thread that may wait.
        pub(crate) fn dispatch(app: &App, name: &str, args: Value) -> Result<Value, CallError> {
            match name {
                $(stringify!($name) => {
                    let args: $args = serde_json::from_value(args).map_err(|e| bad_args(name, &e))?;
                    let reply: $reply = app.$name(args)?;
                    serde_json::to_value(reply).map_err(|e| CallError::new(ErrorCode::Internal, e.to_string()))
                })*
                _ => Err(CallError::new(ErrorCode::BadRequest, format!("There is no command {name:?}."))),
            }
        }

        /// Appends the commands' TypeScript, a line each.
        pub(crate) fn describe(config: &ts_rs::Config, out: &mut String) {
            $(
                out.push_str(&format!(
                    "  {}: {{ args: {}; reply: {} }};\n",
                    stringify!($name), <$args as TS>::name(config), <$reply as TS>::name(config),
                ));
            )*
        }
    };
}

commands! {
    about(Empty) -> About;
    projects(Empty) -> Vec<Project>;
    open_project(FolderPath) -> Project;
    open_demo(Empty) -> Project;
    close_project(OfProject) -> ();
    forget_project(OfProject) -> ();
    forget_gone_runs(OfProject) -> u64;
    forget_plan(ForgetQuery) -> ForgetPlan;
    save_words(SaveWords) -> PickedPath;
    storage(StorageQuery) -> StorageView;
    project_storage(ProjectStorageQuery) -> ProjectStorage;
    compact(StorageQuery) -> Compacted;
    pick_folder(Empty) -> PickedPath;
    status(Empty) -> StatusLine;
    columns(OfProject) -> Vec<ColumnInfo>;
    table(TableQuery) -> TablePage;
    table_ids(IdsQuery) -> Ids;
    check_filter(FilterText) -> FilterCheck;
    complete_filter(CompleteQuery) -> Vec<Completion>;
    metrics(MetricsQuery) -> Vec<MetricInfo>;
    run(OfRun) -> RunDetail;
    annotate(Annotate) -> ();
    artifacts(ArtifactsQuery) -> Vec<ArtifactEntry>;
    media(OfMediaTag) -> MediaItems;
    media_texts(MediaTextsQuery) -> Vec<MediaText>;
    histograms(OfMediaTag) -> Histograms;
    code(OfRun) -> Option<CodeView>;
    console(OfRun) -> Vec<ConsoleFile>;
    console_text(ConsoleQuery) -> ConsoleText;
    problems(ProblemsQuery) -> ProblemsPage;
    get_pref(GetPref) -> PrefValue;
    set_pref(SetPref) -> ();
    stop_job(OfJob) -> ();
    join_runs(JoinRuns) -> ();
    split_run(SplitRun) -> ();
    export_csv(ExportCsv) -> ExportedText;
    save_export(SaveExport) -> PickedPath;
    models(Empty) -> Vec<RegistryView>;
    production(Empty) -> Vec<ServiceView>;
    run_models(OfRunModels) -> Vec<RunModel>;
    propose(Propose) -> PlanView;
    propose_rollback(OfService) -> PlanView;
    plans(Empty) -> Vec<PlanRow>;
    plan(OfPlan) -> PlanView;
    apply_plan(Apply) -> ();
    resume_plan(Resume) -> ();
    stop_plan(OfPlan) -> ();
    discard_plan(OfPlan) -> ();
    approve_plan(Approve) -> PlanView;
    plan_file(OfPlan) -> String;
    import_plan(PlanText) -> PlanView;
    add_approval(ApprovalText) -> PlanView;
    allow_policy(Allow) -> ();
    allow_models(AllowModels) -> ();
    policy_file(OfProject) -> PolicyFile;
    propose_policy(ProposePolicy) -> PolicyProposal;
    save_policy(SavePolicy) -> SavedPolicy;
    stop_service(OfService) -> ();
    stop_keeper(Empty) -> ();
    audit_trail(AuditQuery) -> AuditPage;
    secrets(Empty) -> SecretsView;
    store_secret(StoreSecret) -> StoredAt;
    forget_secret(ForgetSecret) -> ();
    make_vault(Passphrase) -> ();
    unlock_vault(Passphrase) -> ();
    lock_vault(Empty) -> ();
    verify_audit(AuditHead) -> AuditCheck;
    rehearse(Apply) -> Rehearsal;
    lineage(LineageQuery) -> LineageView;
    data_overview(Empty) -> DataOverview;
    data_monitor(MonitorQuery) -> MonitorView;
    data_window(WindowQuery) -> signalbox_drift::monitor::Window;
    save_monitor(SaveMonitor) -> ();
    forget_monitor(OfMonitor) -> ();
    allow_engine(AllowEngine) -> ();
    forbid_engine(AllowEngine) -> ();
    look_again(LookAgain) -> ();
    ack_alert(AckAlert) -> ();
    data_profile(ProfileQuery) -> signalbox_drift::profile::Profile;
    data_columns(OfPath) -> Vec<String>;
    data_drift(DriftQuery) -> signalbox_drift::pair::Report;
    data_methods(Empty) -> Vec<MethodInfo>;
    data_monitors(OfProject) -> Vec<MonitorRow>;
    data_rules(RulesQuery) -> RulesView;
    stop_work(OfWork) -> ();
    save_drift(SaveDrift) -> PickedPath;
}

fn bad_args(name: &str, e: &serde_json::Error) -> CallError {
    CallError::new(ErrorCode::BadRequest, format!("{name}: {e}"))
}
