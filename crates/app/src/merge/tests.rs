use super::*;
use crate::catalogue::{Catalogue, Origin};
use signalbox_store::RunRow;
use signalbox_types::{Lifecycle, SourceId, Status};

/// A record: its format and path, when it was begun, its metrics as (name's number, points, last).
pub(crate) struct Told(pub Format, pub &'static str, pub Option<f64>, pub &'static [(u32, u64, f64)]);

fn metric(&(id, n, last): &(u32, u64, f64)) -> MetricSummary {
    MetricSummary {
        metric: MetricId(id),
        n,
        first_step: 0,
        last_step: n as i64 - 1,
        last,
        last_time: f64::NAN,
        first_time: f64::NAN,
        min: last - 0.25,
        max: last + 0.5,
        min_step: 0,
        max_step: 0,
        n_nan: 0,
        n_pos_inf: 0,
        n_neg_inf: 0,
        n_rewinds: 0,
        line_empty: false,
    }
}

const NAMES: [&str; 4] = ["loss", "train/loss", "acc", "val_loss"];

pub(crate) fn catalogue(told: &[Told]) -> Catalogue {
    let mut catalogue = Catalogue::new("project".into());
    catalogue.set_metric_names((0..).zip(NAMES).map(|(id, name)| (MetricId(id), name.to_owned())).collect());
    let source = |at: usize| SourceId(at as u32 + 1);
    let origin = |told: &Told| Origin { format: told.0, path: told.1.into(), rel: told.1.into(), gone: false };
    catalogue.set_origins(told.iter().enumerate().map(|(at, told)| (source(at), origin(told))).collect());
    let row = |(at, told): (usize, &Told)| RunRow {
        id: RunId(at as u32 + 1),
        source: source(at),
        key: String::new(),
        name: None,
        status: Status::Unknown,
        started: told.2,
        ended: None,
        parent_key: None,
        experiment: None,
        user: None,
        lifecycle: Lifecycle::Active,
        artifact_root: None,
        pid: None,
        first_seen: 0.0,
        last_change: 0.0,
        first_time: None,
        gone: false,
        params: Vec::new(),
        tags: Vec::new(),
        annotation: None,
        metrics: told.3.iter().map(metric).collect(),
    };
    catalogue.upsert(told.iter().enumerate().map(row).collect());
    catalogue
}

/// The ids of the records of each run.
fn runs(catalogue: &Catalogue) -> Vec<Vec<u32>> {
    catalogue.runs.iter().map(|run| run.records().iter().map(|id| id.0).collect()).collect()
}

fn check(told: &[Told], expected: &[&[u32]]) {
    let mut catalogue = catalogue(told);
    assert_eq!(catalogue.regroup(), expected.iter().any(|ids| ids.len() > 1));
    assert_eq!(runs(&catalogue), expected);
    assert!(!catalogue.regroup(), "nothing is new");
}

const CURVE: &[(u32, u64, f64)] = &[(0, 100, 0.125), (2, 100, 0.75)];
/// The same under TensorBoard's name, as 32 bits have it.
const ROUNDED: &[(u32, u64, f64)] = &[(1, 100, 0.125)];

