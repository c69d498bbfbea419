//! A look as a pure machine: which reads come next, what an answer means, what came of it all. Round by round; an
//! answer is dropped as soon as the rows of the table have seen it, so a thousand accounts stay small.

use super::case::{Case, Way};
use super::known::Known;
use super::of_accounts::{identity, principal};
use super::outcome::{Door, Evidence, Finding, Preflight, Severity, Stops, Unread};
use super::reads::{self, Read, Whom};
use super::rows::{About, Hit, Row};
use super::{route, table};
use crate::base::Time;
use crate::catalogue;
use crate::engine::port::{Call, Fault, Identity, Reply, SessionProblem};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
pub struct Look {
    case: Case,
    known: Known,
    /// How each way came out.
    doors: Vec<Result<Identity, SessionProblem>>,
    /// By account: the way through which it is asked.
    open: BTreeMap<String, usize>,
    findings: Vec<Finding>,
    unread: Vec<Unread>,
    /// Where in `unread` an account's cause stands.
    causes: BTreeMap<(String, String), usize>,
    unsupported: BTreeSet<&'static str>,
    round: u8,
    reads: u64,
}

/// One read to be made.
#[derive(Clone, Debug)]
pub struct Ask {
    pub read: &'static Read,
    /// The place of the session in the case.
    pub way: usize,
    /// What it is asked about.
    pub about: String,
    /// The account that it tells about.
    account: String,
}

/// Who is asked about what, and whom it concerns.
struct Subject {
    asked: String,
    about: String,
    account: String,
}

impl Look {
    pub fn new(case: Case, now: Time) -> Look {
        Look {
            known: Known { now, ..Known::default() },
            case,
            doors: Vec::new(),
            open: BTreeMap::new(),
            findings: Vec::new(),
            unread: Vec::new(),
            causes: BTreeMap::new(),
            unsupported: BTreeSet::new(),
            round: 0,
            reads: 0,
        }
    }

    pub fn case(&self) -> &Case {
        &self.case
    }

    /// How the sessions came out, in the order of the case's ways.
    pub fn opened(&mut self, doors: Vec<(Result<Identity, SessionProblem>, Time)>) {
        for (way, (door, at)) in doors.into_iter().enumerate() {
            let Some(account) = self.case.ways.get(way).map(|way| way.wanted.account.clone()) else { continue };
            if let Ok(identity) = &door {
                self.reads += 1;
                self.known.arns.insert(way, identity.arn.clone());
                self.open.entry(account.clone()).or_insert(way);
                let answer = self::identity(&identity.account, &identity.arn, &identity.kind);
                let ask = Ask { read: &reads::IDENTITY, way, about: account.clone(), account: account.clone() };
                self.seen(&ask, &answer, at, None);
            }
            self.doors.push(door);
        }
    }

    /// The reads of the next round; none: it is over. All answers of a round come before the next one.
    pub fn next_round(&mut self) -> Vec<Ask> {
        while self.round < reads::LAST {
            self.round += 1;
            let (mut asks, round) = (Vec::new(), self.round);
            for read in reads::ALL.iter().copied().filter(|read| read.round == round) {
                if catalogue::find(read.action).is_none() {
                    self.unsupported.insert(read.action);
                    continue;
                }
                for subject in self.subjects(read) {
                    match self.open.get(&subject.asked) {
                        Some(way) => asks.push(Ask { read, way: *way, about: subject.about, account: subject.account }),
                        None => self.out_of_reach(read, &subject),
                    }
                }
            }
            if !asks.is_empty() {
                return asks;
            }
        }
        Vec::new()
    }

    /// What is to be called for a read.
    pub fn call(&self, ask: &Ask) -> Option<Call> {
        let way = self.case.ways.get(ask.way)?;
        Some(Call {
            session: way.wanted.clone(),
            action: ask.read.action.to_owned(),
            with: (ask.read.with)(&ask.about),
            time_limit_ms: 0,
            secret_to: serde_json::Value::Null,
        })
    }

