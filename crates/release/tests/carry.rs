//! Plans under faults: the answer is lost before or after the effect, the system says no, the program is killed
//! between any two lines, another moves what the plan is about. At the end it is known what is so, and it is right.

mod world;

use signalbox_release::{
    Action, Candidate, CarryError, Choice, Digest, End, FailureCode, LatencyGate, Limits, Line, Standing, StepState,
    TooFew, VersionState, all_plans,
};
use world::{Fault, Setting};

/// What must be so when a promotion of version 2 has ended well.
fn promoted(setting: &Setting) {
    assert_eq!(setting.alias(), Some("2".into()), "the alias");
    assert_eq!(setting.serving(), [("2".into(), 100)], "the old version is unloaded, the new one serves");
    let versions = setting.versions();
    assert_eq!(versions.len(), 2, "one new version, not more: {versions:?}");
    assert!(versions.iter().all(|version| version.state == VersionState::Ready));
}

/// What must be so when it was taken back: as before, but for a version that is marked as withdrawn.
fn as_before(setting: &Setting) {
    assert_eq!(setting.alias(), Some("1".into()), "the alias");
    assert_eq!(setting.serving(), [("1".into(), 100)], "the old version serves, and nothing else is loaded");
    let versions = setting.versions();
    assert!(versions.len() <= 2, "{versions:?}");
    let new: Vec<_> = versions.iter().filter(|version| version.at.version.as_str() != "1").collect();
    assert!(new.iter().all(|version| version.state == VersionState::Withdrawn), "{new:?}");
}

#[test]
fn a_promotion_goes_through() {
    let setting = Setting::new();
    let plan = setting.plan();
    assert_eq!(plan.steps.len(), 5, "register, load, route, bake, alias");
    assert_eq!(setting.apply(&plan).expect("carried out"), End::Committed);
    promoted(&setting);
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    assert!(progress.steps.iter().all(|step| *step == StepState::Seen) && progress.tidied);
    assert!(matches!(setting.apply(&plan), Err(CarryError::Ended)), "a plan is carried out once");
}

#[test]
fn the_hash_is_of_all_that_it_says() {
    let setting = Setting::new();
    let plan = setting.plan();
    let same: signalbox_release::Plan =
        serde_json::from_str(&serde_json::to_string(&plan).expect("JSON")).expect("a plan");
    assert_eq!(same.hash(), plan.hash());
    let mut other = plan.clone();
    other.steps[1].limit_secs += 1;
    assert_ne!(other.hash(), plan.hash());
}

#[test]
fn an_answer_that_is_lost_after_the_effect_changes_nothing_for_the_worse() {
    for call in ["register", "stage", "route", "point"] {
        let setting = Setting::new();
        let plan = setting.plan();
        setting.fault(call, Fault::LostAfter);
        assert_eq!(setting.apply(&plan).expect("carried out"), End::Committed, "{call}");
        promoted(&setting);
        assert_eq!(setting.n_calls(call), 1, "{call} was not made again");
    }
}

#[test]
fn a_call_that_never_arrived_or_was_refused_is_taken_back() {
    for call in ["register", "stage", "route", "point"] {
        for fault in [Fault::LostBefore, Fault::Refused] {
            let setting = Setting::new();
            let plan = setting.plan();
            setting.fault(call, fault);
            assert_eq!(setting.apply(&plan).expect("taken back"), End::TakenBack, "{call} {fault:?}");
            as_before(&setting);
        }
    }
}

