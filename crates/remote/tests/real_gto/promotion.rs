//! Whole promotions of a stage with the plan and the journal that the app uses: forth, back to the version before, and
//! one that is taken back since another was faster.

use std::sync::Arc;

use signalbox_release::{
    Cancel, Candidate, Carrier, Clock, End, Goal, Maker, Plan, Registry, SystemClock, VersionState, World as Systems,
    plan,
};
use signalbox_store::Ledger;

use super::world::*;

fn planned(systems: &Systems, candidate: Candidate, id: &str) -> Plan {
    let alias = Some(prod());
    let goal = Goal { candidate, place: None, alias, alias_first: false, golden: Vec::new(), policy: None };
    let maker = Maker { id: name(id), by: "ada".into(), at_unix_ms: SystemClock.unix_ms() };
    plan(systems, &goal, &maker, &cx()).expect("a plan")
}

#[test]
fn a_stage_is_promoted_and_goes_back() {
    let world = World::new();
    let view = world.view("ada");
    let old = view.versions(1).remove(0);
    done(view.point(None, Some(&old)));
    let what = registration(commit(&view.clone, "better"));
    let View { registry, clone } = view;
    let registry: Arc<dyn Registry> = Arc::new(registry);
    let systems = Systems { registries: [(name("gto"), registry.clone())].into(), ..Systems::default() };
    let ledger = Ledger::open(&world.dir.path().join("ledger.db")).expect("a ledger");
    let carrier = Carrier {
        world: &systems,
        ledger: &ledger,
        clock: &SystemClock,
        cancel: Cancel::default(),
        by: "ada".into(),
        owner: "test".into(),
        told: &|_| (),
    };
    let new = |what| Candidate::New { registry: name("gto"), model: iris(), what };

    let forth = planned(&systems, new(what), "01PLAN");
    assert_eq!(carrier.apply(&forth).expect("carried out"), End::Committed);
    assert_eq!(gto_stage(&clone, "iris", "prod").as_deref(), Some("v0.0.2"));

    let before = registry.version(&iris(), &old, &cx()).expect("read").expect("a version");
    let back = planned(&systems, Candidate::Version(before.at), "02PLAN");
    assert_eq!(carrier.apply(&back).expect("carried out"), End::Committed);
    assert_eq!(gto_stage(&clone, "iris", "prod").as_deref(), Some("v0.0.1"));

    // Another moves the stage after the plan was made: what was registered is taken back, the stage stays theirs.
    let late = planned(&systems, new(registration(commit(&clone, "late"))), "03PLAN");
    // Of two tags of the same second nobody knows which came later.
    let begun = std::time::Instant::now();
    while SystemClock.unix_ms().div_euclid(1000) <= world.newest_unix_s() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "a tag is dated into the future");
        SystemClock.pause(std::time::Duration::from_millis(50), &Cancel::default());
    }
    gto(&clone, &["assign", "iris", "--version", "v0.0.2", "--stage", "prod", "--push", "--force"]);
    assert_eq!(carrier.apply(&late).expect("taken back"), End::TakenBack);
    assert_eq!(gto_stage(&clone, "iris", "prod").as_deref(), Some("v0.0.2"));
    let late = registry.registered_by(&iris(), &late.key(0, false), &cx()).expect("versions").remove(0);
    assert_eq!(late.state, VersionState::Withdrawn);
    assert!(world.tags().contains(&"iris@v0.0.3!#6".to_owned()), "{:?}", world.tags());
}
