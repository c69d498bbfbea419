//! A mini-writer of runs, of its own and not the engine's: it writes whatever it is told, signed
//! with real keys, so that a test can let it lie.

use countersign::base::json::object_bytes;
use countersign::base::{Digest, RunId, StepId, Time};
use countersign::plan::model::{self, Approval, Per, Plan, Proof};
use countersign::record::bundle::Bundle;
use countersign::record::fact::{self, Direction, Ended, Fact, Found, Mode, SignedText, What};
use countersign::record::operations::{self, Operation};
use countersign::record::statement::{
    ApprovalFields, Body, Decides, Head, SaidFields, SaidWhat, SignOnFields, Statement, Tail,
};
use countersign::record::tree::root_text;
use countersign::record::{Entry, Tree, salted};
use countersign::sshsig::{KeyKind, SoftKey, rehearsal_key};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const START: Time = Time(1_800_000_000_000);
pub const HOUR: i64 = 3_600_000;

/// Who signs, and how.
#[derive(Clone, Debug)]
pub struct Pen {
    pub person: String,
    pub flags: u8,
    /// Instead of the statement's own.
    pub namespace: Option<String>,
    /// The key of somebody else.
    pub key_of: Option<String>,
}

type BeforeHook = Box<dyn Fn(&mut Writer, &str)>;
type EntryHook = Box<dyn Fn(&str, &mut Entry, &mut BTreeMap<Digest, Vec<u8>>)>;
type StatementHook = Box<dyn Fn(&str, &mut Statement, &mut Pen)>;

pub struct Writer {
    pub mode: Mode,
    pub run: RunId,
    pub entries: Vec<Entry>,
    pub lines: Vec<String>,
    pub tree: Tree,
    pub objects: BTreeMap<Digest, Vec<u8>>,
    pub at: Time,
    pub epoch: u64,
    pub plan: Plan,
    pub people: String,
    pub values: Vec<u8>,
    pub force: (Digest, Digest, Digest),
    /// Seq of each labelled entry.
    pub seqs: BTreeMap<String, u64>,
    pub skip: bool,
    /// Stored instead of `plan`, which the writer goes by.
    pub stored_plan: Option<Vec<u8>>,
    nonce: u64,
    // What a test changes.
    pub before: BeforeHook,
    pub entry: EntryHook,
    pub statement: StatementHook,
}

/// Real keys outside a rehearsal, everybody's own.
pub fn key(mode: Mode, person: &str) -> SoftKey {
    let kind = if person == "carol" { KeyKind::SkEd25519 } else { KeyKind::Ed25519 };
    if mode == Mode::Rehearsal {
        return rehearsal_key(person, kind);
    }
    SoftKey::from_seed(kind, Digest::of(format!("test {person}").as_bytes()).0, "ssh:")
}

pub const PEOPLE: [(&str, &str, &str); 4] = [
    ("alice", "partner", "driver"),
    ("bob", "customer", "security"),
    ("carol", "customer", "mfa"),
    ("dora", "partner", "driver"),
];

pub fn people(mode: Mode, more_roles: &[(&str, &str)]) -> String {
    let mut text = "schema = 1\n".to_owned();
    for (id, party, role) in PEOPLE {
        let mut roles = vec![role];
        roles.extend(more_roles.iter().filter(|(who, _)| *who == id).map(|(_, role)| *role));
        let name = format!("{}{} Example", id[..1].to_uppercase(), &id[1..]);
        let line = key(mode, id).line(&format!("{id}@{party}"));
        text.push_str(&format!(
            "[people.{id}]\nname = \"{name}\"\nparty = \"{party}\"\nroles = {roles:?}\nkeys = [\"{line}\"]\n"
        ));
    }
    text.push_str("[break_glass]\npeople = [\"bob\"]\n");
    text
}

fn approval(role: &str) -> Approval {
    Approval { role: role.into(), count: 1, from_parties: 1, within: 24 * HOUR, run_within: HOUR, per: Per::Step }
}

