//! From a run, or a version, to a plan that is judged and kept. Changes nothing elsewhere.

use super::gates::{Subject, judge, measured, risks};
use super::golden::python_of;
use super::systems::{Rules, service_of};
use super::trust::is_here;
use super::{new_id, person, reading, transferring};
use crate::app::App;
use crate::artifacts::Artifacts;
use crate::project::OpenProject;
use crate::wire::*;
use serde_json::json;
use signalbox_release::gate::Measured;
use signalbox_release::{
    Action, Candidate, Clock, Digest, Goal as Wanted, Journal, Maker, ModelName, Place, Plan, Registration,
    SystemClock, Version, VersionName, World, digest_of,
};
use signalbox_types::RunId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A model below this many folders of a run's artifacts is not looked for.
const MAX_DEPTH: usize = 4;
const MAX_LOOKED_AT: usize = 5_000;

/// What is to be promoted, on this machine.
struct Chosen {
    candidate: Candidate,
    folder: PathBuf,
    digest: Option<Digest>,
    measured: BTreeMap<String, Measured>,
}

impl App {
    /// The MLflow models among a run's artifacts, with their folders.
    pub(crate) fn models_of_run(&self, run: RunId) -> Result<Vec<(RunModel, PathBuf)>, CallError> {
        let project = self.project_of(run)?;
        let found = folders(&self.artifacts_of(run, "")?);
        let suggested = self.suggested(&project, run);
        let view = |(path, name, folder)| (RunModel { path, name, suggested: suggested.clone() }, folder);
        Ok(found.into_iter().map(view).collect())
    }

    /// The policy's only model, or the experiment's name, or the project's.
    fn suggested(&self, project: &OpenProject, run: RunId) -> String {
        let only = Rules::of(&project.root).ok().and_then(|rules| {
            let mut names = rules.policy.models.keys();
            names.next().filter(|_| names.next().is_none()).map(ToString::to_string)
        });
        let experiment = || project.catalogue().get(run).and_then(|run| run.row.experiment.clone());
        let text = only.or_else(experiment).filter(|text| text != "Default").unwrap_or_else(|| project.name.clone());
        let text: String =
            text.chars().map(|c| if matches!(c, '/' | '\\' | ':') || c.is_control() { '-' } else { c }).collect();
        text.trim_start_matches(['-', '.', ' ']).chars().take(100).collect()
    }

    /// Makes a plan, judges it and keeps both.
    pub(crate) fn make_plan(&self, args: &Propose) -> Result<Plan, CallError> {
        let project = match (args.run, args.project) {
            (Some(run), _) => Some(self.project_of(RunId(run))?),
            (None, Some(project)) => Some(self.project(project)?),
            (None, None) => self.only_project_of(args)?,
        };
        let home = project.as_ref().map(|project| project.root.as_path());
        let rules = home.map(Rules::of).transpose()?.unwrap_or_default();
        let (world, failures) = self.world_of(home, &rules)?;
        let chosen = match (args.run, &args.version) {
            (Some(run), None) => self.of_run(RunId(run), args, &rules)?,
            (None, Some(version)) => self.of_version(args, version, &rules, &world)?,
            _ => return Err(CallError::new(ErrorCode::BadRequest, "Either a run or a version is promoted.")),
        };
        let name = chosen.candidate.model().clone();
        let model = rules.model(&name);
        let tree =
            digest_of(&chosen.folder).map_err(|e| CallError::new(ErrorCode::Unreadable, sentence(&e.to_string())))?;
        let candidate = match chosen.candidate {
            Candidate::New { registry, model, what } => {
                Candidate::New { registry, model, what: Registration { digest: Some(tree.digest.clone()), ..what } }
            }
            version => version,
        };
        let registry = world.registry(candidate.registry()).map_err(|e| match failures.first() {
            Some(why) => CallError::new(ErrorCode::Remote, why.message.clone()),
            None => e.into(),
        })?;
        let production = match &model.alias {
            Some(alias) => match registry.pointer(&name, alias, &reading())?.to {
                Some(version) => registry.version(&name, &version, &reading())?,
                None => None,
            },
            None => None,
        };
        let python = python_of(home.unwrap_or(Path::new(".")), &rules.policy, model.target.as_ref());
        let place = model.target.clone().filter(|target| world.targets.contains_key(target)).map(|target| Place {
            target,
            service: model.service.clone().unwrap_or_else(|| service_of(&name)),
            shares: model.shares.clone(),
            smoke: model.gates.latency.clone(),
            bake: model.bake.clone(),
            keep_old: model.keep_old,
        });
        let asked = match &place {
            Some(place) => {
                let known = self.known_of(&chosen.folder, &tree.digest)?;
                if known.is_to_ask() || is_here(&rules, place) {
                    self.may_load(home, &name, &python)?;
                }
                Some(self.ask(known, &chosen.folder, &tree.digest, &python)?)
            }
            None => None,
        };
        let now = SystemClock.unix_ms();
        let wanted = Wanted {
            candidate,
            place,
            alias: model.alias.clone(),
            alias_first: model.alias_first,
            golden: asked.as_ref().map(|asked| asked.golden.clone()).unwrap_or_default(),
            policy: rules.digest.clone(),
        };
        let maker = Maker { id: new_id(now), by: person(), at_unix_ms: now };
        let plan = signalbox_release::plan(&world, &wanted, &maker, &reading())?;
        let old = production.as_ref().map(|version| self.measured_of(version)).unwrap_or_default();
        let subject =
            Subject { path: &chosen.folder, tree: &tree, wanted: chosen.digest.as_ref(), measured: chosen.measured };
        let mut verdicts = judge(&subject, &rules, &model, &world, production.as_ref(), &old);
        let mut risks = risks(&chosen.folder, &tree);
        if let Some(asked) = &asked {
            verdicts.push(super::gates::loads(asked).about(super::bound(&tree.digest, rules.digest.as_ref())));
        }
        if model.gates.latency.is_some() && !plan.steps.iter().any(|step| matches!(step.action, Action::Smoke { .. })) {
            let verdict = super::gates::nothing_to_ask(asked.as_ref());
            verdicts.push(verdict.about(super::bound(&tree.digest, rules.digest.as_ref())));
        }
        if let Some(rule) = &model.gates.drift {
            let about = super::bound(&tree.digest, rules.digest.as_ref());
            verdicts.push(crate::data::drift_gate(self, project.as_ref(), rule, &about));
        }
        if let Some(why) = asked.as_ref().filter(|asked| !asked.is_broken).and_then(|asked| asked.why_none.as_ref()) {
            risks.push(format!("there is no golden request, so what serves is known by its digest only: {why}"));
        }
        // The plan itself last: there is none without its verdicts.
        self.keep_home(&plan, home, &rules)?;
        self.keep_verdicts(&plan, &verdicts, &risks)?;
        Journal::of(&*self.ledger()?, &plan)?;
        let golden = asked.as_ref().map(super::golden::told);
        self.audit(
            "plan",
            Some(&plan.id),
            None,
            json!({ "plan": plan, "verdicts": verdicts, "risks": risks, "golden": golden }),
        )?;
        Ok(plan)
    }

