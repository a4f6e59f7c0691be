//! Rules for a monitor's data: the team's, or what the reference keeps; and how the files keep them.

use super::reading::table_of;
use super::watched::Watched;
use crate::app::App;
use crate::wire::*;
use signalbox_drift::read::{Options, Problems, Table};
use signalbox_drift::rules::{Checked, Rules, Severity, check, learn};
use signalbox_release::{POLICY_FILE, Policy};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A page offers no more files than these, the newest by name.
const MAX_FILES: usize = 500;

impl App {
    pub(crate) fn data_rules(&self, args: RulesQuery) -> Result<RulesView, CallError> {
        let monitor = self.monitor(args.project, &args.name)?;
        let unreadable = |why: String| CallError::new(ErrorCode::Unreadable, why);
        let team = if args.learn { None } else { of_team(&monitor).map_err(unreadable)? };
        let mut problems = Problems::default();
        let (from, rules) = match team {
            Some(rules) => (RulesFrom::Team, rules),
            None => {
                let (rules, said) = monitor
                    .learnt(|path| {
                        let table = Table::open(path, &Options::default()).map_err(|e| e.to_string())?;
                        let mut problems = table.problems.clone();
                        Ok((of_seen(learn(&table, &mut problems), &monitor), problems))
                    })
                    .map_err(unreadable)?;
                problems.extend(said);
                (RulesFrom::Reference, rules)
            }
        };
        let (all, _) = monitor.files().map_err(unreadable)?;
        let name = |path: &Path| path.strip_prefix(&monitor.root).unwrap_or(path).display().to_string();
        let newest = &all[all.len().saturating_sub(MAX_FILES)..];
        let files: Vec<String> = newest.iter().map(|path| name(path)).collect();
        let chosen = match &args.path {
            // Only what is watched: a page is no way to any file.
            Some(path) => Some(all.iter().find(|known| name(known) == *path).ok_or_else(|| {
                CallError::new(ErrorCode::NotFound, format!("{path} is no file of this monitor."))
                    .hint("It may have been moved; choose another.")
            })?),
            None => all.last(),
        };
        let checked = chosen.map(|path| checked(&monitor, path, &rules)).transpose().map_err(unreadable)?;
        let checked =
            checked.map(|checked| Checked { path: chosen.map(|path| name(path)).unwrap_or_default(), ..checked });
        Ok(RulesView { from, rules, files, checked, problems: problems.told() })
    }
}

/// `None` where the team asks nothing.
pub(super) fn of_team(monitor: &Watched) -> Result<Option<Rules>, String> {
    if !monitor.in_policy {
        return Ok(None);
    }
    let text = Policy::text_of(&monitor.root).map_err(|e| e.to_string())?.unwrap_or_default();
    let rules = Rules::from_toml(&text, Some(&monitor.name)).map_err(|e| format!("{POLICY_FILE}: {e}"))?;
    Ok(Some(rules).filter(|rules| !rules.is_empty()))
}

/// What the reference has, and a log need not: the truth comes later, its size is another.
fn of_seen(mut rules: Rules, monitor: &Watched) -> Rules {
    let definition = &monitor.definition;
    let later = definition.label.iter().chain(&definition.ignore).chain(&definition.id).chain(&definition.time);
    for name in later {
        rules.columns.remove(name);
    }
    (rules.min_rows, rules.max_rows) = (None, None);
    rules.warnings.clear();
    rules
}

fn checked(monitor: &Watched, path: &Path, rules: &Rules) -> Result<Checked, String> {
    let table =
        table_of(&monitor.root.join(&monitor.definition.current), path, &monitor.like()).map_err(|e| e.to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    Ok(check(&table, rules, now))
}

/// What of these files does not keep the team's rules, a line each.
pub(super) fn broken(monitor: &Watched, files: &[PathBuf]) -> Result<Vec<String>, String> {
    let rules = of_team(monitor)?.ok_or("signalbox.toml asks nothing of it: it has no rules there")?;
    let mut found = Vec::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let checked = match checked(monitor, path, &rules) {
            Ok(checked) => checked,
            Err(why) => {
                found.push(format!("{name}: {why}"));
                continue;
            }
        };
        let lost = checked.problems.iter().filter(|problem| problem.lost);
        found.extend(lost.map(|problem| format!("{name}: {}", problem.message)));
        found.extend(checked.broken(Severity::Error).map(|asked| {
            let of = asked.column.as_deref().unwrap_or("the table");
            format!("{name}: {of}: {} is asked, {} found", asked.wanted, asked.found)
        }));
    }
    Ok(found)
}