fn step(id: &str, action: &str, with: Value) -> model::Step {
    let template =
        json!({"action": action, "session": "new", "account": "222222222222", "with": with, "time_limit": 30000});
    model::Step {
        id: id.into(),
        title: format!("Step {id}"),
        performer: "driver".into(),
        session: "new".into(),
        when: String::new(),
        confirm: None,
        approvals: vec![],
        mutates: true,
        template_digest: Digest::of(&object_bytes(&template).unwrap()),
        template,
        verify: vec![],
        back: model::WayBack::default(),
        lost: String::new(),
        accept_existing: false,
        even_though: BTreeMap::new(),
        probe: BTreeMap::new(),
        settles_within: 0,
        secret_outputs: vec![],
        secret_to: Value::Null,
        repair: vec![],
        body: model::Body::Action,
    }
}

pub fn plan(people: &str) -> Plan {
    let mut accept = step("accept", "organizations:AcceptHandshake", json!({"HandshakeId": "h-${item.id}"}));
    accept.approvals = vec![approval("security"), approval("mfa")];
    accept.confirm = Some(model::Confirm { text: "Move now?".into(), typed: "${item.id}".into() });
    let mut back = step("back", "organizations:RemoveAccountFromOrganization", json!({"AccountId": "${item.id}"}));
    back.approvals.clone_from(&accept.approvals);
    accept.back.undo = vec![back];
    let role = |party: &str, proof| model::Role { title: party.into(), party: party.into(), proof };
    let session = model::Session {
        account: "222222222222".into(),
        used_by: vec!["driver".into()],
        kinds: vec!["role".into()],
        profile: String::new(),
        through: String::new(),
        assume_role: String::new(),
        external_id: String::new(),
        mfa: false,
        assume_root: String::new(),
        region: String::new(),
    };
    let items = ["k1", "k2"].map(|key| model::Item { key: key.into(), value: json!({"id": key}) });
    Plan {
        plan: 1,
        name: "move".into(),
        title: "Move".into(),
        version: "1.0.0".into(),
        description: String::new(),
        runbook: Digest::of(b"schema = 1\n"),
        values: Digest::of(b"{}"),
        people: Digest::of(people.as_bytes()),
        exclude_starter: false,
        require_proof: false,
        files: BTreeMap::new(),
        secrets: vec![],
        roles: [
            ("driver", role("partner", Proof::Signature)),
            ("security", role("customer", Proof::Signature)),
            ("mfa", role("customer", Proof::UserVerified)),
        ]
        .map(|(name, role)| (name.to_owned(), role))
        .into(),
        apart: vec![],
        sessions: [("new".to_owned(), session)].into(),
        holds: vec![],
        stages: vec![model::Stage {
            id: "move".into(),
            title: "Move".into(),
            when: String::new(),
            for_each: json!("${parameters.accounts}"),
            key: "${item.id}".into(),
            items: Some(items.into()),
            at_once: 1,
            canary: 0,
            stop_after: 1,
            performer: "driver".into(),
            anchor: Some(model::Anchor { title: "Before".into(), capture: vec![], prove: vec![] }),
            steps: vec![accept],
        }],
    }
}

impl Writer {
    pub fn new(mode: Mode) -> Writer {
        let people = people(mode, &[]);
        Writer {
            mode,
            run: RunId::from_bytes([9; 16]),
            entries: vec![],
            lines: vec![],
            tree: Tree::new(),
            objects: BTreeMap::new(),
            at: START,
            epoch: 1,
            plan: plan(&people),
            people,
            values: b"{}".to_vec(),
            force: (Digest::ZERO, Digest::ZERO, Digest::ZERO),
            seqs: BTreeMap::new(),
            skip: false,
            stored_plan: None,
            nonce: 0,
            before: Box::new(|_, _| {}),
            entry: Box::new(|_, _, _| {}),
            statement: Box::new(|_, _, _| {}),
        }
    }

    pub fn bundle(&self) -> Bundle {
        Bundle { run: self.run.clone(), lines: self.lines.clone(), objects: self.objects.clone() }
    }

    pub fn seq(&self, label: &str) -> u64 {
        self.seqs.get(label).copied().unwrap_or(999)
    }

    pub fn object(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.objects.insert(digest, bytes);
        digest
    }

