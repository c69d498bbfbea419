//! Builds the plan: defaults were filled in by `check`, items are resolved here, operations stay
//! templates whose `${...}` the engine fills.

use super::model;
use super::values::Values;
use crate::base::{Digest, Finding, Time, id, json};
use crate::check::checked::{self, Back, Body, Call, Checked, Repeat, Step, Until, UsualStep};
use crate::expression;
use crate::runbook::reader::shown;
use crate::runbook::written::{self, Per, Proof};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Digests of what a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    pub runbook: Digest,
    pub people: Digest,
    /// By the ids of `[files]`.
    pub files: BTreeMap<String, Digest>,
}

/// A simulated world's time limits, in place of the catalogue's (milliseconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    pub time_limit_ms: Option<i64>,
    pub settles_within_ms: Option<i64>,
}

/// The plan, or what is wrong with the values that it needs.
pub fn build(
    checked: &Checked,
    values: &Values,
    pins: &Pins,
    timing: Option<&Timing>,
) -> Result<model::Plan, Vec<Finding>> {
    let mut builder = Builder { checked, values, timing: timing.copied().unwrap_or_default(), found: Vec::new() };
    let stages: Vec<model::Stage> = checked.stages.iter().map(|stage| builder.stage(stage)).collect();
    builder.session_accounts();
    if !builder.found.is_empty() {
        return Err(builder.found);
    }
    let files = checked.files.iter().filter_map(|(id, file)| {
        let sha256 = *pins.files.get(id)?;
        Some((id.clone(), model::PinnedFile { path: file.path.clone(), sha256 }))
    });
    let is_secret = |parameter: &&written::Parameter| parameter.of == crate::runbook::kind::Kind::Secret;
    let plan = model::Plan {
        plan: 1,
        name: checked.name.clone(),
        title: checked.title.clone(),
        version: checked.version.clone(),
        description: checked.description.clone(),
        runbook: pins.runbook,
        values: values.digest(),
        people: pins.people,
        exclude_starter: checked.exclude_starter,
        require_proof: checked.require_proof,
        files: files.collect(),
        secrets: checked.parameters.iter().filter(is_secret).map(|parameter| parameter.id.is.clone()).collect(),
        roles: checked.roles.iter().map(|(id, role)| (id.clone(), self::role(role))).collect(),
        apart: checked.apart.clone(),
        sessions: checked.sessions.iter().map(|(id, one)| (id.clone(), session(one))).collect(),
        holds: checked.holds.iter().map(hold).collect(),
        stages,
    };
    storable(&plan, checked)?;
    Ok(plan)
}

/// A plan is stored as an object, which has limits.
fn storable(plan: &model::Plan, checked: &Checked) -> Result<(), Vec<Finding>> {
    let stored = json::object_bytes_of(plan);
    let wrong = |message: json::JsonError| {
        let hint = "write `with` and values with fewer levels";
        vec![Finding::error(
            "CS0511",
            checked.source.place(&(0..0)),
            format!("the plan can't be stored: {message}"),
            hint,
        )]
    };
    stored.map(|_| ()).map_err(wrong)
}

struct Builder<'a> {
    checked: &'a Checked,
    values: &'a Values,
    timing: Timing,
    found: Vec<Finding>,
}

