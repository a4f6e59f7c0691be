//! Data files of the open projects: looked at, compared, and watched by monitors.
//!
//! A monitor is a definition: in the project's `signalbox.toml` under `[data.NAME]`, where the team keeps it and gates may
//! name it, or saved here alone. Each has a thread that freezes the reference, counts each file once and waits for more
//! (`watched`). What a person sees is summed from counts when it is asked for.

mod alert;
mod export;
mod files;
mod gate;
mod importance;
mod linked;
mod reading;
mod rules;
mod suggest;
mod table;
mod watched;
mod work;

pub(crate) use export::bytes as drift_chart;
pub(crate) use gate::drift_gate;
pub(crate) use table::TableAt;

use crate::app::{App, lock};
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_drift::method;
use signalbox_drift::monitor::{Definition, Window};
use signalbox_drift::pair::{Report, Wanted, compare_tables};
use signalbox_drift::profile::{Looked, Profile, profile};
use signalbox_drift::read::{Options, ReadError, Table};
use signalbox_drift::rules::RULES_KEYS;
use signalbox_release::{POLICY_FILE, Policy};
use signalbox_store::{CellStore, Forgetting};
use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use watched::Watched;

/// The monitors at work, by project and name.
#[derive(Default)]
pub(crate) struct Data {
    watched: Mutex<BTreeMap<(u32, String), Arc<Watched>>>,
    cells: OnceLock<Option<Arc<CellStore>>>,
    found: Mutex<BTreeMap<u32, files::Found>>,
    works: work::Works,
    /// By project: what signalbox.toml was when its monitors were last looked at.
    definitions: Mutex<BTreeMap<u32, String>>,
    is_silent: AtomicBool,
}

impl Data {
    pub fn stop(&self) {
        std::mem::take(&mut *lock(&self.watched)).into_values().for_each(|watched| watched.stop());
    }
}

/// A definition, and whether the team's file has it.
struct Defined {
    definition: Definition,
    in_policy: bool,
    /// The file is wrong.
    trouble: Option<String>,
}

fn pref_of(root: &Path) -> String {
    format!("data.monitors.{}", root.display())
}

impl App {
    /// What was counted before; `None` where it cannot be kept.
    pub(crate) fn cell_store(&self) -> Option<Arc<CellStore>> {
        let open = || CellStore::open(&self.0.options.data_dir.join("cells.db")).ok().map(Arc::new);
        self.0.data.cells.get_or_init(open).clone()
    }