    /// One entry at the end of the chain, one second after the last.
    pub fn push(&mut self, label: &str, by: &str, fact: impl Into<Fact>) -> u64 {
        self.at = self.at.plus(1000);
        let seq = self.lines.len() as u64;
        let mut entry = Entry {
            at: self.at,
            by: Some(by.to_owned()),
            epoch: self.epoch,
            fact: fact.into(),
            mono: 1000 * seq,
            prev: seq.checked_sub(1).and_then(|last| self.tree.leaf(last)).unwrap_or(Digest::ZERO),
            run: self.run.clone(),
            seq,
        };
        (self.entry)(label, &mut entry, &mut self.objects);
        let line = entry.line().unwrap();
        self.tree.push(Digest::leaf(line.as_bytes()));
        self.lines.push(line);
        self.entries.push(entry);
        self.seqs.insert(label.to_owned(), seq);
        seq
    }

    pub fn head(&self) -> Head {
        Head {
            run: self.run.clone(),
            mode: self.mode,
            size: self.tree.size(),
            root: root_text(&self.tree.root()),
            runbook: self.force.0,
            plan: self.force.1,
            people: self.force.2,
        }
    }

    /// A statement as its person would sign it now.
    pub fn sign(&mut self, label: &str, person: &str, role: &str, body: Body) -> SignedText {
        self.nonce += 1;
        let (_, party, _) = PEOPLE.into_iter().find(|(id, ..)| *id == person).unwrap();
        let tail = Tail {
            person: person.into(),
            party: party.into(),
            role: role.into(),
            nonce: format!("{:032x}", self.nonce),
            signed_at: self.at,
            reason: "because".into(),
        };
        let mut statement = Statement { body, tail };
        let mut pen = Pen { person: person.into(), flags: 5, namespace: None, key_of: None };
        (self.statement)(label, &mut statement, &mut pen);
        let key = key(self.mode, pen.key_of.as_deref().unwrap_or(&pen.person));
        let namespace = pen.namespace.unwrap_or_else(|| statement.namespace());
        let text = statement.text();
        let signature = key.sign(&namespace, text.as_bytes(), pen.flags);
        SignedText { statement: text, signature, key: key.public().line }
    }

    /// Calls the test's hook; false: leave this one out.
    fn turn(&mut self, label: &str) -> bool {
        let before = std::mem::replace(&mut self.before, Box::new(|_, _| {}));
        before(self, label);
        self.before = before;
        !std::mem::take(&mut self.skip)
    }

    pub fn open(&mut self) {
        let _ = self.turn("opened");
        let plan = object_bytes(&serde_json::to_value(&self.plan).unwrap()).unwrap();
        let plan = self.stored_plan.take().unwrap_or(plan);
        let runbook = self.object(b"schema = 1\n".to_vec());
        let values = self.object(self.values.clone());
        let plan = self.object(plan);
        let people = self.object(self.people.clone().into_bytes());
        self.force = (runbook, plan, people);
        let people_signatures = (self.mode != Mode::Rehearsal && self.turn("people")).then(|| {
            let signed = ["alice", "bob"].map(|who| self.sign(&format!("people {who}"), who, "", Body::People(people)));
            let value = json!({"signatures": signed.map(|text| serde_json::to_value(text).unwrap())});
            self.object(object_bytes(&value).unwrap())
        });
        let opened = fact::RunOpened {
            runbook,
            values,
            plan,
            people,
            people_signatures,
            mode: self.mode,
            program: "test".into(),
            host: "host".into(),
            random: "00".repeat(32),
            paths: BTreeMap::new(),
        };
        self.push("opened", "alice", opened);
    }

    pub fn sign_on(&mut self, label: &str, person: &str) {
        let body = Body::SignOn(self.head(), SignOnFields { epoch: self.epoch, machine: "ab".repeat(16) });
        let SignedText { statement, signature, key } = self.sign(label, person, "", body);
        self.push(label, person, fact::SignedOn { statement, signature, key, machine: "ab".repeat(16) });
    }

    pub fn operation(&self, item: &str) -> Value {
        let mut operation = self.plan.stages[0].steps[0].template.clone();
        operation["with"]["HandshakeId"] = json!(format!("h-{item}"));
        operation
    }

