//! Clients who do not stop asking, over a promotion and the way back: none of them may notice.

mod bench;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::*;
use serde_json::json;
use signalbox_keeper::LocalTarget;
use signalbox_release::*;
use signalbox_store::Ledger;

/// Threads that ask all the time, half of them over one connection each.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<[AtomicU64; 3]>,
    threads: Vec<thread::JoinHandle<Vec<String>>>,
}

impl Load {
    fn on(port: u16) -> Load {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(<[AtomicU64; 3]>::default()));
        let ask = |keeps: bool| {
            let (stop, answered) = (stop.clone(), answered.clone());
            move || {
                let mut client = if keeps { Client::new(port) } else { Client::closing(port) };
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match client.try_post(&[], b"{}") {
                        Ok(reply) if reply.status == 200 => {
                            let says = reply.says().and_then(|says| usize::try_from(says).ok());
                            answered[says.unwrap_or(0)].fetch_add(1, Ordering::Relaxed);
                        }
                        other => failures.push(format!("{other:?}")),
                    }
                }
                failures
            }
        };
        let threads = (0..6).map(|i| thread::spawn(ask(i % 2 == 0))).collect();
        Load { stop, answered, threads }
    }

    fn n(&self) -> u64 {
        self.answered.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    /// Goes on until `more` requests were answered.
    fn for_requests(&self, more: u64) {
        let (late, until) = (Instant::now() + Duration::from_secs(60), self.n() + more);
        while self.n() < until {
            assert!(Instant::now() < late, "{} answered", self.n());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// How many each version answered, and what failed.
    fn end(self) -> ([u64; 3], Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.threads.into_iter().flat_map(|thread| thread.join().expect("asked")).collect();
        ([0, 1, 2].map(|i| self.answered[i].load(Ordering::Relaxed)), failures)
    }
}

#[test]
fn no_request_is_lost_over_a_promotion_and_the_way_back() {
    let bench = Bench::new();
    let one = bench.serve("1", "");
    let load = Load::on(bench.seen().port);
    let two = bench.version("2", "");
    for _ in 0..2 {
        done(bench.stage(&two));
        for share in [10, 50, 100, 50, 100] {
            load.for_requests(150);
            done(bench.route(&two, share));
        }
        load.for_requests(300);
        done(bench.unstage(&one));
        load.for_requests(200);
        done(bench.stage(&one));
        done(bench.route(&one, 100));
        load.for_requests(200);
        done(bench.unstage(&two));
    }
    let ([odd, by_one, by_two], failures) = load.end();
    println!("{by_one} answered by 1, {by_two} by 2, {odd} otherwise, {} failed", failures.len());
    assert_eq!((odd, &failures[..]), (0, &[][..]));
    assert!(by_one > 500 && by_two > 500 && by_one + by_two >= 2000, "{by_one} {by_two}");
}

#[test]
fn a_plan_is_carried_out_and_another_takes_it_back() {
    let bench = Bench::new();
    let ledger = Arc::new(Ledger::open(&bench.dir.path().join("ledger.sqlite")).expect("opens"));
    let artifacts = bench.dir.path().join("artifacts");
    let own = Embedded::new(name("own"), ledger.clone(), artifacts, "ada".into(), Arc::new(SystemClock));
    let mut world = World::default();
    world.registries.insert(name("own"), Arc::new(own));
    let target = LocalTarget::new(name("local"), bench.folder(), KEEP.into(), fake(), None);
    world.targets.insert(name("local"), Arc::new(target));
    let apply = |id: &str, candidate: Candidate, says: i64, shares: &[u8], bake: bool| {
        let goal = Goal {
            candidate,
            place: Some(Place {
                target: name("local"),
                service: churn(),
                shares: shares.to_vec(),
                smoke: None,
                bake: bake.then_some(Limits {
                    secs: 1,
                    max_error_rate: 0.0,
                    max_p95_ms: None,
                    min_requests: 20,
                    too_few: TooFew::GoOn,
                }),
                keep_old: true,
            }),
            alias: Some(name("production")),
            alias_first: false,
            golden: vec![Golden { request: json!({}), answer: json!({ "predictions": [says] }), tolerance: 0.0 }],
            policy: None,
        };
        let maker = Maker { id: name(id), by: "ada".into(), at_unix_ms: 0 };
        let mut made = plan(&world, &goal, &maker, &cx(30)).expect("a plan");
        // What is answered wrongly is looked at until the step's time is over.
        made.steps.iter_mut().for_each(|step| step.limit_secs = 6);
        let carrier = Carrier {
            world: &world,
            ledger: &ledger,
            clock: &SystemClock,
            cancel: Cancel::default(),
            by: "ada".into(),
            owner: "test".into(),
            told: &|_| (),
        };
        (carrier.apply(&made).expect("carried"), made)
    };
    let new = |folder: &str, says: i64| {
        let path = bench.artifact(folder, says, "");
        let digest = Some(digest_of(&path).expect("read").digest);
        let what = Registration { path: Some(path), source: None, run: None, digest, tags: Vec::new() };
        Candidate::New { registry: name("own"), model: name("churn"), what }
    };
    let serves = |wanted: &[(&str, u8)]| {
        let wanted: Vec<(String, u8)> = wanted.iter().map(|(version, share)| ((*version).to_owned(), *share)).collect();
        assert_eq!(shares(&bench.observe()), wanted);
    };
    assert_eq!(apply("p1", new("a", 1), 1, &[], false).0, End::Committed);
    serves(&[("1", 100)]);

    let load = Load::on(bench.seen().port);
    assert_eq!(apply("p2", new("b", 2), 2, &[10, 50], true).0, End::Committed);
    serves(&[("1", 0), ("2", 100)]);
    // A candidate that answers otherwise than its golden request says is taken back.
    assert_eq!(apply("p3", new("c", 2), 1, &[10], false).0, End::TakenBack);
    serves(&[("1", 0), ("2", 100)]);
    // Back to version 1, which is loaded still: no load, traffic only.
    let versions = world.registry(&name("own")).expect("there").versions(&name("churn"), &cx(5)).expect("read");
    let one = versions.into_iter().find(|version| version.at.version.as_str() == "1").expect("registered").at;
    let (end, back) = apply("p4", Candidate::Version(one.clone()), 1, &[], false);
    assert_eq!(end, End::Committed);
    assert!(!back.steps.iter().any(|step| matches!(step.action, Action::Stage { .. })), "{back:?}");
    serves(&[("1", 100), ("2", 0)]);
    load.for_requests(50);
    let (_, failures) = load.end();
    assert_eq!(failures, [] as [String; 0]);
    let pointer = world.registry(&name("own")).expect("there").pointer(&name("churn"), &name("production"), &cx(5));
    assert_eq!(pointer.expect("read").to, Some(one.version));
}
