//! The TypeScript of all that crosses, from the one list of commands.

use super::*;
use ts_rs::{Config, TS};

/// The whole of `ui/src/lib/host/wire.ts`.
pub fn typescript() -> String {
    let config = Config::new().with_large_int("number");
    let mut out = String::from(
        "// Generated from crates/app/src/wire and commands.rs by `cargo run -p signalbox-app --example wire`.\n\
         // Do not edit: a test compares it with the Rust types.\n\n",
    );
    let mut declare = |declaration: String| {
        out.push_str("export ");
        out.push_str(&declaration);
        out.push('\n');
    };
    macro_rules! declare_all {
        ($($t:ty),* $(,)?) => { $( declare(<$t as TS>::decl(&config)); )* };
    }
    declare_all!(
        ErrorCode,
        Place,
        CallError,
        Level,
        Event,
        Cell,
        WatchMode,
        Watching,
        Job,
        StatusLine,
        Project,
        About,
        PickedPath,
        PrefValue,
        RunName,
        ProblemRow,
        ProblemsPage,
        Stat,
        ColumnKind,
        ColumnInfo,
        ColumnRef,
        SortKey,
        RunState,
        TableRow,
        TablePage,
        Ids,
        FilterCheck,
        CompletionKind,
        Completion,
        Goal,
        MetricInfo,
        RunDetail,
        MetricRow,
        Dataset,
        ModelRow,
        Text,
        RunSource,
        SourceFile,
        Annotation,
        ArtifactKind,
        ArtifactEntry,
        XAxis,
        SmoothKind,
        Smooth,
        ExportedText,
        ExportFormat,
        Empty,
        FolderPath,
        OfProject,
        GetPref,
        SetPref,
        OfJob,
        ProblemsQuery,
        TableQuery,
        IdsQuery,
        FilterText,
        CompleteQuery,
        MetricsQuery,
        OfRun,
        Annotate,
        ArtifactsQuery,
        ArtifactBlob,
        FrameArgs,
        ExportCsv,
        SaveExport,
        RegistryView,
        ModelView,
        VersionView,
        FailureView,
        ServiceView,
        ServedView,
        AliasView,
        OfRunModels,
        RunModel,
        Propose,
        OfPlan,
        Apply,
        Override,
        Resume,
        Approve,
        ApprovalView,
        PlanText,
        ApprovalText,
        OfService,
        PlanRow,
        PlanView,
        StepView,
        RequestView,
        VerdictView,
        AuditQuery,
        AuditPage,
        AuditRow,
        SecretsView,
        KeptView,
        SystemSecretView,
        StoreSecret,
        StoredAt,
        ForgetSecret,
        Passphrase,
    );
    out.push_str("\nexport interface Commands {\n");
    crate::commands::describe(&config, &mut out);
    out.push_str("}\n\nexport interface Blobs {\n  artifact: ArtifactBlob;\n  export: SaveExport;\n}\n");
    out
}
