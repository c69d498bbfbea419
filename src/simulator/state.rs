//! The simulated AWS itself: accounts, organizations, handshakes, keys; and questions about them.
//! Never decides whether a request is allowed, and knows no wire.

use super::elsewhere::Elsewhere;
use super::shared::Shared;
use crate::base::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that AWS remembers. Compared as a whole by tests: a refused request leaves it equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// By account id (12 digits).
    pub accounts: Shared<Account>,
    /// By organization id (`o-...`).
    pub organizations: Shared<Organization>,
    /// By handshake id (`h-...`).
    pub handshakes: Shared<Handshake>,
    /// By request id (`car-...`).
    pub creations: Shared<Creation>,
    /// By access key id.
    pub keys: Shared<Key>,
    /// Transfers of billing responsibility, by id (`rt-...`).
    pub transfers: Shared<Transfer>,
    /// What other services have at stake.
    pub elsewhere: Arc<Elsewhere>,
    /// How many ids have been given out; makes the next one.
    pub serial: u64,
}

/// How an account came into its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinedMethod {
    Created,
    Invited,
}

impl JoinedMethod {
    pub fn name(&self) -> &'static str {
        match self {
            JoinedMethod::Created => "CREATED",
            JoinedMethod::Invited => "INVITED",
        }
    }
}

/// A place in an organization.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    pub organization: String,
    /// The root's or an organizational unit's id.
    pub parent: String,
    pub method: JoinedMethod,
    pub joined: Time,
}

/// What no API tells and only a person can settle, per account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub payment_method: bool,
    pub phone: bool,
    pub agreement: bool,
    pub support_plan: bool,
    /// The root mailbox is read by somebody, and its address is verified.
    pub mailbox: bool,
    pub contact: bool,
    /// A root MFA device is enrolled.
    pub root_mfa: bool,
}

/// The names under which people settle [`Facts`].
pub const FACTS: [&str; 7] = ["payment_method", "phone", "agreement", "support_plan", "mailbox", "contact", "root_mfa"];

impl Facts {
    /// The fact of that name, to be read or turned.
    pub fn fact(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "payment_method" => &mut self.payment_method,
            "phone" => &mut self.phone,
            "agreement" => &mut self.agreement,
            "support_plan" => &mut self.support_plan,
            "mailbox" => &mut self.mailbox,
            "contact" => &mut self.contact,
            "root_mfa" => &mut self.root_mfa,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub id: String,
    pub name: String,
    pub email: String,
    pub created: Time,
    /// `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, `CLOSED`, `PENDING_ACTIVATION`.
    pub state: String,
    pub member: Option<Membership>,
    pub facts: Facts,
    /// Whom it buys from (`AWS Inc`, `AWS India`, ...): organizations have one seller only.
    pub seller: String,
    /// Tags of the account in its organization; gone when it leaves.
    pub tags: BTreeMap<String, String>,
    pub users: BTreeMap<String, User>,
    pub roles: BTreeMap<String, Role>,
    /// When it last joined or left an organization.
    pub changes: Vec<Time>,
    /// Its root user can sign in with a password, or have it set anew by email.
    pub root_password: bool,
    /// When its closure was asked for.
    pub closing: Option<Time>,
    pub inside: Inside,
}

/// What an account holds besides users and roles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inside {
    /// Contact information, member by member, as AWS names them.
    pub contact: BTreeMap<String, String>,
    /// By type: `BILLING`, `OPERATIONS`, `SECURITY`.
    pub alternates: BTreeMap<String, BTreeMap<String, String>>,
    pub email_update: Option<EmailUpdate>,
    /// The code that AWS read to whoever answered the phone.
    pub phone_code: String,
    /// The number of the contact is verified (which does not settle what leaving an organization asks for).
    pub phone_verified: bool,
    pub groups: BTreeMap<String, Group>,
    /// Empty: none.
    pub alias: String,
    /// Virtual MFA devices, by serial.
    pub devices: BTreeMap<String, Device>,
    pub invoices: Vec<Invoice>,
}

