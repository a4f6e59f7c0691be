//! A whole promotion, and one that is taken back, carried out against each server.

use std::sync::Arc;
use std::time::Instant;

use signalbox_release::*;
use signalbox_store::Ledger;
use signalbox_testkit::proxy::FaultProxy;

use super::world::*;

#[test]
fn a_promotion_is_committed_and_a_wrong_one_is_taken_back() {
    for kind in BOTH {
        let server = Server::start(kind);
        let proxy = FaultProxy::before(server.at);
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Arc::new(Ledger::open(&dir.path().join("ledger.db")).expect("a ledger"));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = Embedded::new(name("own"), ledger.clone(), dir.path().join("artifacts"), "ada".into(), clock);
        let mut world = World::default();
        world.registries.insert(name("own"), Arc::new(registry));
        world.targets.insert(name("serving"), Arc::new(server.through(&proxy.url())));
        let target = world.targets[&name("serving")].clone();

        let promote = |model: &str, id: &str| {
            let path = models().path(model);
            let digest = Some(digest_of(&path).expect("an artifact").digest);
            let what = Registration { path: Some(path), source: None, run: None, digest, tags: Vec::new() };
            let goal = Goal {
                candidate: Candidate::New { registry: name("own"), model: name("iris"), what },
                place: Some(Place {
                    target: name("serving"),
                    service: iris(),
                    shares: vec![50],
                    smoke: None,
                    bake: None,
                    keep_old: false,
                }),
                alias: Some(name("champion")),
                alias_first: false,
                golden: vec![models().golden.clone()],
                policy: None,
            };
            let maker = Maker { id: name(id), by: "ada".into(), at_unix_ms: SystemClock.unix_ms() };
            let (since, before) = (Instant::now(), proxy.count("HTTP"));
            let plan = plan(&world, &goal, &maker, &cx()).expect("a plan");
            let told = |line: &Line| {
                if let Line::Seen { step, back, .. } = line {
                    let (time, n) = (since.elapsed().as_secs_f64(), proxy.count("HTTP") - before);
                    println!("{kind:?} {model}: step {step} (back: {back}) seen after {time:.1} s and {n} calls");
                }
            };
            let carrier = Carrier {
                world: &world,
                ledger: &ledger,
                clock: &SystemClock,
                cancel: Cancel::default(),
                by: "ada".into(),
                owner: "test".into(),
                told: &told,
            };
            carrier.apply(&plan).expect("carried out")
        };
        let serving = || {
            let seen = target.observe(&iris(), &cx()).expect("seen");
            seen.loaded
                .iter()
                .map(|one| (one.version.as_ref().expect("ours").version.to_string(), one.share))
                .collect::<Vec<_>>()
        };
        assert_eq!(promote("right", "A1"), End::Committed, "{kind:?}");
        assert_eq!(serving(), [("1".to_owned(), 100)], "{kind:?}");
        assert_eq!(promote("wrong", "A2"), End::TakenBack, "{kind:?}");
        assert_eq!(serving(), [("1".to_owned(), 100)], "{kind:?}");
        assert_eq!(promote("broken", "A3"), End::TakenBack, "{kind:?}");
        assert_eq!(serving(), [("1".to_owned(), 100)], "{kind:?}");
        assert_eq!(promote("right", "A4"), End::Committed, "{kind:?}");
        assert_eq!(serving(), [("4".to_owned(), 100)], "{kind:?}");
    }
}
