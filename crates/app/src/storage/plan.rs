//! What forgetting would do: what goes, what of it no folder has, what stays and why.

use super::name_of;
use crate::app::{App, lock};
use crate::project::show;
use crate::wire::*;
use signalbox_formats::SourceSpec;
use signalbox_store::{Annotation, ProjectRoom, ProjectRow};
use signalbox_types::{RunId, SourceId};
use std::collections::HashSet;
use std::ops::ControlFlow;

impl App {
    pub(crate) fn forget_plan(&self, args: ForgetQuery) -> Result<ForgetPlan, CallError> {
        let row = self.known(args.project)?;
        let stopped = || CallError::new(ErrorCode::Internal, "Signalbox is ending.");
        let is_ending = || self.0.stopped.load(std::sync::atomic::Ordering::Relaxed);
        let mut goes_on = |_: u64, _: u64| if is_ending() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let room = self.room_of(row.id, &mut goes_on)?.ok_or_else(stopped)?;
        let words = self.words_of(&row, &room, args.gone_only)?;
        let joins = if args.gone_only { Default::default() } else { self.said_of_runs(&row.path)? };
        let n_monitors = if args.gone_only { 0 } else { self.saved_monitors(&row.path)?.len() };

        let mut goes = Vec::new();
        let mut add = |one: &str, many: &str, n: u64, bytes: Option<u64>| {
            if n > 0 {
                goes.push(ForgetLine { what: counted(one, many, n), n: Some(n), bytes, why: None });
            }
        };
        if args.gone_only {
            let bytes = room.runs.iter().filter(|run| run.is_gone).map(|run| run.taken.bytes).sum();
            add("run that is gone from the disk", "runs that are gone from the disk", room.n_gone_runs, Some(bytes));
            add("point", "points", room.n_gone_points, None);
        } else {
            let of = |tables: &[&str]| -> Option<u64> {
                Some(tables.iter().filter_map(|table| room.tables.get(*table)).sum())
            };
            add("run", "runs", room.n_runs, Some(room.tables.values().sum()));
            add("point", "points", room.n_points, of(&["chunk", "tail", "node", "series"]));
            add("problem", "problems", room.n_problems, of(&["problem"]));
            let counts = self.counts_of(&row.path);
            if counts > 0 {
                let what = "what was counted in data files".to_owned();
                goes.push(ForgetLine { what, n: None, bytes: Some(counts), why: None });
            }
        }

        let mut lost = Vec::new();
        let mut add = |one: &str, many: &str, n: usize, why: Option<&str>| {
            if n > 0 {
                let (what, why) = (counted(one, many, n as u64), why.map(str::to_owned));
                lost.push(ForgetLine { what, n: Some(n as u64), bytes: None, why });
            }
        };
        let count = |has: &dyn Fn(&Annotation) -> bool| words.iter().filter(|own| has(own)).count();
        add("note", "notes", count(&|own| !own.note.is_empty()), None);
        add("name that you gave", "names that you gave", count(&|own| own.name.is_some()), None);
        add("run with tags of yours", "runs with tags of yours", count(&|own| !own.tags.is_empty()), None);
        add("colour that you chose", "colours that you chose", count(&|own| own.color.is_some()), None);
        add("pinned or hidden run", "pinned or hidden runs", count(&|own| own.pinned || own.hidden), None);
        add(
            "join of runs, or run that you set apart",
            "joins of runs, and runs that you set apart",
            joins.joined.len() + joins.split.len(),
            None,
        );
        add("monitor that was made here", "monitors that were made here", n_monitors, None);
        let n_code = self.with_reader(|reader| Ok(reader.n_code(row.id, args.gone_only)?))?;
        let why = "Kept when they began; the working tree has changed since, and no commit may hold it.";
        add("run with what its code was", "runs with what their code was", n_code as usize, Some(why));
        let (n_points, why) = self.unreadable(&row, &room)?;
        add(
            "point whose file is gone",
            "points whose files are gone",
            usize::try_from(n_points).unwrap_or(usize::MAX),
            Some(why),
        );

        let name = name_of(&row.path);
        Ok(ForgetPlan {
            project: row.id.0,
            gone_only: args.gone_only,
            confirm: (!lost.is_empty()).then(|| name.clone()),
            name,
            path: show(&row.path),
            open: lock(&self.0.projects).contains_key(&row.id),
            missing: !row.path.is_dir(),
            goes,
            lost,
            stays: self.stays(&row, args.gone_only),
            has_words: !words.is_empty() || !joins.joined.is_empty() || !joins.split.is_empty() || n_monitors > 0,
        })
    }