/// A change of the root user's address that is under way, or how the last one ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailUpdate {
    pub email: String,
    /// What AWS sent to the new mailbox.
    pub code: String,
    /// `PENDING`, `ACCEPTED`, `COMPLETED`, `FAILED`.
    pub status: &'static str,
    pub at: Time,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    /// `AGPA...`
    pub id: String,
    pub created: Time,
    pub path: String,
    pub users: BTreeSet<String>,
    /// Names of attached managed policies.
    pub attached: BTreeSet<String>,
}

/// A virtual MFA device.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub serial: String,
    /// Base32.
    pub seed: String,
    /// Who uses it, since when.
    pub user: Option<(String, Time)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    pub id: String,
    pub issued: Time,
    /// `2026-01`.
    pub period: String,
    /// In US dollars, as text.
    pub amount: String,
}

/// A billing transfer between two management accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    pub id: String,
    pub name: String,
    /// The management account whose bills are paid by another, and its organization.
    pub source: String,
    pub source_organization: String,
    /// Who pays: account and organization.
    pub target: String,
    pub target_organization: String,
    /// `REQUESTED`, `ACCEPTED`, `DECLINED`, `CANCELED`, `EXPIRED`, `WITHDRAWN`.
    pub status: &'static str,
    pub start: Time,
    pub end: Option<Time>,
    pub handshake: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub name: String,
    /// `AIDA...`
    pub id: String,
    pub created: Time,
    /// `/`, or `/a/b/`.
    pub path: String,
    /// The ARN of a policy; empty: none. (It does not limit the simulated user.)
    pub boundary: String,
    pub tags: BTreeMap<String, String>,
    /// Names of attached managed policies.
    pub attached: BTreeSet<String>,
    /// Statements written in the world file.
    pub statements: Vec<Statement>,
    pub mfa: Option<Mfa>,
    pub password: Option<Password>,
}

/// How a user signs in to the console. The password itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Password {
    pub created: Time,
    pub reset: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Mfa {
    /// The device's ARN.
    pub serial: String,
    /// The shared secret, base32 as QR codes carry it.
    pub seed: String,
    /// The last 30-second step whose code was used: a code works once.
    pub used: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub name: String,
    /// `AROA...`
    pub id: String,
    pub created: Time,
    /// Account ids and ARNs of principals that may assume it.
    pub trusts: Vec<String>,
    /// Empty: none is asked for.
    pub external_id: String,
    /// It can be assumed only with a valid MFA code.
    pub mfa: bool,
    /// Seconds.
    pub max_session: i64,
    pub attached: BTreeSet<String>,
    pub statements: Vec<Statement>,
    pub path: String,
    pub description: String,
    pub tags: BTreeMap<String, String>,
    /// The trust policy as it was written; empty: made from the members above.
    pub document: String,
    /// Inline policies: name and text.
    pub inline: BTreeMap<String, String>,
}

/// One statement of a policy: what is allowed or denied, with `*` and `?` as wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub allow: bool,
    pub actions: Vec<String>,
    /// ARNs; `*` is all.
    pub resources: Vec<String>,
    /// It applies only to sessions opened with MFA (or, where it denies, only to those without).
    pub mfa: bool,
}