#[test]
fn the_same_series_of_two_tools_is_one_training() {
    use Format::{Csv, MlflowFile, Tensorboard, Wandb};
    check(
        &[Told(Tensorboard, "runs/a", Some(10.0), ROUNDED), Told(Wandb, "wandb/run-1", Some(3.0), CURVE)],
        &[&[2, 1]],
    );
    let three = [
        Told(MlflowFile, "mlruns/0/a", Some(0.0), CURVE),
        Told(Tensorboard, "runs/a", Some(10.0), ROUNDED),
        Told(Wandb, "wandb/run-1", Some(3.0), CURVE),
    ];
    check(&three, &[&[1, 3, 2]]);
    // Begun an hour apart: a repetition with the same seed.
    check(&[Told(Tensorboard, "a", Some(0.0), ROUNDED), Told(Wandb, "b", Some(3600.0), CURVE)], &[&[1], &[2]]);
    // Nobody knows when: the folder tells.
    check(&[Told(Csv, "a/log.csv", None, CURVE), Told(Tensorboard, "a/tb", Some(0.0), ROUNDED)], &[&[2, 1]]);
    check(&[Told(Csv, "a/log.csv", None, CURVE), Told(Tensorboard, "b", Some(0.0), ROUNDED)], &[&[1], &[2]]);
    check(&[Told(Csv, "log.csv", None, CURVE), Told(Tensorboard, "b", Some(0.0), ROUNDED)], &[&[1], &[2]]);
    // One tool's own records are what it says that they are.
    check(&[Told(Wandb, "a", Some(0.0), CURVE), Told(Wandb, "b", Some(0.0), CURVE)], &[&[1], &[2]]);
    // Too few points, another end, a name that does not fit.
    check(
        &[Told(Wandb, "a", Some(0.0), &[(0, 2, 0.5)]), Told(Csv, "a/b.csv", Some(0.0), &[(0, 2, 0.5)])],
        &[&[1], &[2]],
    );
    check(
        &[Told(Wandb, "a", Some(0.0), &[(0, 9, 0.5)]), Told(Csv, "a/b.csv", Some(0.0), &[(0, 9, 0.6)])],
        &[&[1], &[2]],
    );
    check(
        &[Told(Wandb, "a", Some(0.0), &[(0, 9, 0.5)]), Told(Csv, "a/b.csv", Some(0.0), &[(2, 9, 0.5)])],
        &[&[1], &[2]],
    );
}

#[test]
fn of_two_that_would_fit_the_nearer_is_taken_and_none_where_that_is_not_known() {
    use Format::{Csv, Tensorboard, Wandb};
    let near = [
        Told(Wandb, "w1", Some(0.0), CURVE),
        Told(Tensorboard, "t1", Some(1.0), ROUNDED),
        Told(Tensorboard, "t2", Some(60.0), ROUNDED),
    ];
    check(&near, &[&[1, 2], &[3]]);
    let both = [
        Told(Wandb, "w1", Some(0.0), CURVE),
        Told(Wandb, "w2", Some(60.0), CURVE),
        Told(Tensorboard, "t1", Some(1.0), ROUNDED),
        Told(Tensorboard, "t2", Some(61.0), ROUNDED),
    ];
    check(&both, &[&[1, 3], &[2, 4]]);
    let unknown = [
        Told(Csv, "a/1.csv", None, CURVE),
        Told(Csv, "a/2.csv", None, CURVE),
        Told(Tensorboard, "a", Some(1.0), ROUNDED),
    ];
    check(&unknown, &[&[1], &[2], &[3]]);
}

#[test]
fn a_container_is_one_with_the_only_training_in_it() {
    use Format::{Csv, Guild, Jsonl, Tensorboard};
    const NONE: &[(u32, u64, f64)] = &[];
    check(&[Told(Guild, "g/1", Some(5.0), NONE), Told(Tensorboard, "g/1/.guild", Some(9.0), ROUNDED)], &[&[2, 1]]);
    let two = [
        Told(Guild, "g/1", None, NONE),
        Told(Tensorboard, "g/1/a", Some(9.0), ROUNDED),
        Told(Tensorboard, "g/1/b", Some(9.0), &[(1, 50, 0.5)]),
        Told(Jsonl, "g/10/log.jsonl", None, ROUNDED),
    ];
    check(&two, &[&[1], &[2], &[3], &[4]]);
    // Nobody named it: the folder says more than a file in it, though a reader may call that by its path.
    let named = [Told(Guild, "g/1", None, NONE), Told(Jsonl, "g/1/metrics.jsonl", None, CURVE)];
    let mut named = catalogue(&named);
    let mut file = named.record(RunId(2)).expect("the file").row.clone();
    file.name = Some("g/1/metrics.jsonl".into());
    named.upsert(vec![file.clone()]);
    assert!(named.regroup());
    assert_eq!(named.runs[0].name, "g/1");
    // A tool's general name for its folder says nothing beside the folder's.
    let beside = [Told(Csv, "a/b/history.csv", None, CURVE), Told(Tensorboard, "a/b/tb", Some(0.0), ROUNDED)];
    let mut beside = catalogue(&beside);
    assert!(beside.regroup());
    assert_eq!((beside.runs.len(), beside.runs[0].name.as_str()), (1, "a/b"));
    file.name = Some("a person's".into());
    named.upsert(vec![file]);
    named.regroup();
    assert_eq!(named.runs[0].name, "a person's");
    // Two records of one training are one training.
    let one = [
        Told(Guild, "g/1", None, NONE),
        Told(Tensorboard, "g/1/a", Some(9.0), ROUNDED),
        Told(Jsonl, "g/1/a/log.jsonl", None, CURVE),
    ];
    check(&one, &[&[2, 3, 1]]);
}

