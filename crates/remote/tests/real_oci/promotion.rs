//! A whole promotion of an alias, forth and back, with the plan and the journal that the app uses.

use std::sync::Arc;

use signalbox_release::{
    Cancel, Candidate, Carrier, Choice, Clock, End, Goal, Maker, Registry, SystemClock, VersionState, World, plan,
};
use signalbox_store::Ledger;

use super::world::*;

#[test]
fn an_alias_is_promoted_and_taken_back() {
    let server = Server::open();
    let (view, model) = (view(&server.url(), "ada@laptop"), name("churn"));
    let old = versions(&view, &model, 1).remove(0);
    view.registry.point(&model, &champion(), None, Some(&old), &cx());
    let what = registration(view.artifact("better"));
    let View { registry, dir } = view;
    let registry: Arc<dyn Registry> = Arc::new(registry);
    let world = World { registries: [(name("oci"), registry.clone())].into(), ..World::default() };
    let candidate = Candidate::New { registry: name("oci"), model: model.clone(), what };
    let goal =
        Goal { candidate, place: None, alias: Some(champion()), alias_first: false, golden: Vec::new(), policy: None };
    let maker = Maker { id: name("01PLAN"), by: "ada".into(), at_unix_ms: SystemClock.unix_ms() };
    let plan = plan(&world, &goal, &maker, &cx()).expect("a plan");
    let ledger = Ledger::open(&dir.path().join("ledger.db")).expect("a ledger");
    let carrier = Carrier { world: &world, ledger: &ledger, clock: &SystemClock, cancel: Cancel::default(),
        by: "ada".into(), owner: "test".into(), told: &|_| () };
    let digest = |tag: &str| server.digest_of("team/models/churn", tag);

    let end = carrier.apply(&plan).expect("carried out");
    assert!(matches!(end, End::Committed), "{end:?}");
    let new = registry.registered_by(&model, &plan.key(0, false), &cx()).expect("versions").remove(0);
    assert_eq!(digest("champion"), digest(new.at.version.as_str()));
    assert_ne!(digest("champion"), digest(old.as_str()));

    let end = carrier.resume(&plan, &Choice::GoBack).expect("taken back");
    assert!(matches!(end, End::TakenBack), "{end:?}");
    assert_eq!(digest("champion"), digest(old.as_str()));
    let new = registry.version(&model, &new.at.version, &cx()).expect("read").expect("it stays");
    assert_eq!(new.state, VersionState::Withdrawn);
}
