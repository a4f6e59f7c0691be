//! When a person is told of drift, once, and not at night.

use super::watched::Watched;
use crate::app::{App, lock, now};
use crate::wire::*;
use serde::{Deserialize, Serialize};
use signalbox_drift::monitor::Timeline;
use signalbox_drift::verdict::Verdict;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;

/// What a person has said of an alert; kept among the preferences.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    /// These are known to have moved.
    #[serde(default)]
    known: BTreeSet<String>,
    /// Unix seconds.
    #[serde(default)]
    until: Option<f64>,
    /// What was last told, so that a restart tells nothing again.
    #[serde(default)]
    told: BTreeSet<String>,
}

/// Hours of a person's day in which nothing is told; preference `data.quiet`.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Quiet {
    from: u32,
    till: u32,
    /// Of the person's clock, east of UTC.
    #[serde(default)]
    offset_minutes: i64,
}

impl Quiet {
    fn holds(&self, unix_secs: f64) -> bool {
        let minutes = (unix_secs / 60.0).floor() as i64 + self.offset_minutes;
        let hour = minutes.div_euclid(60).rem_euclid(24) as u32;
        if self.from == self.till {
            true
        } else if self.from < self.till {
            (self.from..self.till).contains(&hour)
        } else {
            hour >= self.from || hour < self.till
        }
    }
}

/// What has moved, and where: in all, or in a segment.
#[derive(Clone)]
pub(super) struct Moved {
    since: i64,
    /// "color_intensity", "color_intensity in asti".
    columns: BTreeSet<String>,
}

impl Moved {
    pub fn is_any(&self) -> bool {
        !self.columns.is_empty()
    }
}

/// What has moved at the end of the time, and since when without a break; `None` where nothing could be judged. Each column
/// by its own buckets: those in which it has too few values break nothing, and say nothing of another column.
pub(super) fn of_timeline(timeline: &Timeline, segment: Option<&str>) -> Option<Moved> {
    let mut moved: Option<Moved> = None;
    for line in &timeline.columns {
        let verdicts = line.points.iter().map(|point| point.as_ref().map(|point| point.verdict));
        let judged: Vec<(usize, Verdict)> =
            verdicts.enumerate().filter_map(|(at, verdict)| Some((at, verdict.filter(|v| is_judged(*v))?))).collect();
        if judged.is_empty() {
            continue;
        }
        let moved = moved.get_or_insert_with(|| Moved { since: i64::MAX, columns: BTreeSet::new() });
        let run = judged.iter().rev().take_while(|(_, verdict)| verdict.is_drift());
        if let Some((first, _)) = run.last() {
            moved.since = moved.since.min(timeline.buckets[*first].from);
            moved.columns.insert(match segment {
                Some(segment) => format!("{} in {segment}", line.name),
                None => line.name.clone(),
            });
        }
    }
    moved
}

fn is_judged(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::NotJudged | Verdict::TooFewRows | Verdict::New)
}

/// What was said of a monitor's alerts is kept by this name.
pub(super) fn said_pref(root: &Path, name: &str) -> String {
    format!("data.alert.{}\n{name}", root.display())
}

fn pref_of(watched: &Watched) -> String {
    said_pref(&watched.root, &watched.name)
}

impl App {
    /// From here on drift is told to nobody, and what another process has said or not stays as it is: for commands that
    /// print it themselves.
    pub fn be_silent(&self) {
        self.0.data.is_silent.store(true, Ordering::Relaxed);
    }

    fn is_silent(&self) -> bool {
        self.0.data.is_silent.load(Ordering::Relaxed)
    }

    fn said_of(&self, watched: &Watched) -> Said {
        let kept = self.write(|store| store.pref(&pref_of(watched))).ok().flatten();
        kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    fn keep_said(&self, watched: &Watched, said: &Said) -> Result<(), CallError> {
        let text = serde_json::to_string(said).map_err(|e| CallError::new(ErrorCode::Internal, e.to_string()))?;
        self.write(|store| store.set_pref(&pref_of(watched), &text))
    }

    /// The alert as it stands, told to a person if that has not been done.
    pub(super) fn alert(&self, watched: &Watched, moved: Vec<Moved>) -> Option<DataAlert> {
        let mut said = self.said_of(watched);
        let mut columns: BTreeSet<String> = moved.iter().flat_map(|moved| moved.columns.iter().cloned()).collect();
        // What has moved in all has not to be told of a segment.
        let all = columns.clone();
        columns.retain(|name| name.split_once(" in ").is_none_or(|(column, _)| !all.contains(column)));
        let Some(since) = moved.iter().map(|moved| moved.since).min() else {
            if said != Said::default() && !self.is_silent() {
                // It is over: the next is told again.
                let _ = self.keep_said(watched, &Said::default());
            }
            return None;
        };
        let acknowledged = columns.is_subset(&said.known);
        let at = now();
        let snoozed_until = said.until.filter(|until| *until > at);
        let shown: Vec<&str> = columns.iter().take(3).map(String::as_str).collect();
        let more = columns.len() - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let says = format!("{}{more} moved away from {}.", shown.join(", "), watched.definition.reference);
        let is_quiet = self
            .write(|store| store.pref("data.quiet"))
            .ok()
            .flatten()
            .and_then(|text| serde_json::from_str::<Quiet>(&text).ok())
            .is_some_and(|quiet| quiet.holds(at));
        let is_new = !acknowledged && snoozed_until.is_none() && !columns.is_subset(&said.told);
        // Told is what somebody could hear.
        let is_heard = self.0.options.desktop.is_some() || self.0.events.are_heard();
        if is_new && !is_quiet && is_heard && !self.is_silent() {
            said.told = columns.clone();
            if self.keep_said(watched, &said).is_ok() {
                let hint = format!("Data → {} shows when, where and how far.", watched.name);
                self.tell_alert(watched, format!("{}: {says}", watched.name), hint);
            }
        }
        Some(DataAlert { since, columns: columns.into_iter().collect(), says, acknowledged, snoozed_until })
    }

    /// To the page, and to the desktop.
    fn tell_alert(&self, watched: &Watched, message: String, hint: String) {
        if let Some(desktop) = &self.0.options.desktop {
            desktop.notify(&message, &hint);
        }
        self.0.events.plain(Event::Alert { project: watched.project, name: watched.name.clone(), message, hint });
    }

    pub(crate) fn ack_alert(&self, args: AckAlert) -> Result<(), CallError> {
        let watched = self.monitor(args.project, &args.name)?;
        {
            let _one = lock(&watched.saying);
            let mut said = self.said_of(&watched);
            match args.until {
                Some(until) => said.until = Some(until),
                None => {
                    said.known = watched.alert().map(|alert| alert.columns.into_iter().collect()).unwrap_or_default();
                }
            }
            self.keep_said(&watched, &said)?;
        }
        watched.look_at_alert(self);
        self.0.events.plain(Event::Data { project: args.project, name: args.name });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_quiet_over_midnight_too() {
        let night = Quiet { from: 22, till: 7, offset_minutes: 60 };
        let at = |hour: f64| hour * 3600.0;
        assert!(night.holds(at(21.5)) && night.holds(at(2.0)) && night.holds(at(5.9)));
        assert!(!night.holds(at(6.0)) && !night.holds(at(20.9)));
        let noon = Quiet { from: 12, till: 13, offset_minutes: 0 };
        assert!(noon.holds(at(12.5)) && !noon.holds(at(13.0)));
    }
}