#[test]
fn a_persons_word_goes_before_what_it_looks_like() {
    use Format::{Tensorboard, Wandb};
    let told = [
        Told(Tensorboard, "runs/a", Some(10.0), ROUNDED),
        Told(Wandb, "w", Some(3.0), CURVE),
        Told(Wandb, "v", None, &[]),
    ];
    let mut catalogue = catalogue(&told);
    assert!(catalogue.regroup());
    let key = |catalogue: &Catalogue, id: u32| own_key(catalogue.record(RunId(id)).expect("a record"));
    let (tb, far) = (key(&catalogue, 1), key(&catalogue, 3));
    catalogue.set_by_hand(ByHand { joined: Vec::new(), split: BTreeSet::from([tb.clone()]) });
    assert!(catalogue.regroup());
    assert_eq!(runs(&catalogue), [[1], [2], [3]]);
    catalogue.set_by_hand(ByHand { joined: vec![vec![tb, far, "gone".into()]], split: BTreeSet::new() });
    assert!(catalogue.regroup());
    assert_eq!(runs(&catalogue), [[2, 3, 1]]);
    catalogue.remove(&[RunId(3)]);
    catalogue.regroup();
    assert_eq!(runs(&catalogue), [[2, 1]]);
    catalogue.remove(&[RunId(2)]);
    catalogue.regroup();
    assert_eq!(runs(&catalogue), [[1]]);
}

#[test]
fn the_whole_has_what_its_records_have_and_tells_where_they_differ() {
    use Format::{Tensorboard, Wandb};
    let told = [
        Told(Tensorboard, "runs/a", Some(10.0), &[(1, 100, 0.125), (3, 100, 0.5)]),
        Told(Wandb, "w", Some(3.0), &[(0, 100, 0.125), (2, 100, 0.75), (3, 100, 0.625)]),
    ];
    let mut catalogue = catalogue(&told);
    catalogue.regroup();
    let run = catalogue.get(RunId(1)).expect("by the id of either");
    assert_eq!((run.row.id, run.row.metrics.len(), run.started()), (RunId(2), 4, Some(3.0)));
    assert_eq!((run.home(MetricId(1)), run.home(MetricId(0)), run.home(MetricId(3))), (RunId(1), RunId(2), RunId(2)));
    let differs = &run.whole.as_ref().expect("a whole").differs;
    assert_eq!((differs.len(), differs[0].of, &differs[0].what), (1, RunId(1), &Differs::Metric(MetricId(3))));
    // News of a record is news of the whole.
    let mut row = catalogue.record(RunId(1)).expect("a record").row.clone();
    row.status = Status::Failed;
    row.metrics.iter_mut().for_each(|metric| metric.last = 0.625);
    catalogue.upsert(vec![row]);
    let run = catalogue.get(RunId(2)).expect("the run");
    assert_eq!((run.row.status, run.metric(MetricId(1)).map(|m| m.last)), (Status::Failed, Some(0.625)));
}