    pub fn asked(&mut self, item: &str, attempt: u32, what: What, operations: Digest) -> fact::Asked {
        let at = self.at.plus(1000);
        fact::Asked {
            again: vec![],
            approve_by: at.plus(24 * HOUR),
            attempt,
            covers: format!("move:{item}/accept"),
            operations,
            performer: "alice".into(),
            run_by: at.plus(25 * HOUR),
            summary: format!("Accept {item}"),
            what,
        }
    }

    pub fn operations(&mut self, item: &str, attempt: u32, operation: Value) -> Digest {
        let list = [Operation {
            covers: format!("move:{item}/accept"),
            step: id(item),
            direction: Direction::Do,
            attempt,
            performer: "alice".into(),
            operation,
        }];
        self.object(operations::write(&list).unwrap())
    }

    pub fn ask(&mut self, label: &str, item: &str, attempt: u32) -> u64 {
        let operations = self.operations(item, attempt, self.operation(item));
        let asked = self.asked(item, attempt, What::Approval, operations);
        self.push(label, "alice", asked)
    }

    pub fn decide(&mut self, label: &str, person: &str, role: &str, request: u64, decision: Decides) -> u64 {
        let SignedText { statement, signature, key } = self.decided(label, person, role, request, decision);
        let by = Statement::read(&statement).map_or(person.to_owned(), |statement| statement.tail.person);
        self.push(label, &by, fact::Approval { statement, signature, key })
    }

    /// A decision that is signed, and not in the journal yet.
    pub fn decided(&mut self, label: &str, person: &str, role: &str, request: u64, decision: Decides) -> SignedText {
        let Some(Fact::Asked(asked)) = self.entries.get(request as usize).map(|entry| entry.fact.clone()) else {
            panic!("{request} is no request");
        };
        let fields = ApprovalFields {
            decision,
            request,
            request_leaf: self.tree.leaf(request).unwrap(),
            covers: asked.covers,
            operations: asked.operations,
            attempt: asked.attempt,
            performer: asked.performer,
            summary: asked.summary,
            again: asked.again,
            approve_by: asked.approve_by,
            run_by: asked.run_by,
        };
        let body = Body::Approval(self.head(), fields);
        self.sign(label, person, role, body)
    }

    pub fn say(
        &mut self,
        label: &str,
        person: &str,
        what: SaidWhat,
        covers: &str,
        attempt: u32,
        object: Option<Digest>,
    ) {
        let body = Body::Said(self.head(), SaidFields { what, covers: covers.into(), attempt, object });
        let SignedText { statement, signature, key } = self.sign(label, person, "", body);
        self.push(label, person, fact::Said { statement, signature, key });
    }

    pub fn intend(&mut self, label: &str, item: &str, attempt: u32, request: u64, consumes: Vec<u64>) -> u64 {
        let operation = object_bytes(&self.operation(item)).unwrap();
        let operation = self.object(operation);
        let send_by = Some(self.at.plus(31_000));
        let intended = fact::Intended {
            step: id(item),
            direction: Direction::Do,
            attempt,
            r#try: 1,
            operation,
            request: Some(request),
            consumes,
            first: None,
            send_by,
        };
        self.push(label, "alice", intended)
    }

    pub fn end(&mut self, label: &str, item: &str, attempt: u32, intended: Option<u64>, result: Ended, found: Found) {
        let value = json!({"Handshake": {"Id": format!("h-{item}")}});
        let output = (result == Ended::Done)
            .then(|| self.object(salted::wrap(&[self.lines.len() as u8; 16], salted::OUTPUT, &value).unwrap()));
        let outcome = fact::Outcome {
            step: id(item),
            direction: Direction::Do,
            attempt,
            intended,
            result,
            output,
            request_id: Some("r-1".into()),
            date: Some(self.at.seconds()),
            error: None,
            took_ms: 5,
            found,
        };
        self.push(label, "alice", outcome);
    }