impl Builder<'_> {
    fn stage(&mut self, stage: &checked::Stage) -> model::Stage {
        let items = stage.repeat.as_ref().and_then(|repeat| self.items(repeat));
        let anchor = stage.anchor.as_ref().map(|anchor| model::Anchor {
            title: anchor.title.clone(),
            capture: anchor.capture.iter().map(capture).collect(),
            prove: anchor.prove.iter().map(prove).collect(),
        });
        model::Stage {
            id: stage.id.clone(),
            title: stage.title.clone(),
            when: stage.when.clone(),
            for_each: stage.repeat.as_ref().map_or(Value::Null, |repeat| repeat.over.clone()),
            key: stage.repeat.as_ref().map_or(String::new(), |repeat| repeat.key.clone()),
            items,
            at_once: stage.at_once,
            canary: stage.canary,
            stop_after: stage.stop_after,
            performer: stage.performer.clone(),
            anchor,
            steps: stage.steps.iter().map(|step| self.step(step)).collect(),
        }
    }

    /// The items, where parameters alone give them; duplicate and impossible keys are findings.
    fn items(&mut self, repeat: &Repeat) -> Option<Vec<model::Item>> {
        if !repeat.known_before {
            return None;
        }
        let scope = json!({ "parameters": self.values.object });
        let list = match expression::fill(&repeat.over, &scope, Time::default()) {
            Ok(Value::Array(list)) => list,
            Ok(_) => {
                self.error("CS0510", &repeat.over_span, "`for_each` gives no list with these values", "");
                return None;
            }
            Err(error) => {
                self.error("CS0510", &repeat.over_span, error.to_string(), "");
                return None;
            }
        };
        let mut seen = BTreeSet::new();
        let mut items = Vec::new();
        let mut scope = scope;
        for (at, value) in list.into_iter().enumerate() {
            // One scope for all items: the parameters in it hold every one of them.
            scope["item"] = value.clone();
            let Some(key) = self.key(repeat, &scope, at) else { continue };
            if !seen.insert(key.clone()) {
                let message = format!("two items have the key `{key}` (the second is item {})", at + 1);
                let hint = "name something that differs from item to item, or remove the double row";
                // Stages often repeat over one list: once is enough.
                if !self.found.iter().any(|finding| finding.message == message) {
                    self.error("CS0505", &repeat.key_span, message, hint);
                }
            }
            items.push(model::Item { key, value });
        }
        Some(items)
    }

    fn key(&mut self, repeat: &Repeat, scope: &Value, at: usize) -> Option<String> {
        let key = match expression::fill(&Value::String(repeat.key.clone()), scope, Time::default()) {
            Ok(Value::String(key)) => key,
            Ok(Value::Number(number)) => number.to_string(),
            Ok(other) => {
                let message =
                    format!("the key of item {} is {}, not text", at + 1, crate::runbook::kind::json_kind(&other));
                self.error("CS0506", &repeat.key_span, message, "");
                return None;
            }
            Err(error) => {
                self.error("CS0510", &repeat.key_span, format!("the key of item {}: {error}", at + 1), "");
                return None;
            }
        };
        if !id::is_key(&key) {
            let message = format!("`{}` (item {}) can't be a key", shown(&key), at + 1);
            let hint = "keys are 1 to 64 letters, digits, `.`, `_` and `-`";
            self.error("CS0506", &repeat.key_span, message, hint);
            return None;
        }
        Some(key)
    }

    /// Accounts of sessions that values give must be accounts.
    fn session_accounts(&mut self) {
        let scope = json!({ "parameters": self.values.object });
        for (id, session) in &self.checked.sessions {
            let template = Value::String(session.account.clone());
            let (value, known) = expression::fill_known(&template, &scope, Time::default());
            if let (true, Err(message)) = (known, crate::runbook::kind::Kind::AccountId.accept(&value)) {
                let message = format!("the account of the session `{id}`: {message}");
                self.error("CS0503", &(0..0), message, "");
            }
        }
    }

    fn step(&self, step: &Step) -> model::Step {
        let action = match &step.body {
            Body::Action(call) | Body::Read(call) => Some(call.action),
            _ => None,
        };
        let template = self.template(step);
        model::Step {
            back: self.way_back(step),
            repair: step.repair.iter().map(|step| self.step(step)).collect(),
            settles_within: self.settles_within(action.map_or(0, |action| action.settles_within)),
            template_digest: digest(&template),
            template,
            ..plain(step)
        }
    }

    /// The operation with its `${...}`.
    fn template(&self, step: &Step) -> Value {
        match &step.body {
            Body::Action(call) => {
                let mut template = self.call_template(call);
                if let (Value::Object(members), false) = (&mut template, step.secret_to.is_null()) {
                    members.insert("secret_to".to_owned(), step.secret_to.clone());
                }
                template
            }
            Body::Read(call) => self.call_template(call),
            Body::Command(command) => json!({
                "argv": command.argv, "env": command.env, "credentials": command.credentials, "within": command.within,
            }),
            Body::Manual(manual) => {
                let performers: Vec<&String> = if manual.performers.is_empty() {
                    vec![&step.performer]
                } else {
                    manual.performers.iter().collect()
                };
                let evidence: Vec<&str> = manual.evidence.iter().map(|one| one.name.is.as_str()).collect();
                json!({ "instructions": manual.instructions, "performers": performers, "evidence": evidence })
            }
            Body::Check(_) | Body::Wait(_) | Body::Ask(_) => json!({}),
        }
    }

    fn call_template(&self, call: &Call) -> Value {
        self.action_template(call.action, &call.session, call.with.clone())
    }

    fn action_template(&self, action: &crate::catalogue::Action, session: &str, with: Value) -> Value {
        let account = self.checked.sessions.get(session).map_or("", |session| session.account.as_str());
        let time_limit = self.timing.time_limit_ms.unwrap_or(action.time_limit);
        json!({ "action": action.name, "session": session, "account": account, "with": with, "time_limit": time_limit })
    }

    fn settles_within(&self, catalogue: i64) -> i64 {
        if catalogue == 0 { 0 } else { self.timing.settles_within_ms.unwrap_or(catalogue) }
    }

    fn way_back(&self, step: &Step) -> model::WayBack {
        match &step.back {
            Back::None => model::WayBack::default(),
            Back::Steps(steps) => {
                model::WayBack { undo: steps.iter().map(|step| self.step(step)).collect(), ..model::WayBack::default() }
            }
            Back::Usual(steps) => model::WayBack {
                undo: steps.iter().map(|usual| self.usual(usual, step)).collect(),
                usual: true,
                done_if: steps.iter().map(|usual| (usual.step.id.to_owned(), owned(usual.step.done_if))).collect(),
                ..model::WayBack::default()
            },
            Back::NoUndo(why) => model::WayBack { no_undo: why.clone(), ..model::WayBack::default() },
            Back::PointOfNoReturn(why) => {
                model::WayBack { point_of_no_return: why.clone(), ..model::WayBack::default() }
            }
        }
    }

    /// A step of the catalogue's usual undo: performer, session and approvals are the step's.
    fn usual(&self, usual: &UsualStep, step: &Step) -> model::Step {
        let with: Map<String, Value> = usual
            .step
            .with
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::String((*value).to_owned())))
            .collect();
        let template = self.action_template(usual.action, &step.session, Value::Object(with));
        model::Step {
            id: usual.step.id.to_owned(),
            title: usual.action.purpose.to_owned(),
            performer: step.performer.clone(),
            session: step.session.clone(),
            when: String::new(),
            confirm: None,
            approvals: step
                .approvals
                .iter()
                .map(|one| model::Approval { per: model::Per::Step, ..approval(one) })
                .collect(),
            mutates: true,
            template_digest: digest(&template),
            template,
            verify: Vec::new(),
            back: model::WayBack::default(),
            lost: String::new(),
            accept_existing: false,
            even_though: BTreeMap::new(),
            probe: usual.probe.clone(),
            settles_within: self.settles_within(usual.action.settles_within),
            secret_outputs: Vec::new(),
            secret_to: Value::Null,
            repair: Vec::new(),
            body: model::Body::Action,
        }
    }

    fn error(&mut self, code: &'static str, span: &std::ops::Range<usize>, message: impl Into<String>, hint: &str) {
        self.found.push(Finding::error(code, self.checked.source.place(span), message, hint));
    }
}

