//! Approvals across people: a plan goes to a colleague as a file, and their word comes back as a line of text. Both
//! can go by any way that people have; the plan's hash and the signature make them what they are.

use super::systems::Rules;
use super::{person, sign, views};
use crate::app::App;
use crate::wire::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use signalbox_release::gate::{Approval, Verdict, approve as keep, words};
use signalbox_release::{ApprovalGate, Clock, Digest, Journal, Plan, SystemClock};
use std::path::PathBuf;

/// A plan for others: what it does, and what its gates found.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    signalbox_plan: u32,
    plan: Plan,
    verdicts: Vec<Verdict>,
    risks: Vec<String>,
}

const FORMAT: u32 = 1;
/// Before an approval's text.
const MARK: &str = "signalbox-approval:1:";
/// The kind of the record that says that a plan came from elsewhere.
const FOREIGN: &str = "foreign plan";
const MAX_BYTES: usize = 16 << 20;

impl App {
    /// The text of the file that a colleague is given.
    pub(crate) fn plan_file(&self, args: OfPlan) -> Result<String, CallError> {
        let (plan, _) = self.plan_row(&args.plan)?;
        let (verdicts, risks) = self.kept_verdicts(&plan)?;
        let file = PlanFile { signalbox_plan: FORMAT, plan, verdicts, risks };
        serde_json::to_string_pretty(&file).map_err(|e| CallError::new(ErrorCode::Internal, format!("{e}.")))
    }

    /// Takes a colleague's plan in, to be read and approved. It is never carried out here.
    pub(crate) fn import_plan(&self, args: PlanText) -> Result<PlanView, CallError> {
        let unread = |why: String| {
            CallError::new(ErrorCode::Unreadable, format!("This is no plan of Signalbox: {why}."))
                .hint("Take the text that “Copy for a colleague” gave, whole.")
        };
        if args.text.len() > MAX_BYTES {
            return Err(unread("it is larger than 16 MiB".into()));
        }
        let file: PlanFile = serde_json::from_str(&args.text).map_err(|e| unread(e.to_string()))?;
        if file.signalbox_plan != FORMAT {
            return Err(unread(format!("its format is {}, and {FORMAT} is known here", file.signalbox_plan)));
        }
        let (plan, ledger) = (file.plan, self.ledger()?);
        if let Some(row) = ledger.plan(plan.id.as_str())? {
            if row.hash != plan.hash().to_string() {
                return Err(CallError::new(ErrorCode::Refused, "Another plan has its number already.")
                    .hint("Ask its author to make it again."));
            }
            return self.plan_view(plan.id.as_str());
        }
        // The plan itself last: what is there of it is never without what is known of it.
        ledger.record(FOREIGN, &plan.hash().to_string(), SystemClock.unix_ms(), "true")?;
        self.keep_verdicts(&plan, &file.verdicts, &file.risks)?;
        Journal::of(&ledger, &plan)?;
        self.audit("take in", Some(&plan.id), None, json!({ "hash": plan.hash(), "made_by": plan.made_by }))?;
        self.plan_view(plan.id.as_str())
    }

    /// It was made on another machine.
    pub(crate) fn is_foreign(&self, plan: &Plan) -> Result<bool, CallError> {
        Ok(!self.ledger()?.records(FOREIGN, &plan.hash().to_string())?.is_empty())
    }