    /// The whole honest run: two items, from open to witnessed.
    pub fn honest(&mut self) {
        self.open();
        if self.turn("on") {
            self.sign_on("on", "alice");
        }
        if self.turn("session") {
            let opened = fact::SessionOpened {
                session: "new".into(),
                account: "222222222222".into(),
                arn: "arn:aws:sts::222222222222:assumed-role/a/b".into(),
                session_kind: "role".into(),
                endpoint: "https://organizations.us-east-1.amazonaws.com".into(),
            };
            self.push("session", "alice", opened);
        }
        if self.turn("stage") {
            let items = serde_json::to_value(self.plan.stages[0].items.clone()).unwrap();
            let items = self.object(object_bytes(&items).unwrap());
            self.push("stage", "alice", fact::StageEntered { stage: "move".into(), items: Some(items), count: 2 });
        }
        for item in ["k1", "k2"] {
            if self.turn(&format!("anchor {item}")) {
                self.anchor(item, 0);
            }
        }
        for item in ["k1", "k2"] {
            if self.turn(&format!("ask {item}")) {
                self.ask(&format!("ask {item}"), item, 1);
            }
        }
        for item in ["k1", "k2"] {
            for (person, role) in [("bob", "security"), ("carol", "mfa")] {
                let label = format!("approve {person} {item}");
                if self.turn(&label) {
                    let request = self.seq(&format!("ask {item}"));
                    self.decide(&label, person, role, request, Decides::Approve);
                }
            }
        }
        for item in ["k1", "k2"] {
            self.perform(item);
        }
        self.finish();
    }

    pub fn anchor(&mut self, item: &str, salt: u8) {
        let object = self.object(salted::wrap(&[salt; 16], salted::CAPTURED, &json!({"n": salt})).unwrap());
        let set = fact::AnchorSet { stage: "move".into(), item: Some(item.to_owned()), object, proved: 0 };
        self.push(&format!("anchor {item}"), "alice", set);
    }

    fn perform(&mut self, item: &str) {
        let request = self.seq(&format!("ask {item}"));
        if self.turn(&format!("confirm {item}")) {
            let Some(Fact::Asked(asked)) = self.entries.get(request as usize).map(|entry| entry.fact.clone()) else {
                return;
            };
            let label = format!("confirm {item}");
            self.say(&label, "alice", SaidWhat::Confirmed, &format!("move:{item}/accept"), 1, Some(asked.operations));
        }
        if self.turn(&format!("intend {item}")) {
            let consumes = ["bob", "carol"].map(|who| self.seq(&format!("approve {who} {item}"))).to_vec();
            self.intend(&format!("intend {item}"), item, 1, request, consumes);
        }
        if self.turn(&format!("done {item}")) {
            let intended = self.seq(&format!("intend {item}"));
            self.end(&format!("done {item}"), item, 1, Some(intended), Ended::Done, Found::Answer);
        }
        if self.turn(&format!("ended {item}")) {
            let ended = fact::RequestEnded { request, why: fact::EndedBy::Consumed };
            self.push(&format!("ended {item}"), "alice", ended);
        }
        if self.turn(&format!("verified {item}")) {
            let sides = vec!["caller".into()];
            let verified = fact::Verified { step: id(item), direction: Direction::Do, sides, object: None };
            self.push(&format!("verified {item}"), "alice", verified);
        }
    }

    fn finish(&mut self) {
        if self.turn("checkpoint") {
            let (size, root) = (self.tree.size(), root_text(&self.tree.root()));
            self.push("checkpoint", "alice", fact::Checkpoint { size, root, object: None });
        }
        if self.turn("close") {
            self.close("done");
        }
        for who in ["alice", "bob"] {
            let label = format!("witness {who}");
            if self.turn(&label) {
                self.witness(&label, who, "done");
            }
        }
        let _ = self.turn("end");
    }

    pub fn close(&mut self, result: &str) {
        let mut counts = BTreeMap::new();
        for entry in &self.entries {
            *counts.entry(entry.fact.kind().to_owned()).or_insert(0) += 1;
        }
        self.push("close", "alice", fact::RunClosed { result: result.into(), counts });
    }

    pub fn witness(&mut self, label: &str, who: &str, result: &str) {
        let body = Body::Witness(self.head(), result.into());
        let SignedText { statement, signature, key } = self.sign(label, who, "", body);
        self.push(label, who, fact::Witness { statement, signature, key });
    }
}

pub fn id(item: &str) -> StepId {
    StepId::new("move", Some(item), "accept")
}