#[test]
fn killed_at_any_moment_it_goes_on_or_back() {
    let moments = {
        let setting = Setting::new();
        let plan = setting.plan();
        setting.apply(&plan).expect("carried out");
        setting.n_moments()
    };
    assert!(moments > 25, "{moments}");
    for moment in 1..=moments {
        for choice in [Choice::GoOn, Choice::GoBack] {
            let setting = Setting::new();
            let plan = setting.plan();
            setting.kill_at(moment);
            setting.killed(&plan);
            let Some((_, progress)) = all_plans(&setting.ledger).expect("read").pop() else {
                panic!("the plan is kept before anything is done");
            };
            if !progress.is_open() {
                // Killed before the first line, or after the last.
                if progress.end.is_some() {
                    promoted(&setting);
                } else {
                    as_before(&setting);
                }
                continue;
            }
            if progress.is_untidy() && choice == Choice::GoBack {
                // It went through: that is taken back by a plan of its own.
                assert!(matches!(setting.carrier().resume(&plan, &choice), Err(CarryError::Ended)), "moment {moment}");
                continue;
            }
            assert!(
                !matches!(
                    setting.carrier().standing(&plan, &progress),
                    Standing::Unseen { .. } | Standing::ChangedByAnother { .. }
                ),
                "moment {moment}: nobody else has touched anything"
            );
            let end = setting.carrier().resume(&plan, &choice).expect("goes on");
            match end {
                End::Committed => promoted(&setting),
                End::TakenBack => as_before(&setting),
                End::Adopted => panic!("nobody chose that"),
            }
            assert_eq!(end == End::Committed, choice == Choice::GoOn, "moment {moment}, {choice:?}");
        }
    }
}

#[test]
fn a_version_that_serves_again_is_not_tidied_away() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.kill_at_line(|line| *line == Line::Committed);
    assert!(setting.killed(&plan));
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    assert!(progress.is_untidy() && progress.is_open());
    setting.give("1", 100);
    assert_eq!(setting.carrier().resume(&plan, &Choice::GoOn).expect("tidied"), End::Committed);
    assert_eq!(setting.serving(), [("1".into(), 100), ("2".into(), 0)]);
    assert!(matches!(setting.carrier().resume(&plan, &Choice::GoOn), Err(CarryError::Ended)));
}

#[test]
fn a_watch_that_was_cut_short_or_had_failed_is_no_pass() {
    for moment in 1..200 {
        let setting = Setting::new();
        let plan = setting.plan();
        setting.candidate_fails_requests(50, 10);
        setting.kill_at(moment);
        if !setting.killed(&plan) {
            assert!(moment > 25, "{moment}");
            return;
        }
        let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
        if progress.is_open() {
            let end = setting.carrier().resume(&plan, &Choice::GoOn).expect("goes on");
            assert_eq!(end, End::TakenBack, "moment {moment}");
        }
        as_before(&setting);
    }
    panic!("it never ended");
}

#[test]
fn one_look_that_fails_does_not_take_a_healthy_version_back() {
    for (n, wanted) in [(3, End::Committed), (1000, End::TakenBack)] {
        let setting = Setting::new();
        let plan = setting.plan();
        setting.counts_fail(n);
        assert_eq!(setting.apply(&plan).expect("ended"), wanted, "{n}");
    }
}

#[test]
fn a_version_that_is_still_being_loaded_is_nobody_elses_doing() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.kill_after("stage");
    assert!(setting.killed(&plan));
    setting.is_loading(true);
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    let standing = setting.carrier().standing(&plan, &progress);
    assert!(matches!(standing, Standing::UnderWay { .. }), "{standing:?}");
    setting.is_loading(false);
    assert_eq!(setting.carrier().resume(&plan, &Choice::GoOn).expect("goes on"), End::Committed);
    promoted(&setting);
}

#[test]
fn what_another_plan_has_brought_is_not_taken_back_with_this_one() {
    let setting = Setting::new();
    let second = setting.register_another();
    let mut goal = setting.goal();
    goal.candidate =
        Candidate::Version(setting.versions().into_iter().find(|v| v.at.version.as_str() == second).expect("there").at);
    let ada = setting.plan_of(&goal).expect("a plan");
    let mut bob = ada.clone();
    bob.id = "p2".parse().expect("an id");
    assert_eq!(setting.apply(&bob).expect("carried out"), End::Committed);
    let moved = setting.n_calls("route");
    assert_eq!(setting.apply(&ada).expect("ended"), End::TakenBack);
    assert_eq!(setting.alias(), Some(second.clone()), "it is where Bob has put it");
    assert_eq!(setting.serving(), [(second, 100)]);
    assert_eq!(setting.n_calls("route"), moved);
}