    /// Takes in what came of a read.
    pub fn answered(&mut self, ask: &Ask, reply: Reply, at: Time) {
        self.reads += 1;
        let answer = match reply.result {
            Ok(answer) => answer,
            Err(fault) if ask.read.answers.contains(&fault.code.as_str()) => json!({ "Error": fault.code }),
            Err(fault) => {
                let evidence = self.evidence(ask, at, reply.request_id);
                return self.denied(ask, &fault, evidence);
            }
        };
        self.seen(ask, &answer, at, reply.request_id);
    }

    fn seen(&mut self, ask: &Ask, answer: &serde_json::Value, at: Time, request_id: Option<String>) {
        let asked = self.account_of(ask.way);
        self.known.learn(ask.read, &asked, &ask.about, answer);
        let about = About { case: &self.case, known: &self.known, asked: &asked, about: &ask.about, way: ask.way };
        let hits: Vec<_> = table::rows_of(ask.read)
            .flat_map(|row| (row.find)(&about, answer).into_iter().map(move |hit: Hit| (row, hit)))
            .collect();
        for (row, hit) in hits {
            let evidence = self.evidence(ask, at, request_id.clone());
            let account = hit.account.unwrap_or_else(|| ask.account.clone());
            let severity = self.severity(row, &account);
            self.findings.push(Finding { row, severity, account, says: hit.says, evidence });
        }
    }

    /// What stands in the way that the runbook takes blocks; what stands only in another way warns.
    fn severity(&self, row: &'static Row, account: &str) -> Severity {
        if !row.stops.any() {
            return row.severity;
        }
        let mut touched = self.case.moving.iter().filter(|moving| match row.read.whom {
            Whom::Joining => moving.joins == account,
            Whom::Leaving if row.stops == Stops::EMPTYING => moving.account == account,
            Whom::Leaving if self.case.moves(account).is_none() => {
                self.known.management_of(&self.case, &moving.account).as_deref() == Some(account)
            }
            _ => moving.account == account,
        });
        match touched.any(|moving| row.stops.has(moving.taken())) {
            true => Severity::Blocks,
            false => row.severity.max(Severity::Warns),
        }
    }

    fn account_of(&self, way: usize) -> String {
        self.case.ways.get(way).map(|way| way.wanted.account.clone()).unwrap_or_default()
    }

    fn evidence(&self, ask: &Ask, at: Time, request_id: Option<String>) -> Evidence {
        let session = self.case.ways.get(ask.way).map(|way| way.wanted.id.clone()).unwrap_or_default();
        Evidence { read: ask.read.action, account: self.account_of(ask.way), session, at, request_id }
    }

    /// Whom this read is asked of, about what.
    fn subjects(&self, read: &'static Read) -> Vec<Subject> {
        let own = |account: &str| Subject {
            asked: account.to_owned(),
            about: account.to_owned(),
            account: account.to_owned(),
        };
        let moving = || self.case.moving.iter().map(|moving| moving.account.as_str());
        match read.whom {
            Whom::Session => Vec::new(),
            Whom::Held => {
                let sessions = self.case.ways.iter().map(|way| way.wanted.account.as_str());
                let all: BTreeSet<&str> = sessions.chain(moving()).collect();
                all.into_iter().map(own).collect()
            }
            Whom::Inside => moving().map(own).collect(),
            Whom::Joining => self.case.joined().into_iter().map(own).collect(),
            Whom::Leaving => self.known.left(&self.case).iter().map(|account| own(account)).collect(),
            Whom::OfMember => self.of_members(read, &|_, _| true),
            Whom::Unplaced => self.of_members(read, &|_, account| !self.known.paths.contains_key(account)),
            Whom::Delegated => self.of_members(read, &|management, account| {
                self.known.delegated.get(management).is_some_and(|all| all.contains(account))
            }),
            Whom::Target => self.targets(),
            Whom::Policy => self.policies(),
            Whom::Credentials => self.credentials(),
            Whom::LeavingRegions => {
                let left = self.known.left(&self.case);
                left.iter().flat_map(|account| self.in_regions(account)).collect()
            }
            Whom::InsideRegions => moving().flat_map(|account| self.in_regions(account)).collect(),
            Whom::StackSet => self.stack_sets(),
            Whom::Assigned => self.assigned(),
            Whom::Permission => self.permissions(),
        }
    }