/// A step without template, way back and repair.
fn plain(step: &Step) -> model::Step {
    let uses_none = match &step.body {
        Body::Ask(_) | Body::Manual(_) => true,
        Body::Wait(wait) => !matches!(wait.until, Until::Holds(_)),
        Body::Command(command) => command.credentials.is_empty(),
        _ => false,
    };
    model::Step {
        id: step.id.clone(),
        title: step.title.clone(),
        performer: step.performer.clone(),
        session: if uses_none { String::new() } else { step.session.clone() },
        when: step.when.clone(),
        confirm: step
            .confirm
            .as_ref()
            .map(|confirm| model::Confirm { text: confirm.text.clone(), typed: confirm.typed.clone() }),
        approvals: step.approvals.iter().map(approval).collect(),
        mutates: step.mutates,
        template: Value::Null,
        template_digest: Digest::ZERO,
        verify: step.verify.iter().map(expect).collect(),
        back: model::WayBack::default(),
        lost: step.lost.clone(),
        accept_existing: step.accept_existing,
        even_though: step.even_though.clone(),
        probe: step.probe.clone(),
        settles_within: 0,
        secret_outputs: step.secret_outputs.clone(),
        secret_to: step.secret_to.clone(),
        repair: Vec::new(),
        body: body(&step.body),
    }
}

fn body(body: &Body) -> model::Body {
    match body {
        Body::Action(_) => model::Body::Action,
        Body::Read(_) => model::Body::Read,
        Body::Check(one) => model::Body::Check(expect(one)),
        Body::Wait(wait) => model::Body::Wait(self::wait(wait)),
        Body::Ask(fields) => model::Body::Ask(fields.iter().map(field).collect()),
        Body::Manual(manual) => model::Body::Manual(model::Manual {
            instructions: manual.instructions.clone(),
            performers: manual.performers.clone(),
            says: manual.says.clone(),
            evidence: manual.evidence.iter().map(evidence).collect(),
            together: manual.together,
            settles: manual.settles.clone(),
        }),
        Body::Command(command) => model::Body::Command(model::Command {
            ok_exit: command.ok_exit.clone(),
            touches: command.touches.clone(),
            probe: command.probe.as_ref().map(expect),
        }),
    }
}