#[test]
fn traffic_that_another_has_moved_stays_and_so_does_what_serves() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.kill_after("route");
    assert!(setting.killed(&plan));
    setting.give("2", 70);
    assert_eq!(setting.carrier().resume(&plan, &Choice::GoBack).expect("goes back"), End::TakenBack);
    assert_eq!(setting.serving(), [("1".into(), 30), ("2".into(), 70)]);
    assert_eq!(setting.alias(), Some("1".into()));
    assert_eq!(
        setting.versions().iter().map(|v| v.state.clone()).collect::<Vec<_>>(),
        [VersionState::Ready, VersionState::Ready],
        "what serves is not withdrawn"
    );
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    assert_eq!(
        progress.steps.iter().filter(|state| matches!(state, StepState::Left { .. })).count(),
        3,
        "{:?}",
        progress.steps
    );
}

#[test]
fn traffic_that_another_moves_between_our_look_and_our_call_stays_there() {
    let setting = Setting::new();
    let plan = setting.plan();
    let rival = setting.rival_comes_before_the_route();
    assert_eq!(setting.apply(&plan).expect("carried"), End::TakenBack);
    assert_eq!(setting.serving(), [("1".into(), 0), (rival, 100)], "the candidate is gone, the other serves");
    assert_eq!(setting.alias(), Some("1".into()));
    assert_eq!(setting.n_calls("route"), 1, "nothing is fought over");
}

#[test]
fn a_call_that_outlives_its_caller_is_not_made_twice() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.registered_late(2_000);
    assert!(setting.killed(&plan));
    let end = setting.carrier_of("the first process", false).resume(&plan, &Choice::GoOn);
    assert_eq!(end.expect("goes on"), End::Committed);
    setting.time_passes();
    assert_eq!(setting.versions().len(), 2, "{:?}", setting.versions());
    promoted(&setting);
}

#[test]
fn a_number_that_was_given_anew_is_another_version() {
    let setting = Setting::new();
    let mut goal = setting.goal();
    let mut at = setting.versions().remove(0).at;
    at.digest = Some(Digest::of("another artifact"));
    goal.candidate = Candidate::Version(at);
    let plan = setting.plan_of(&goal).expect("it is not so already");
    assert!(plan.steps.iter().any(|step| matches!(step.action, Action::Route { .. })));
}

#[test]
fn killed_while_it_goes_back_it_goes_on_back() {
    for moment in 1..200 {
        let setting = Setting::new();
        let plan = setting.plan();
        setting.fault("point", Fault::Refused);
        setting.kill_at(moment);
        if !setting.killed(&plan) {
            as_before(&setting);
            assert!(moment > 25, "{moment}");
            return;
        }
        setting.fault("point", Fault::Refused);
        let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
        if progress.is_open() {
            let end = setting.carrier().resume(&plan, &Choice::GoOn).expect("goes on");
            assert_eq!(end, End::TakenBack, "moment {moment}");
        }
        as_before(&setting);
    }
    panic!("it never ended");
}

#[test]
fn an_alias_that_another_moved_after_the_preview_stays_where_it_was_put() {
    let setting = Setting::new();
    let third = setting.register_another();
    let plan = setting.plan();
    setting.move_alias(&third);
    assert_eq!(setting.apply(&plan).expect("taken back"), End::TakenBack);
    assert_eq!(setting.alias(), Some(third), "nothing is fought over");
    assert_eq!(setting.serving(), [("1".into(), 100)]);
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    let why = progress.back.expect("it turned back");
    assert!(why.contains("eve moved it"), "the loser is told who: {why}");
}