    /// Each account that moves, asked of its management account.
    fn of_members(&self, read: &'static Read, of: &dyn Fn(&str, &str) -> bool) -> Vec<Subject> {
        let mut all = Vec::new();
        for moving in &self.case.moving {
            let account = &moving.account;
            let told = self.known.organizations.get(account);
            let asked = self.known.management_of(&self.case, account);
            // An account in no organization, or at the head of one, has nobody to be asked about it.
            if matches!(told, Some(None)) || asked.as_ref() == Some(account) || asked.as_ref() == Some(&moving.joins) {
                continue;
            }
            let asked = asked.unwrap_or_default();
            if of(&asked, account) || (asked.is_empty() && read.whom == Whom::OfMember) {
                all.push(Subject { asked, about: account.clone(), account: account.clone() });
            }
        }
        all
    }

    /// Each root, unit and account on the way up, with each kind of policy in force.
    fn targets(&self) -> Vec<Subject> {
        let mut all: BTreeMap<(String, String), String> = BTreeMap::new();
        for (account, path) in &self.known.paths {
            let Some(management) = self.known.management_of(&self.case, account) else { continue };
            for kind in self.known.kinds.get(&management).map(Vec::as_slice).unwrap_or_default() {
                for target in path {
                    all.insert((target.clone(), kind.clone()), management.clone());
                }
            }
        }
        all.into_iter()
            .map(|((target, kind), asked)| {
                let account = if self.case.moves(&target).is_some() { target.clone() } else { asked.clone() };
                Subject { asked, about: format!("{target} {kind}"), account }
            })
            .collect()
    }

    /// Each service control policy on the way up; AWS's own allows everything.
    fn policies(&self) -> Vec<Subject> {
        let scp = self
            .known
            .policies
            .iter()
            .filter(|(id, policy)| policy.kind == "SERVICE_CONTROL_POLICY" && id.as_str() != "p-FullAWSAccess");
        scp.map(|(id, policy)| Subject {
            asked: policy.management.clone(),
            about: id.clone(),
            account: policy.management.clone(),
        })
        .collect()
    }

    /// One account, in each region that it uses.
    fn in_regions(&self, account: &str) -> Vec<Subject> {
        let one = |region: &String| {
            let account = account.to_owned();
            Subject { asked: account.clone(), about: format!("{account} {region}"), account }
        };
        self.known.regions_of(account).iter().map(one).collect()
    }

    fn stack_sets(&self) -> Vec<Subject> {
        let all = self.known.stack_sets.keys();
        all.map(|(account, region, name)| Subject {
            asked: account.clone(),
            about: format!("{region} {name}"),
            account: account.clone(),
        })
        .collect()
    }

    /// Each account that leaves an organization with Identity Center.
    fn assigned(&self) -> Vec<Subject> {
        let mut all = Vec::new();
        for moving in &self.case.moving {
            let account = moving.account.clone();
            let Some(asked) = self.known.management_of(&self.case, &account) else { continue };
            let Some((arn, region)) = self.known.centers.get(&asked).filter(|_| asked != moving.joins) else {
                continue;
            };
            all.push(Subject { asked, about: format!("{account} {arn} {region}"), account });
        }
        all
    }

    fn permissions(&self) -> Vec<Subject> {
        let one = |(asked, about): (&String, &String)| Subject {
            asked: asked.clone(),
            about: about.clone(),
            account: about.split(' ').next().unwrap_or_default().to_owned(),
        };
        self.known
            .permissions
            .iter()
            .flat_map(|(asked, all)| all.iter().map(move |about| one((asked, about))))
            .collect()
    }

    /// The principal of each session in an account that moves; the root user's policies can't be simulated.
    fn credentials(&self) -> Vec<Subject> {
        let mut all = Vec::new();
        for moving in &self.case.moving {
            let arn = self.open.get(&moving.account).and_then(|way| self.known.arns.get(way));
            let about = arn.map(|arn| principal(arn));
            if let Some(about) = about.unwrap_or_else(|| Some(String::new())) {
                let account = moving.account.clone();
                all.push(Subject { asked: account.clone(), about, account });
            }
        }
        all
    }