/// An access key, and who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub id: String,
    pub account: String,
    pub who: Who,
    pub secret: String,
    /// Empty: none is asked for.
    pub token: String,
    pub created: Time,
    pub expires: Option<Time>,
    /// The session was opened with an MFA code.
    pub mfa: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Root,
    /// The root user of a member account, as far as a task policy lets the management account be it.
    RootTask(String),
    User(String),
    /// A role session. `identity_center` ones end when the account's organization goes.
    Session {
        role: String,
        session: String,
        identity_center: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Organization {
    pub id: String,
    pub management: String,
    pub created: Time,
    pub root: String,
    /// By id.
    pub units: BTreeMap<String, Unit>,
    /// `ALL` or `CONSOLIDATED_BILLING`.
    pub feature_set: String,
    /// All features are being enabled: invitations are closed.
    pub enabling_all_features: bool,
    pub initialising_until: Option<Time>,
    pub account_quota: usize,
    pub daily_invites: usize,
    /// Account id -> service principal -> since.
    pub delegated: BTreeMap<String, BTreeMap<String, Time>>,
    /// Service principal -> since.
    pub service_access: BTreeMap<String, Time>,
    /// By id.
    pub policies: BTreeMap<String, Policy>,
    /// Tags of roots, units and policies, by resource id.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// A billing transfer is under way.
    pub responsibility_transfer: bool,
    /// Central root access: `RootCredentialsManagement`, `RootSessions`.
    pub features: BTreeSet<String>,
    /// Kinds of policies that are enabled, and when that is in force.
    pub policy_types: BTreeMap<String, Time>,
    /// When accounts were closed lately.
    pub closures: Vec<Time>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    pub id: String,
    pub name: String,
    pub parent: String,
}

/// An organization policy. Only denied actions are modelled, not allow lists or conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub id: String,
    pub name: String,
    pub description: String,
    /// `SERVICE_CONTROL_POLICY`, ...
    pub kind: String,
    pub aws_managed: bool,
    pub denies: Vec<String>,
    /// Ids of roots, units and accounts.
    pub targets: BTreeSet<String>,
    /// The document as it was written; empty: made from `denies`.
    pub content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeState {
    Requested,
    Open,
    Canceled,
    Accepted,
    Declined,
    Expired,
}

impl HandshakeState {
    pub fn name(&self) -> &'static str {
        match self {
            HandshakeState::Requested => "REQUESTED",
            HandshakeState::Open => "OPEN",
            HandshakeState::Canceled => "CANCELED",
            HandshakeState::Accepted => "ACCEPTED",
            HandshakeState::Declined => "DECLINED",
            HandshakeState::Expired => "EXPIRED",
        }
    }

    pub fn pending(&self) -> bool {
        matches!(self, HandshakeState::Requested | HandshakeState::Open)
    }
}

/// An invitation into an organization.
#[derive(Clone, Debug, PartialEq)]
pub struct Handshake {
    pub id: String,
    pub organization: String,
    /// The organization's management account when it was sent.
    pub management: String,
    pub feature_set: String,
    pub target: Target,
    pub notes: String,
    pub kind: HandshakeKind,
    pub state: HandshakeState,
    pub requested: Time,
    pub expires: Time,
    /// When it left the pending states.
    pub ended: Option<Time>,
}

/// What a handshake agrees on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeKind {
    Invite,
    EnableAllFeatures,
    /// The transfer's id.
    Transfer(String),
}

impl HandshakeKind {
    pub fn name(&self) -> &'static str {
        match self {
            HandshakeKind::Invite => "INVITE",
            HandshakeKind::EnableAllFeatures => "ENABLE_ALL_FEATURES",
            HandshakeKind::Transfer(_) => "TRANSFER_RESPONSIBILITY",
        }
    }
}

/// Whom an invitation names, as the caller wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Account(String),
    Email(String),
}

/// An account being made.
#[derive(Clone, Debug, PartialEq)]
pub struct Creation {
    pub id: String,
    pub organization: String,
    pub name: String,
    pub email: String,
    pub role: String,
    pub tags: BTreeMap<String, String>,
    pub requested: Time,
    /// When AWS is done with it.
    pub due: Time,
    /// The account's id, or `FailureReason`; none while in progress.
    pub result: Option<Result<String, String>>,
}

impl State {
    /// A new id: `prefix` and `length` characters of `alphabet`, the same for the same history and seed.
    pub fn new_id(&mut self, seed: u64, prefix: &str, alphabet: &[u8], length: usize) -> String {
        self.serial += 1;
        format!("{prefix}{}", scatter(seed, &format!("{prefix}{}", self.serial), alphabet, length))
    }

    /// The organization of `account`.
    pub fn organization_of(&self, account: &str) -> Option<&Organization> {
        let member = self.accounts.get(account)?.member.as_ref()?;
        self.organizations.get(&member.organization)
    }

    /// `account` manages an organization.
    pub fn is_management(&self, account: &str) -> bool {
        self.organization_of(account).is_some_and(|organization| organization.management == account)
    }