    /// Whose rules hold for a version that no open project's run has made: those that name its model, if any do.
    fn only_project_of(&self, args: &Propose) -> Result<Option<Arc<OpenProject>>, CallError> {
        let names = |project: &Arc<OpenProject>| {
            let rules = Rules::of(&project.root).ok();
            rules.is_some_and(|rules| {
                rules.policy.models.keys().any(|name| Some(name.as_str()) == args.model.as_deref())
            })
        };
        let mut found: Vec<_> = self.open_projects().into_iter().filter(names).collect();
        if found.len() > 1 {
            let all: Vec<&str> = found.iter().map(|project| project.name.as_str()).collect();
            let why = format!("Several open projects have rules for this model: {}.", all.join(", "));
            return Err(CallError::new(ErrorCode::Refused, why).hint("Close all but the one that it is promoted for."));
        }
        Ok(found.pop())
    }

    fn of_run(&self, run: RunId, args: &Propose, rules: &Rules) -> Result<Chosen, CallError> {
        let models = self.models_of_run(run)?;
        let found = match (&args.path, &models[..]) {
            (Some(path), _) => models.iter().find(|(model, _)| model.path == *path),
            (None, [only]) => Some(only),
            (None, []) => {
                return Err(CallError::new(ErrorCode::NotFound, "This run has logged no model that can be promoted.")
                    .hint("Log one with mlflow.<flavor>.log_model(…, input_example=…)."));
            }
            (None, _) => {
                return Err(CallError::new(ErrorCode::BadRequest, "This run has logged several models: say which."));
            }
        };
        let (model, folder) =
            found.ok_or_else(|| CallError::new(ErrorCode::NotFound, "This model is not there any more."))?;
        let name: ModelName =
            args.model.as_deref().unwrap_or(&model.suggested).trim().parse().map_err(
                |e: signalbox_release::BadName| CallError::new(ErrorCode::BadRequest, sentence(&e.to_string())),
            )?;
        let project = self.project_of(run)?;
        let data = self.data_of(run)?;
        let catalogue = project.catalogue();
        let Some(row) = catalogue.get(run) else {
            return Err(CallError::new(ErrorCode::NotFound, "This run is no longer there."));
        };
        let tags = [
            ("signalbox.project", project.name.clone()),
            ("signalbox.run", row.own_id().to_owned()),
            ("signalbox.run_name", row.name.clone()),
            ("signalbox.source", row.origin.path.to_string()),
            ("signalbox.artifact", model.path.clone()),
        ];
        let what = Registration {
            path: Some(folder.clone()),
            source: None,
            run: Some(row.own_id().to_owned()),
            digest: None,
            tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        };
        let measured = measured(&catalogue, row, data);
        let registry = rules.model(&name).registry;
        Ok(Chosen {
            candidate: Candidate::New { registry, model: name, what },
            folder: folder.clone(),
            digest: None,
            measured,
        })
    }