    /// Nobody here can ask.
    fn out_of_reach(&mut self, read: &'static Read, subject: &Subject) {
        let (because, who) = if subject.asked.is_empty() {
            let because = "it is not known which organization it is in, so nobody could be asked about it";
            (because.to_owned(), "whoever has a session in it".to_owned())
        } else {
            let ways = self.case.ways.iter().zip(&self.doors).filter(|(way, _)| way.wanted.account == subject.asked);
            let closed: Vec<(&Way, String)> =
                ways.filter_map(|(way, door)| Some((way, door.as_ref().err()?.to_string()))).collect();
            match closed.first() {
                Some((way, why)) => (why.clone(), holders(way)),
                None => {
                    let because = format!("the runbook has no session in account {}", subject.asked);
                    (because, format!("an administrator of {}", subject.asked))
                }
            }
        };
        self.not_known(read, &subject.account, because, who, None);
    }

    /// It was asked, and not told.
    fn denied(&mut self, ask: &Ask, fault: &Fault, evidence: Evidence) {
        let said = if fault.message.is_empty() { String::new() } else { format!(": {}", fault.message) };
        let because = format!("{} answered {}{said}", ask.read.action, fault.code);
        let who = match fault.class {
            catalogue::Class::Refused => {
                format!("whoever may {} in {}", ask.read.action, self.account_of(ask.way))
            }
            _ => self.case.ways.get(ask.way).map(holders).unwrap_or_default(),
        };
        self.not_known(ask.read, &ask.account, because, who, Some(evidence));
    }

    fn not_known(
        &mut self,
        read: &'static Read,
        account: &str,
        because: String,
        who: String,
        evidence: Option<Evidence>,
    ) {
        let stops = table::rows_of(read).fold(read.leads_to, |all, row| all.or(row.stops));
        // What has the same cause is said once.
        let next = self.unread.len();
        let key = (account.to_owned(), because.clone());
        let place = if evidence.is_none() { *self.causes.entry(key).or_insert(next) } else { next };
        match self.unread.get_mut(place) {
            Some(one) => {
                one.tells.push(read.tells);
                one.stops = one.stops.or(stops);
            }
            None => {
                let account = account.to_owned();
                self.unread.push(Unread { account, tells: vec![read.tells], because, who, stops, evidence });
            }
        }
    }

    /// What came of it.
    pub fn finish(mut self, ended: Time, simulated: bool) -> Preflight {
        let routes = route::decide(&self.case, &self.known, &self.findings, &self.unread);
        let order: BTreeMap<&str, usize> = table::rows().enumerate().map(|(place, row)| (row.id, place)).collect();
        self.findings.sort_by(|a, b| {
            let key = |one: &Finding| (one.severity, order.get(one.row.id).copied());
            key(a).cmp(&key(b)).then_with(|| a.account.cmp(&b.account)).then_with(|| a.says.cmp(&b.says))
        });
        let doors = self
            .doors
            .into_iter()
            .zip(&self.case.ways)
            .map(|(door, way)| Door { way: way.clone(), result: door.map_err(|problem| problem.to_string()) })
            .collect();
        Preflight {
            began: self.known.now,
            ended,
            simulated,
            doors,
            findings: self.findings,
            unread: self.unread,
            unsupported: self.unsupported.into_iter().collect(),
            routes,
            reads: self.reads,
            searched: Vec::new(),
            case: self.case,
        }
    }
}

/// Who has the credentials of a session.
fn holders(way: &Way) -> String {
    match (way.roles.is_empty(), way.people.is_empty()) {
        (true, _) => format!("whoever has credentials for the session {}", way.wanted.id),
        (_, true) => format!("{} (nobody holds the role)", way.roles.join(" or ")),
        _ => format!("{} ({})", way.people.join(" or "), way.roles.join(" or ")),
    }
}
