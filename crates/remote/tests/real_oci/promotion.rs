//! Whole promotions of an alias with the plan and the journal that the app uses: forth, back to the version before, and
//! one that is taken back since another was faster.

use std::sync::Arc;

use signalbox_release::{
    Cancel, Candidate, Carrier, Clock, End, Goal, Maker, Plan, Registry, SystemClock, VersionState, World, plan,
};
use signalbox_store::Ledger;

use super::world::*;

fn planned(world: &World, candidate: Candidate, id: &str) -> Plan {
    let alias = Some(champion());
    let goal = Goal { candidate, place: None, alias, alias_first: false, golden: Vec::new(), policy: None };
    let maker = Maker { id: name(id), by: "ada".into(), at_unix_ms: SystemClock.unix_ms() };
    plan(world, &goal, &maker, &cx()).expect("a plan")
}

#[test]
fn an_alias_is_promoted_and_goes_back() {
    let server = Server::open();
    let (view, model) = (view(&server.url(), "ada@laptop"), name("churn"));
    let old = versions(&view, &model, 1).remove(0);
    view.registry.point(&model, &champion(), None, Some(&old), &cx());
    let what = registration(view.artifact("better"));
    let View { registry, dir } = view;
    let registry: Arc<dyn Registry> = Arc::new(registry);
    let world = World { registries: [(name("oci"), registry.clone())].into(), ..World::default() };
    let ledger = Ledger::open(&dir.path().join("ledger.db")).expect("a ledger");
    let carrier = Carrier {
        world: &world,
        ledger: &ledger,
        clock: &SystemClock,
        cancel: Cancel::default(),
        by: "ada".into(),
        owner: "test".into(),
        told: &|_| (),
    };
    let digest = |tag: &str| server.digest_of("team/models/churn", tag);
    let new = Candidate::New { registry: name("oci"), model: model.clone(), what };

    let forth = planned(&world, new.clone(), "01PLAN");
    assert_eq!(carrier.apply(&forth).expect("carried out"), End::Committed);
    let made = registry.registered_by(&model, &forth.key(0, false), &cx()).expect("versions").remove(0);
    assert_eq!(digest("champion"), digest(made.at.version.as_str()));
    assert_ne!(digest("champion"), digest(old.as_str()));

    let before = registry.version(&model, &old, &cx()).expect("read").expect("a version");
    let back = planned(&world, Candidate::Version(before.at), "02PLAN");
    assert_eq!(carrier.apply(&back).expect("carried out"), End::Committed);
    assert_eq!(digest("champion"), digest(old.as_str()));

    // Another moves the alias after the plan was made: what was registered is withdrawn, the alias stays theirs.
    let late = planned(&world, new, "03PLAN");
    let bob = super::world::view(&server.url(), "bob@desk");
    bob.registry.point(&model, &champion(), Some(&old), Some(&made.at.version), &cx());
    assert_eq!(carrier.apply(&late).expect("taken back"), End::TakenBack);
    assert_eq!(digest("champion"), digest(made.at.version.as_str()));
    let late = registry.registered_by(&model, &late.key(0, false), &cx()).expect("versions").remove(0);
    assert_eq!(late.state, VersionState::Withdrawn);
}