    pub(crate) fn saved_monitors(&self, root: &Path) -> Result<BTreeMap<String, Definition>, CallError> {
        let text = self.write(|store| store.pref(&pref_of(root)))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    fn defined(&self, project: &OpenProject) -> Result<BTreeMap<String, Defined>, CallError> {
        let saved = self.saved_monitors(&project.root)?.into_iter();
        let mut found: BTreeMap<String, Defined> =
            saved.map(|(name, definition)| (name, Defined { definition, in_policy: false, trouble: None })).collect();
        let policy = match Policy::of(&project.root) {
            Ok(policy) => policy,
            Err(_) => {
                // Half written, or wrong: that is told where the policy is. What is at work goes on as it was.
                let at_work = lock(&self.0.data.watched);
                for ((_, name), at_work) in at_work.iter().filter(|((id, _), one)| *id == project.id.0 && one.in_policy)
                {
                    let definition = at_work.definition.clone();
                    found.insert(name.clone(), Defined { definition, in_policy: true, trouble: None });
                }
                return Ok(found);
            }
        };
        let tables = policy.map(|(policy, _)| policy.data).unwrap_or_default();
        for (name, value) in tables.into_iter().filter(|(_, value)| !is_rules_alone(value)) {
            let (definition, trouble) = match definition_of(value) {
                Ok(definition) => {
                    let trouble = table::fault_of(&definition).or_else(|| is_within(&definition).err());
                    (definition, trouble)
                }
                Err(why) => (Definition::default(), Some(why)),
            };
            found.insert(name, Defined { definition, in_policy: true, trouble });
        }
        Ok(found)
    }

    /// Starts what is defined and not at work, and stops what is not defined any more.
    pub(crate) fn sync_monitors(&self, project: &Arc<OpenProject>) -> Result<(), CallError> {
        let defined = self.defined(project)?;
        let mut watched = lock(&self.0.data.watched);
        let gone: Vec<(u32, String)> = watched
            .iter()
            .filter(|((id, name), at_work)| {
                *id == project.id.0
                    && defined
                        .get(name)
                        .is_none_or(|d| d.definition != at_work.definition || d.in_policy != at_work.in_policy)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            if let Some(watched) = watched.remove(&key) {
                watched.stop();
            }
        }
        for (name, defined) in defined {
            watched
                .entry((project.id.0, name.clone()))
                .or_insert_with(|| Watched::start(self, project, &name, defined));
        }
        Ok(())
    }

    /// The team's file may come by git while nobody looks: its monitors begin, and the page hears of it.
    pub(crate) fn look_at_definitions(&self) {
        for project in self.open_projects() {
            let stamp = reading::stamp_of(&project.root.join(POLICY_FILE));
            let before = lock(&self.0.data.definitions).insert(project.id.0, stamp.clone());
            if before.is_some_and(|before| before != stamp) && self.sync_monitors(&project).is_ok() {
                self.0.events.plain(Event::Data { project: project.id.0, name: String::new() });
            }
        }
    }

    pub(crate) fn stop_monitors(&self, project: u32) {
        let mut watched = lock(&self.0.data.watched);
        watched.retain(|(id, _), at_work| {
            let stays = *id != project;
            if !stays {
                at_work.stop();
            }
            stays
        });
    }

    /// Those of a project that are at work.
    fn at_work(&self, project: u32) -> Vec<Arc<Watched>> {
        let watched = lock(&self.0.data.watched);
        watched.iter().filter(|((id, _), _)| *id == project).map(|(_, one)| one.clone()).collect()
    }

    fn monitor(&self, project: u32, name: &str) -> Result<Arc<Watched>, CallError> {
        let open = self.project(project)?;
        self.sync_monitors(&open)?;
        lock(&self.0.data.watched).get(&(project, name.to_owned())).cloned().ok_or_else(|| {
            CallError::new(ErrorCode::NotFound, format!("There is no monitor {name:?} in this project."))
        })
    }

    pub(crate) fn data_overview(&self, _: Empty) -> Result<DataOverview, CallError> {
        let mut overview = DataOverview { sources: Vec::new(), monitors: Vec::new(), suggested: Vec::new() };
        for project in self.open_projects() {
            self.sync_monitors(&project)?;
            let found = files::found(self, &project);
            let at_work = self.at_work(project.id.0);
            if at_work.is_empty() {
                overview.suggested.extend(suggest::suggested(&project, &found));
            }
            overview.monitors.extend(at_work.iter().map(|watched| watched.row()));
            overview.sources.extend(found);
        }
        Ok(overview)
    }

    /// Without a look at files: as often as one likes.
    pub(crate) fn data_monitors(&self, args: OfProject) -> Result<Vec<MonitorRow>, CallError> {
        let project = self.project(args.project)?;
        self.sync_monitors(&project)?;
        Ok(self.at_work(args.project).iter().map(|watched| watched.row()).collect())
    }

    pub(crate) fn data_monitor(&self, args: MonitorQuery) -> Result<MonitorView, CallError> {
        Ok(self.monitor(args.project, &args.name)?.view(args.segment.as_deref(), args.hours))
    }

    pub(crate) fn data_window(&self, args: WindowQuery) -> Result<Window, CallError> {
        self.monitor(args.project, &args.name)?.window(args.segment.as_deref(), args.from..args.till).ok_or_else(|| {
            CallError::new(ErrorCode::NotFound, "The reference is not read yet.")
                .hint("It comes by itself; wait a moment.")
        })
    }

    pub(crate) fn save_monitor(&self, args: SaveMonitor) -> Result<(), CallError> {
        let project = self.project(args.project)?;
        let name = args.name.trim();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(CallError::new(ErrorCode::BadRequest, format!("{name:?} is no name for a monitor."))
                .hint("Letters, digits, - _ and . make a name, 64 of them at most."));
        }
        if self.defined(&project)?.get(name).is_some_and(|defined| defined.in_policy) {
            return Err(CallError::new(ErrorCode::Refused, format!("signalbox.toml has the monitor {name:?}."))
                .hint("Change it there, or choose another name."));
        }
        if let Some(why) = table::fault_of(&args.definition) {
            return Err(CallError::new(ErrorCode::BadRequest, format!("{}.", why.trim_end_matches('.'))));
        }
        for path in args.definition.paths() {
            let absolute = project.root.join(path);
            if !absolute.exists() {
                return Err(CallError::new(ErrorCode::NotFound, format!("{} is not there.", absolute.display()))
                    .hint("Paths are relative to the project's folder."));
            }
        }
        let mut saved = self.saved_monitors(&project.root)?;
        let was = saved.get(name).and_then(|definition| definition.engine.clone());
        if let Some(url) = args.definition.engine.as_ref().filter(|url| was.as_ref() != Some(url)) {
            // Who types an engine's address here means to ask it. A word that was taken back stays so.
            self.let_ask(&project.root, url)?;
        }
        saved.insert(name.to_owned(), args.definition);
        self.save_monitors(&project, &saved)
    }

    pub(crate) fn forget_monitor(&self, args: OfMonitor) -> Result<(), CallError> {
        let project = self.project(args.project)?;
        let mut saved = self.saved_monitors(&project.root)?;
        if saved.remove(&args.name).is_none() {
            return Err(CallError::new(ErrorCode::Refused, format!("{:?} is not kept here.", args.name))
                .hint("What signalbox.toml has is taken out there."));
        }
        self.save_monitors(&project, &saved)?;
        // The next of this name is another.
        self.write(|store| store.set_pref(&alert::said_pref(&project.root, &args.name), "null"))?;
        // A cache: what cannot be forgotten now is a few bytes more.
        let _ = self.cell_store().map(|store| store.forget(&watched::key_of(&project.root, &args.name)));
        Ok(())
    }

    fn save_monitors(&self, project: &Arc<OpenProject>, saved: &BTreeMap<String, Definition>) -> Result<(), CallError> {
        let text = serde_json::to_string(saved).map_err(|e| CallError::new(ErrorCode::Internal, e.to_string()))?;
        self.write(|store| store.set_pref(&pref_of(&project.root), &text))?;
        self.sync_monitors(project)?;
        self.0.events.plain(Event::Data { project: project.id.0, name: String::new() });
        Ok(())
    }

    pub(crate) fn data_profile(&self, args: ProfileQuery) -> Result<Profile, CallError> {
        let work = self.begin_work(args.work);
        let project = self.project(args.project)?;
        let table = opened(&project.root.join(&args.path))?;
        let test =
            args.test.as_ref().map(|path| opened_as(&project.root.join(path), &Options::like(&table))).transpose()?;
        let looked = Looked { columns: Vec::new(), target: args.target, test: test.as_ref() };
        profile(&table, &looked, &mut |so_far| work.goes_on(so_far.columns_done, so_far.columns))
            .ok_or_else(|| work.stopped())
    }

    /// Their names, from a file's beginning or end: nothing is counted for that.
    pub(crate) fn data_columns(&self, args: OfPath) -> Result<Vec<String>, CallError> {
        let table = opened(&self.project(args.project)?.root.join(&args.path))?;
        Ok(table.columns().iter().map(|column| column.name.clone()).collect())
    }

    pub(crate) fn data_drift(&self, args: DriftQuery) -> Result<Report, CallError> {
        let work = self.begin_work(args.work);
        let project = self.project(args.project)?;
        let reference = opened(&project.root.join(&args.reference))?;
        let current = opened_as(&project.root.join(&args.current), &Options::like(&reference))?;
        let methods = args.methods.iter().map(|name| {
            let unknown = || CallError::new(ErrorCode::BadRequest, format!("There is no method {name:?}."));
            method::named(name).ok_or_else(unknown)
        });
        let wanted = Wanted { methods: methods.collect::<Result<_, _>>()?, ..Wanted::default() };
        compare_tables(&reference, &current, &wanted, &mut |so_far| work.goes_on(so_far.columns_done, so_far.columns))
            .ok_or_else(|| work.stopped())
    }

    pub(crate) fn data_methods(&self, _: Empty) -> Result<Vec<MethodInfo>, CallError> {
        let all = method::methods().iter();
        Ok(all.map(|method| MethodInfo { name: method.name.to_owned(), says: method.says.to_owned() }).collect())
    }
}

/// Adds what is kept here of a project, by its folder: definitions, what was said of alerts and of engines, counts.
pub(crate) fn add_kept(root: &Path, what: &mut Forgetting) {
    what.keys.push(pref_of(root));
    what.beginnings.extend([alert::said_pref(root, ""), table::keys(root)]);
    what.cells.push(beginning_of_counts(root));
}

/// How the names begin by which the counts of a project's monitors are kept.
pub(crate) fn beginning_of_counts(root: &Path) -> String {
    watched::key_of(root, "")
}

/// Rules for files that a command asks; nothing is watched for them.
fn is_rules_alone(value: &serde_json::Value) -> bool {
    let is_rule = |key: &String| RULES_KEYS.contains(&&**key) || key == "time";
    value.as_object().is_some_and(|table| table.keys().all(is_rule) && table.keys().any(|key| key != "time"))
}

fn definition_of(mut value: serde_json::Value) -> Result<Definition, String> {
    if let Some(table) = value.as_object_mut() {
        table.retain(|key, _| !RULES_KEYS.contains(&&**key));
    }
    serde_json::from_value(value).map_err(|e| e.to_string())
}

/// A file of strangers names what lies beside it, and nothing else.
fn is_within(definition: &Definition) -> Result<(), String> {
    for path in definition.paths() {
        let is_below =
            Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_below || path.is_empty() {
            return Err(format!("signalbox.toml may name data within the project only, not {path:?}"));
        }
    }
    Ok(())
}

fn opened(path: &Path) -> Result<Table, CallError> {
    opened_as(path, &Options::default())
}

fn opened_as(path: &Path, options: &Options) -> Result<Table, CallError> {
    Table::open(path, options).map_err(|e| {
        let code = if matches!(e, ReadError::NotThere { .. }) { ErrorCode::NotFound } else { ErrorCode::Unreadable };
        CallError::new(code, e.to_string())
    })
}