    pub(crate) fn approve_plan(&self, args: Approve) -> Result<PlanView, CallError> {
        let (plan, _) = self.plan_row(&args.plan)?;
        let hash: Digest = plan.hash();
        if hash.to_string() != args.hash {
            return Err(
                CallError::new(ErrorCode::Refused, "This is not the plan that was shown.").hint("Open it again.")
            );
        }
        if plan.made_by == person() && self.is_foreign(&plan)? {
            let why = format!("You and the plan's author are both called {}.", person());
            return Err(CallError::new(ErrorCode::Refused, why)
                .hint("Set SIGNALBOX_USER to a name that only you have, and start Signalbox again."));
        }
        let ground = self.ground(&plan)?;
        if let Some(why) = &ground.trouble {
            return Err(CallError::new(ErrorCode::Refused, format!("It cannot be approved by its rules: {why}."))
                .hint("The rules say whose word counts, and whose key signs it."));
        }
        let mut approval = Approval {
            by: person(),
            plan: hash,
            at_unix_ms: SystemClock.unix_ms(),
            comment: args.comment.filter(|comment| !comment.trim().is_empty()),
            withdrawn: args.withdraw,
            signature: None,
        };
        if let Some(key) = ground.rules.policy.roles.keys.get(&approval.by) {
            let signature = sign::sign(&approval, key, &ssh_dir()).map_err(|why| {
                CallError::new(ErrorCode::Refused, format!("The approval could not be signed: {why}."))
                    .hint("signalbox.toml names your public key; its other half must be in the SSH agent (ssh-add) or in ~/.ssh without a passphrase.")
            })?;
            approval.signature = Some(signature);
        }
        keep(&*self.ledger()?, &approval)?;
        self.audit("approve", Some(&plan.id), None, json!({ "approval": approval }))?;
        self.plan_view(&args.plan)
    }

    /// Takes in what a colleague has sent back.
    pub(crate) fn add_approval(&self, args: ApprovalText) -> Result<PlanView, CallError> {
        let unread = || {
            CallError::new(ErrorCode::Unreadable, "This is no approval.")
                .hint(format!("It is a line of text that begins with {MARK}"))
        };
        let text: String = args.text.split_whitespace().collect();
        let bare = text.strip_prefix(MARK).filter(|bare| bare.len() < MAX_BYTES).ok_or_else(unread)?;
        let bytes = STANDARD.decode(bare).map_err(|_| unread())?;
        let approval: Approval = serde_json::from_slice(&bytes).map_err(|_| unread())?;
        let (plan, _) = self.plan_row(&args.plan)?;
        if approval.plan != plan.hash() {
            return Err(CallError::new(ErrorCode::Refused, "This approval is of another plan.")
                .hint("A plan that was made again has to be approved again."));
        }
        let rules = self.ground(&plan)?.rules;
        if let Some(key) = rules.policy.roles.keys.get(&approval.by) {
            sign::verify(&approval, key)
                .map_err(|why| CallError::new(ErrorCode::Refused, sentence(&format!("{}: {why}", approval.by))))?;
        }
        keep(&*self.ledger()?, &approval)?;
        self.audit("approval", Some(&plan.id), None, json!({ "approval": approval }))?;
        self.plan_view(&args.plan)
    }

    /// What was said of a plan, with what it is worth; and our own word as the text that goes back to its author.
    pub(crate) fn approvals_of(
        &self,
        plan: &Plan,
        rules: &Rules,
    ) -> Result<(Vec<ApprovalView>, Option<String>), CallError> {
        let model = rules.model(plan.candidate.model());
        // Without a gate that asks for them they are shown all the same.
        let gate = model.gates.approvals.unwrap_or(ApprovalGate { n: 0, valid_hours: 24 * 365 });
        let words = words(&gate, &rules.policy, plan, &*self.ledger()?, SystemClock.unix_ms(), &sign::verify)?;
        let me = person();
        let own = words.iter().rfind(|word| word.approval.by == me && plan.made_by != me).map(|word| {
            let json = serde_json::to_vec(&word.approval).expect("BUG: an approval is JSON");
            format!("{MARK}{}", STANDARD.encode(json))
        });
        let view = |word: signalbox_release::gate::Word| ApprovalView {
            by: word.approval.by,
            at: views::secs(word.approval.at_unix_ms),
            comment: word.approval.comment,
            signed: word.approval.signature.is_some(),
            counts: word.counts,
            note: word.note,
        };
        Ok((words.into_iter().map(view).collect(), own))
    }
}

/// Where OpenSSH keeps keys.
fn ssh_dir() -> PathBuf {
    std::env::var_os("HOME")
        .or_else(|| std::env::var_os("USERPROFILE"))
        .map(PathBuf::from)
        .unwrap_or_default()
        .join(".ssh")
}