#[test]
fn an_alias_that_another_moved_after_us_is_left_alone() {
    let setting = Setting::new();
    let third = setting.register_another();
    let plan = setting.plan();
    // Killed after the alias was moved; before somebody goes on, another moves it.
    setting.kill_after("point");
    assert!(setting.killed(&plan));
    assert_eq!(setting.alias(), Some("3".into()), "the candidate is the third version here");
    setting.move_alias(&third);
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    let standing = setting.carrier().standing(&plan, &progress);
    assert!(matches!(standing, Standing::ChangedByAnother { step: 4, .. }), "{standing:?}");
    assert_eq!(setting.carrier().resume(&plan, &Choice::GoBack).expect("goes back"), End::TakenBack);
    assert_eq!(setting.alias(), Some(third));
    assert_eq!(setting.serving(), [("1".into(), 100)]);
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    assert!(matches!(&progress.steps[4], StepState::Left { .. }), "{:?}", progress.steps);
}

#[test]
fn a_candidate_that_answers_wrong_never_gets_traffic() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.candidate_lies();
    assert_eq!(setting.apply(&plan).expect("taken back"), End::TakenBack);
    as_before(&setting);
    assert_eq!(setting.n_calls("route"), 0);
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    assert!(progress.back.expect("why").contains("answered otherwise"));
}

#[test]
fn a_candidate_that_fails_under_load_is_taken_back() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.candidate_fails_requests(50, 10);
    assert_eq!(setting.apply(&plan).expect("taken back"), End::TakenBack);
    as_before(&setting);
    assert_eq!(setting.n_calls("route"), 2, "there and back");
}

#[test]
fn a_target_that_is_gone_on_the_way_back_is_known_and_can_be_gone_on_with() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.fault("point", Fault::Refused);
    setting.gone_after("route", true);
    let stuck = setting.apply(&plan).expect_err("it cannot be taken back now");
    assert!(matches!(stuck, CarryError::Stuck { step: 3 | 2, .. }), "{stuck}");
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    assert!(progress.is_open() && progress.back.is_some());
    setting.gone_after("route", false);
    assert_eq!(setting.carrier().resume(&plan, &Choice::GoOn).expect("goes on back"), End::TakenBack);
    as_before(&setting);
}

#[test]
fn two_do_not_carry_out_the_same_plan() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.kill_at(6);
    assert!(setting.killed(&plan));
    let other = setting.carrier_of("another process", false);
    assert!(matches!(other.resume(&plan, &Choice::GoOn), Err(CarryError::Taken(_))), "the first is not late yet");
    assert_eq!(setting.carrier().resume(&plan, &Choice::GoOn).expect("goes on"), End::Committed);
    promoted(&setting);
}

#[test]
fn a_person_may_take_things_as_they_are() {
    let setting = Setting::new();
    let plan = setting.plan();
    setting.kill_after("route");
    assert!(setting.killed(&plan));
    let choice = Choice::Adopt { reason: "the alias is moved by hand".into() };
    assert_eq!(setting.carrier().resume(&plan, &choice).expect("adopted"), End::Adopted);
    assert!(matches!(setting.carrier().resume(&plan, &Choice::GoOn), Err(CarryError::Ended)));
}

#[test]
fn what_is_so_already_needs_no_plan() {
    let setting = Setting::new();
    let mut goal = setting.goal();
    goal.candidate = Candidate::Version(setting.versions().remove(0).at);
    let nothing = setting.plan_of(&goal).expect_err("nothing is to be done");
    assert_eq!(nothing.code, FailureCode::Invalid);
}

#[test]
fn shares_of_traffic_come_one_after_the_other_and_go_back_the_same_way() {
    let setting = Setting::new();
    let mut goal = setting.goal();
    goal.place.as_mut().expect("a place").shares = vec![50, 10, 10, 0, 100];
    let plan = setting.plan_of(&goal).expect("a plan");
    assert_eq!(plan.steps.len(), 7, "10, 50, 100");
    setting.fault("point", Fault::Refused);
    assert_eq!(setting.apply(&plan).expect("taken back"), End::TakenBack);
    as_before(&setting);
    assert_eq!(
        setting.shares_given(),
        [("2".into(), 10), ("2".into(), 50), ("2".into(), 100), ("2".into(), 50), ("2".into(), 10), ("1".into(), 100)]
    );
}