    /// Member accounts of the organization, its management account among them, by id.
    pub fn members<'a>(&'a self, organization: &'a str) -> impl Iterator<Item = &'a Account> {
        self.accounts
            .values()
            .filter(move |account| account.member.as_ref().is_some_and(|member| member.organization == organization))
    }

    /// Invitations of the organization that nobody has answered yet.
    pub fn pending_invites<'a>(&'a self, organization: &'a str) -> impl Iterator<Item = &'a Handshake> {
        self.handshakes
            .values()
            .filter(move |h| h.organization == organization && h.state.pending() && h.kind == HandshakeKind::Invite)
    }

    /// The account that `target` means, if there is one.
    pub fn target_account(&self, target: &Target) -> Option<&Account> {
        match target {
            Target::Account(id) => self.accounts.get(id),
            Target::Email(email) => self.account_of_email(email),
        }
    }

    pub fn account_of_email(&self, email: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.email.eq_ignore_ascii_case(email))
    }

    /// Takes `account` out of its organization: place, tags, direct policies and delegations go;
    /// sessions of Identity Center end where `sessions_end` says so.
    pub fn depart(&mut self, account: &str, now: Time, sessions_end: bool) {
        let Some(entry) = self.accounts.get_mut(account) else { return };
        let Some(member) = entry.member.take() else { return };
        entry.tags.clear();
        entry.changes.push(now);
        if let Some(organization) = self.organizations.get_mut(&member.organization) {
            organization.delegated.remove(account);
            for policy in organization.policies.values_mut() {
                policy.targets.remove(account);
            }
        }
        self.end_elsewhere(account, &member.organization);
        if sessions_end {
            self.end_identity_center_sessions(account, now);
        }
    }

    /// What other services take away from an account that has left this organization.
    fn end_elsewhere(&mut self, account: &str, organization: &str) {
        if *self.elsewhere == Elsewhere::default() {
            return;
        }
        let Some(left) = self.organizations.get(organization).cloned() else { return };
        let members: BTreeSet<String> = self.members(organization).map(|member| member.id.clone()).collect();
        Arc::make_mut(&mut self.elsewhere).departed(account, &left, |other| members.contains(other));
    }

    /// Every Identity Center session in `account` is over from now on.
    pub fn end_identity_center_sessions(&mut self, account: &str, now: Time) {
        let ends = |key: &Key| key.account == account && matches!(key.who, Who::Session { identity_center: true, .. });
        self.keys.change(ends, |key| key.expires = Some(key.expires.map_or(now, |at| at.min(now))));
    }
}

impl Organization {
    /// `id` is the root or a unit of this organization.
    pub fn has_parent(&self, id: &str) -> bool {
        self.root == id || self.units.contains_key(id)
    }

    /// `id` itself and everything above it, up to the root. Ends even where the file made a circle.
    pub fn upwards<'a>(&'a self, id: &'a str) -> Vec<&'a str> {
        let mut path = vec![id];
        let mut at = id;
        while let Some(unit) = self.units.get(at) {
            at = &unit.parent;
            if path.len() > self.units.len() {
                break;
            }
            path.push(at);
        }
        path
    }

    /// `o-.../r-.../ou-.../`: the path of a root or unit.
    pub fn path(&self, id: &str) -> String {
        let mut parts = self.upwards(id);
        parts.reverse();
        format!("{}/{}/", self.id, parts.join("/"))
    }

    pub fn arn(&self, kind: &str, id: &str) -> String {
        let tail = if kind == "organization" { String::new() } else { format!("/{id}") };
        format!("arn:aws:organizations::{}:{kind}/{}{tail}", self.management, self.id)
    }
}

/// `length` characters of `alphabet`, drawn by hashing: stands for randomness and is repeatable.
pub fn scatter(seed: u64, what: &str, alphabet: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    let mut block = 0u32;
    while text.len() < length && !alphabet.is_empty() {
        let digest = crate::base::Digest::of(format!("countersign simulator {seed} {what} {block}").as_bytes());
        for byte in digest.0 {
            if text.len() < length {
                text.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
            }
        }
        block += 1;
    }
    text
}

pub const LOWER: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
pub const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub const DIGITS: &[u8] = b"0123456789";
pub const SECRET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