fn wait(wait: &checked::Wait) -> model::Wait {
    let empty = model::Wait {
        r#for: 0,
        after: String::new(),
        until: String::new(),
        expect: None,
        every: wait.every,
        within: wait.within,
    };
    match &wait.until {
        Until::For { ms, after } => model::Wait { r#for: *ms, after: after.clone(), ..empty },
        Until::Time(text) => model::Wait { until: text.clone(), ..empty },
        Until::Holds(one) => model::Wait { expect: Some(expect(one)), ..empty },
    }
}

fn field(field: &written::Field) -> model::AskField {
    model::AskField {
        name: field.name.is.clone(),
        r#type: field.of.name().to_owned(),
        text: field.text.as_ref().map_or_else(|| field.name.is.clone(), |text| text.is.clone()),
        required: field.required.as_ref().is_none_or(|flag| flag.is),
        choices: field.choices.iter().map(|choice| choice.is.clone()).collect(),
        example: field.example.as_ref().map_or(Value::Null, |node| node.value()),
    }
}

fn evidence(evidence: &written::Evidence) -> model::Evidence {
    model::Evidence {
        name: evidence.name.is.clone(),
        r#type: evidence.of.name().to_owned(),
        by: evidence.by.as_ref().map_or(String::new(), |role| role.is.clone()),
        required: evidence.required.as_ref().is_none_or(|flag| flag.is),
        example: evidence.example.as_ref().map_or(Value::Null, |node| node.value()),
    }
}

fn capture(capture: &checked::Capture) -> model::Capture {
    model::Capture { id: capture.id.clone(), read: read(&capture.read), absent_if: capture.absent_if.clone() }
}

fn prove(prove: &checked::Prove) -> model::Prove {
    match prove {
        checked::Prove::Read(one) => model::Prove::Read(expect(one)),
        checked::Prove::Manual(text) => model::Prove::Manual(text.clone()),
    }
}

fn hold(hold: &checked::Hold) -> model::Hold {
    model::Hold {
        id: hold.id.clone(),
        title: hold.title.clone(),
        session: hold.session.clone(),
        prove: hold.prove.iter().map(expect).collect(),
        by_hand: hold.by_hand.clone(),
        instructions: hold.instructions.clone(),
        from: hold.from.clone(),
        until: hold.until.clone(),
        fresh_within: hold.fresh_within,
    }
}

fn expect(one: &checked::Expect) -> model::Expect {
    model::Expect {
        read: read(&one.read),
        expect: one.expect.clone(),
        expect_error: one.expect_error.clone(),
        within: one.within,
    }
}

fn read(call: &Call) -> model::Read {
    model::Read { action: call.action.name.to_owned(), session: call.session.clone(), with: call.with.clone() }
}

fn approval(approval: &checked::Approval) -> model::Approval {
    model::Approval {
        role: approval.role.clone(),
        count: approval.count,
        from_parties: approval.from_parties,
        within: approval.within,
        run_within: approval.run_within,
        per: match approval.per {
            Per::Step => model::Per::Step,
            Per::Item => model::Per::Item,
            Per::Stage => model::Per::Stage,
        },
    }
}

fn role(role: &checked::Role) -> model::Role {
    let proof = match role.proof {
        Proof::Signature => model::Proof::Signature,
        Proof::UserVerified => model::Proof::UserVerified,
        Proof::MfaCode => model::Proof::MfaCode,
    };
    model::Role { title: role.title.clone(), party: role.party.clone(), proof }
}

fn session(session: &checked::Session) -> model::Session {
    model::Session {
        account: session.account.clone(),
        used_by: session.used_by.clone(),
        kinds: session.kinds.clone(),
        profile: session.profile.clone(),
        through: session.through.clone(),
        assume_role: session.assume_role.clone(),
        external_id: session.external_id.clone(),
        mfa: session.mfa,
        assume_root: session.assume_root.clone(),
        region: session.region.clone(),
    }
}

fn digest(template: &Value) -> Digest {
    Digest::of(&json::object_bytes(template).unwrap_or_default())
}

fn owned(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}