    /// Our own words that would go.
    fn words_of(&self, row: &ProjectRow, room: &ProjectRoom, gone_only: bool) -> Result<Vec<Annotation>, CallError> {
        let says = |own: &Annotation| *own != Annotation::default();
        if !gone_only {
            let all = self.with_reader(|reader| Ok(reader.annotations(row.id)?))?;
            return Ok(all.into_iter().map(|(_, _, own)| own).filter(says).collect());
        }
        let gone: Vec<RunId> = room.runs.iter().filter(|run| run.is_gone).map(|run| run.run).collect();
        let rows = self.with_reader(|reader| Ok(reader.runs(&gone)?))?;
        Ok(rows.into_iter().filter_map(|row| row.annotation).filter(says).collect())
    }

    /// Points that no file holds any more, and why that is thought. What the watcher saw, and what a look tells now.
    fn unreadable(&self, row: &ProjectRow, room: &ProjectRoom) -> Result<(u64, &'static str), CallError> {
        if !row.path.is_dir() {
            return Ok((room.n_points, "The folder is not there now."));
        }
        let sources = self.with_reader(|reader| Ok(reader.sources(row.id)?))?;
        let is_gone = |format, rel| {
            let path = SourceSpec { format, project: row.path.clone(), rel }.path();
            matches!(path.symlink_metadata(), Err(e) if e.kind() == std::io::ErrorKind::NotFound)
        };
        let gone: HashSet<SourceId> =
            sources.into_iter().filter(|s| !s.gone && is_gone(s.format, s.rel.clone())).map(|s| s.id).collect();
        let lost = room.runs.iter().filter(|run| run.is_gone || gone.contains(&run.source));
        Ok((
            lost.map(|run| run.taken.n_points).sum(),
            "Their files were deleted or moved; reading the folder again brings back the others.",
        ))
    }

    fn stays(&self, row: &ProjectRow, gone_only: bool) -> Vec<ForgetLine> {
        let line =
            |what: String, n: Option<u64>, why: &str| ForgetLine { what, n, bytes: None, why: Some(why.to_owned()) };
        let mut out =
            vec![line(format!("every file in {}", show(&row.path)), None, "Signalbox never writes into a project.")];
        if gone_only {
            out.push(line("runs whose files are there".into(), None, "Only what is gone from the disk is forgotten."));
            return out;
        }
        if self.0.options.data_dir.join("ledger.db").is_file() {
            let n = self.plans_from(&row.path).ok();
            let why = "What was done to other systems can be explained, and taken back, only by it.";
            out.push(line("promotion plans from here, with their journal".into(), n, why));
            let why = "Each entry is bound to the one before it: without one, nothing proves the rest.";
            out.push(line("the audit".into(), None, why));
            let why = "An alias or a service may point to them.";
            out.push(line("registered model versions, with their artifacts".into(), None, why));
        }
        let why = "It is bound to that text, not to this folder; a change of the file asks again.";
        out.push(line("your consent to what a signalbox.toml names".into(), None, why));
        out
    }
}

fn counted(one: &str, many: &str, n: u64) -> String {
    (if n == 1 { one } else { many }).to_owned()
}