    fn of_version(&self, args: &Propose, version: &str, rules: &Rules, world: &World) -> Result<Chosen, CallError> {
        let bad = |e: signalbox_release::BadName| CallError::new(ErrorCode::BadRequest, sentence(&e.to_string()));
        let name: ModelName = args.model.as_deref().unwrap_or_default().parse().map_err(bad)?;
        let version: VersionName = version.parse().map_err(bad)?;
        let registry = match &args.registry {
            Some(registry) => registry.parse().map_err(bad)?,
            None => rules.model(&name).registry,
        };
        let port = world.registry(&registry)?;
        let found = port
            .version(&name, &version, &reading())?
            .ok_or_else(|| CallError::new(ErrorCode::NotFound, format!("{name} has no version {version}.")))?;
        let folder = port.fetch(&found, &transferring())?;
        let measured = self.measured_of(&found);
        Ok(Chosen { candidate: Candidate::Version(found.at.clone()), folder, digest: found.at.digest, measured })
    }

    /// What the run that made a version has measured, if the run is in an open project.
    pub(super) fn measured_of(&self, version: &Version) -> BTreeMap<String, Measured> {
        let Some((project, run)) = super::views::run_of(version).and_then(|key| self.run_by_id(key)) else {
            return BTreeMap::new();
        };
        let data = self.data_of(run).unwrap_or_default();
        let catalogue = project.catalogue();
        catalogue.get(run).map(|run| measured(&catalogue, run, data)).unwrap_or_default()
    }

    /// The run that is known by this id, in an open project.
    pub(crate) fn run_by_id(&self, id: &str) -> Option<(Arc<OpenProject>, RunId)> {
        self.open_projects().into_iter().find_map(|project| {
            let catalogue = project.catalogue();
            let run = catalogue.records().find(|run| run.own_id() == id).map(|run| catalogue.shown(run.row.id))?;
            drop(catalogue);
            Some((project, run))
        })
    }

    /// Of the one data set with a digest that a run names; of several none.
    pub(super) fn data_of(&self, run: RunId) -> Result<Option<Digest>, CallError> {
        let records = self.project_of(run).ok().and_then(|project| Some(project.catalogue().get(run)?.records()));
        let mut sets = Vec::new();
        for record in records.unwrap_or_else(|| vec![run]) {
            sets.extend(self.with_reader(|reader| Ok(reader.datasets(record)?))?);
        }
        let named: Vec<_> = sets.iter().filter(|set| !set.digest.is_empty()).collect();
        Ok(match named[..] {
            [one] => Some(Digest::of(format!("{}\n{}", one.name, one.digest))),
            _ => None,
        })
    }
}

/// (path among the artifacts, name, folder) of each model.
fn folders(artifacts: &Artifacts) -> Vec<(String, String, PathBuf)> {
    let mut found = Vec::new();
    for model in &artifacts.models {
        if model.root.join("MLmodel").is_file() {
            let name = if model.name.is_empty() { model.id.clone() } else { model.name.clone() };
            found.push((format!(":{}", model.id), name, model.root.clone()));
        }
    }
    let project = artifacts.project.canonicalize().ok();
    let root = artifacts.root.as_deref().and_then(|root| root.canonicalize().ok());
    if let (Some(project), Some(root)) = (project, root)
        && root.starts_with(&project)
    {
        let mut left = MAX_LOOKED_AT;
        look_in(&root, "", 0, &mut left, &mut found);
    }
    found
}

fn look_in(folder: &Path, below: &str, depth: usize, left: &mut usize, found: &mut Vec<(String, String, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut inner = Vec::new();
    for entry in entries.flatten() {
        *left = left.saturating_sub(1);
        if *left == 0 {
            return;
        }
        // Links are not followed: what they lead to would not be part of the artifact.
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if kind.is_file() && name == "MLmodel" && !below.is_empty() {
            let last = below.rsplit('/').next().unwrap_or(below);
            found.push((below.to_owned(), last.to_owned(), folder.to_path_buf()));
            return;
        }
        if kind.is_dir() && depth < MAX_DEPTH {
            inner.push((entry.path(), if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") }));
        }
    }
    inner.sort();
    for (path, below) in inner {
        look_in(&path, &below, depth + 1, left, found);
    }
}