#[test]
fn an_effect_that_lands_on_the_way_back_is_taken_back_too() {
    let setting = Setting::new();
    let plan = setting.plan();
    // The step is waited for 120 s; the way back begins, and then the alias moves.
    setting.alias_moves_late(122_000);
    assert_eq!(setting.apply(&plan).expect("taken back"), End::TakenBack);
    setting.time_passes();
    as_before(&setting);
}

#[test]
fn a_candidate_is_asked_as_often_as_the_policy_says_before_it_takes_traffic() {
    let gate = LatencyGate { max_p95_ms: 50.0, n_requests: 30, max_error_rate: 0.0 };
    let with = |setting: &Setting| {
        let mut goal = setting.goal();
        goal.place.as_mut().expect("a place").smoke = Some(gate.clone());
        setting.plan_of(&goal).expect("a plan")
    };
    let setting = Setting::new();
    let plan = with(&setting);
    assert!(matches!(plan.steps[2].action, Action::Smoke { .. }), "after it is loaded: {:?}", plan.steps[2].title);
    assert_eq!(setting.apply(&plan).expect("carried out"), End::Committed);
    assert!(setting.n_asked() >= 30, "{}", setting.n_asked());
    promoted(&setting);

    let setting = Setting::new();
    let plan = with(&setting);
    setting.answers_take(60.0);
    assert_eq!(setting.apply(&plan).expect("taken back"), End::TakenBack);
    as_before(&setting);
    assert_eq!(setting.shares_given(), [], "it never took traffic");
    let (_, progress) = all_plans(&setting.ledger).expect("read").remove(0);
    assert!(
        progress.back.as_deref().is_some_and(|why| why.contains("61.0 ms, and 50 ms is the limit")),
        "{progress:?}"
    );

    // Nothing to ask: no such step; that there is none is the business of who makes the plan.
    let mut goal = setting.goal();
    goal.place.as_mut().expect("a place").smoke = Some(gate.clone());
    goal.golden = Vec::new();
    let plan = setting.plan_of(&goal).expect("a plan");
    assert!(!plan.steps.iter().any(|step| matches!(step.action, Action::Smoke { .. })));
}

#[test]
fn a_watch_that_sees_too_little_is_no_pass() {
    let end = |n: u64, p95: Option<f64>, too_few: TooFew| {
        let setting = Setting::new();
        let mut goal = setting.goal();
        let limits =
            Limits { secs: 10, max_error_rate: 0.01, max_p95_ms: p95.map(|_| 100.0), min_requests: 20, too_few };
        goal.place.as_mut().expect("a place").bake = Some(limits);
        let plan = setting.plan_of(&goal).expect("a plan");
        setting.candidate_fails_requests(n, 0);
        if let Some(p95) = p95.filter(|p95| p95.is_finite()) {
            setting.counts_say_p95(p95);
        }
        let end = setting.apply(&plan).expect("ended");
        if end == End::TakenBack {
            as_before(&setting)
        } else {
            promoted(&setting)
        }
        end
    };
    assert_eq!(end(20, None, TooFew::TakeBack), End::Committed);
    assert_eq!(end(19, None, TooFew::TakeBack), End::TakenBack);
    assert_eq!(end(19, None, TooFew::GoOn), End::Committed);
    assert_eq!(end(20, Some(99.0), TooFew::TakeBack), End::Committed);
    assert_eq!(end(20, Some(101.0), TooFew::GoOn), End::TakenBack);
    // There is a limit, and nobody tells the times.
    assert_eq!(end(20, Some(f64::NAN), TooFew::TakeBack), End::TakenBack);
    assert_eq!(end(20, Some(f64::NAN), TooFew::GoOn), End::Committed);
}
