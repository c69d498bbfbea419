//! The world file (TOML): what a simulated AWS looks like at the start, how it misbehaves, what its
//! commands answer. Text in, a [`World`] or findings with their places out. Strict: an unknown key is
//! an error. Findings `CS1501` to `CS1505`.

pub(super) mod elsewhere;

use super::faults::{Fault, FaultKind, Lasting};
use crate::base::{Finding, Place, Time, duration};
use crate::runbook::reader::one_of;
use elsewhere::{CenterFile, CreditFile, ShareFile, StackSetFile};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::Spanned;

/// A world as written and checked. [`super::Simulator::new`] brings it to life.
#[derive(Clone, Debug)]
pub struct World {
    pub clock: ClockSettings,
    pub timing: Timing,
    pub settings: Settings,
    pub faults: Vec<Fault>,
    pub commands: BTreeMap<String, CommandAnswer>,
    pub(super) accounts: Vec<AccountFile>,
    pub(super) organizations: Vec<OrganizationFile>,
    pub(super) principals: Vec<PrincipalFile>,
    pub(super) roles: Vec<RoleFile>,
    pub(super) stack_sets: Vec<StackSetFile>,
    pub(super) shares: Vec<ShareFile>,
    pub(super) centers: Vec<CenterFile>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockSettings {
    /// When the world begins; none: when the simulator is started.
    pub start: Option<Time>,
    /// Time stands still but where it is put forward.
    pub r#virtual: bool,
}

/// What the plan of a simulated run uses instead of the catalogue's figures (milliseconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    pub time_limit: Option<i64>,
    pub settles_within: Option<i64>,
}

/// What the world answers to a `command` step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandAnswer {
    pub exit: i64,
    pub stdout: String,
}

/// Where AWS publishes no figure or order, or where a test wants another one. Durations in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// All ids and lags come from it.
    pub seed: u64,
    /// Token buckets at AWS's published rates.
    pub throttling: bool,
    /// Requests must be signed with the secret of their access key.
    pub signatures: bool,
    /// Reads by other accounts may be older than this at most; each reader's lag is drawn from the seed.
    pub stale_lag: i64,
    /// Accounts and other things per page of a list.
    pub page_size: usize,
    /// What a fresh invitation shows: `OPEN` or `REQUESTED` (AWS's texts differ).
    pub pending_state: String,
    pub initialises_within: i64,
    pub creates_account_within: i64,
    pub created_account_wait: i64,
    pub new_organization_wait: i64,
    pub handshake_life: i64,
    /// Until an account whose closure was asked for is closed.
    pub closes_account_within: i64,
    /// The code that AWS sends by email or reads on the phone; none: drawn from the seed.
    pub one_time_code: Option<String>,
    /// Closures per organization and 30 days, where a fifth of its accounts is not more.
    pub closures: usize,
    /// Changes of organization per account and 24 hours (AWS publishes no figure).
    pub membership_changes: usize,
    /// An SCP or policy that denies LeaveOrganization also stops a direct transfer (AWS's pages differ).
    pub accept_needs_leave: bool,
    /// An account that is in no organization needs a payment method before it joins one.
    pub accept_needs_payment: bool,
    /// After these an Identity Center session ends: `leave`, `delete_organization`, `create_organization`.
    pub identity_center_ends: Vec<String>,
    /// Regions that every account uses.
    pub regions: Vec<String>,
    /// Order of gates by operation (`AcceptHandshake`), where AWS documents none; unnamed gates come after.
    pub precedence: BTreeMap<String, Vec<String>>,
}

pub(super) const DAY: i64 = 86_400_000;
const SESSION_ENDERS: [&str; 3] = ["leave", "delete_organization", "create_organization"];

impl World {
    /// Reads the text of a world file; `file` is its name in findings.
    pub fn parse(file: &str, text: &str) -> Result<World, Vec<Finding>> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(|| Place::file(file), |span| Place::of(file, text, span));
            let (message, hint) = shape(error.message());
            vec![Finding::error("CS1501", place, message, hint)]
        })?;
        let mut check = Check { file, text, findings: Vec::new() };
        let world = check.world(written);
        check.findings.sort_by(|a, b| a.place.cmp(&b.place));
        if check.findings.is_empty() { Ok(world) } else { Err(check.findings) }
    }
}

/// The reader's words about an unknown name, with the one that was meant.
fn shape(message: &str) -> (String, String) {
    let listed = "runbooks/worlds/README.md lists the keys of a world file.".to_owned();
    for (words, said) in [("unknown field", "there is no key"), ("unknown variant", "there is no choice")] {
        let Some(rest) = message.strip_prefix(words) else { continue };
        let mut names = rest.split('`').skip(1).step_by(2);
        let found = names.next().unwrap_or_default();
        let known: Vec<&str> = names.collect();
        return (format!("{said} `{found}` here"), one_of(found, &known));
    }
    (message.to_owned(), listed)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: Spanned<u32>,
    #[serde(default)]
    clock: ClockWritten,
    #[serde(default)]
    timing: TimingWritten,
    #[serde(default)]
    settings: SettingsWritten,
    #[serde(default)]
    accounts: Vec<AccountFile>,
    #[serde(default)]
    organizations: Vec<OrganizationFile>,
    #[serde(default)]
    principals: Vec<PrincipalFile>,
    #[serde(default)]
    roles: Vec<RoleFile>,
    #[serde(default)]
    stack_sets: Vec<StackSetFile>,
    #[serde(default)]
    resource_shares: Vec<ShareFile>,
    #[serde(default)]
    identity_centers: Vec<CenterFile>,
    #[serde(default)]
    faults: Vec<FaultWritten>,
    #[serde(default)]
    commands: Vec<CommandWritten>,
}

type Text = Spanned<String>;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ClockWritten {
    start: Option<Text>,
    #[serde(default)]
    kind: ClockKind,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
enum ClockKind {
    #[default]
    Real,
    Virtual,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TimingWritten {
    time_limit: Option<Text>,
    settles_within: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct SettingsWritten {
    #[serde(default)]
    seed: u64,
    throttling: Option<bool>,
    signatures: Option<bool>,
    stale_lag: Option<Text>,
    page_size: Option<Spanned<usize>>,
    pending_state: Option<Text>,
    initialises_within: Option<Text>,
    creates_account_within: Option<Text>,
    created_account_wait: Option<Text>,
    new_organization_wait: Option<Text>,
    handshake_life: Option<Text>,
    closes_account_within: Option<Text>,
    one_time_code: Option<String>,
    closures: Option<usize>,
    membership_changes: Option<usize>,
    accept_needs_leave: Option<bool>,
    accept_needs_payment: Option<bool>,
    identity_center_ends: Option<Vec<Text>>,
    regions: Option<Vec<String>>,
    #[serde(default)]
    precedence: BTreeMap<String, Vec<Text>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountFile {
    pub id: Text,
    pub name: String,
    pub email: Option<Text>,
    /// `400d` before the start, or RFC 3339.
    pub created: Option<Text>,
    pub organization: Option<Text>,
    pub parent: Option<Text>,
    pub joined_method: Option<JoinedFile>,
    pub joined: Option<Text>,
    pub state: Option<Text>,
    pub seller: Option<String>,
    #[serde(default = "yes")]
    pub payment_method: bool,
    #[serde(default = "yes")]
    pub phone: bool,
    #[serde(default = "yes")]
    pub agreement: bool,
    #[serde(default = "yes")]
    pub support_plan: bool,
    #[serde(default = "yes")]
    pub mailbox: bool,
    #[serde(default = "yes")]
    pub contact: bool,
    #[serde(default)]
    pub root_mfa: bool,
    #[serde(default = "yes")]
    pub root_password: bool,
    #[serde(default)]
    pub invoices: Vec<InvoiceFile>,
    #[serde(default)]
    pub credits: Vec<CreditFile>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InvoiceFile {
    pub id: Text,
    /// `40d` before the start, or RFC 3339.
    pub issued: Text,
    /// In US dollars.
    #[serde(default)]
    pub amount: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum JoinedFile {
    Created,
    Invited,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganizationFile {
    pub id: Text,
    pub management: Text,
    pub created: Option<Text>,
    pub root: Text,
    #[serde(default = "all_features")]
    pub feature_set: Text,
    #[serde(default)]
    pub enabling_all_features: bool,
    /// How long after the start it is still initialising.
    pub initialising: Option<Text>,
    pub account_quota: Option<usize>,
    pub daily_invites: Option<usize>,
    #[serde(default)]
    pub organizational_units: Vec<UnitFile>,
    #[serde(default)]
    pub delegated_administrators: Vec<DelegatedFile>,
    #[serde(default)]
    pub service_access: Vec<String>,
    #[serde(default)]
    pub policies: Vec<PolicyFile>,
    #[serde(default)]
    pub responsibility_transfer: bool,
    /// Central root access that is on.
    #[serde(default)]
    pub root_access: Vec<Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitFile {
    pub id: Text,
    pub name: String,
    /// Left out: the root.
    pub parent: Option<Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelegatedFile {
    pub account: Text,
    pub service: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    pub id: Text,
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// `SERVICE_CONTROL_POLICY` if left out.
    pub r#type: Option<String>,
    #[serde(default)]
    pub denies: Vec<String>,
    #[serde(default)]
    pub targets: Vec<Text>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum PrincipalKind {
    User,
    Role,
    Root,
    IdentityCenter,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalFile {
    pub profile: Text,
    pub account: Text,
    pub kind: PrincipalKind,
    /// User name, or role name.
    pub name: Option<Text>,
    /// Role sessions: the session's name; the profile if left out.
    pub session_name: Option<String>,
    pub access_key: Option<Text>,
    pub secret_key: Option<String>,
    pub session_token: Option<String>,
    /// Names of managed policies; `AdministratorAccess` if left out and there are no statements.
    pub policies: Option<Vec<Text>>,
    #[serde(default)]
    pub statements: Vec<StatementFile>,
    /// How long after the start the session ends.
    pub expires: Option<Text>,
    pub mfa: Option<MfaFile>,
    /// The session was opened with MFA.
    #[serde(default)]
    pub with_mfa: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MfaFile {
    pub serial: String,
    /// Base32.
    pub seed: Text,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatementFile {
    pub effect: Effect,
    pub actions: Vec<String>,
    #[serde(default = "everything")]
    pub resources: Vec<String>,
    #[serde(default)]
    pub mfa: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleFile {
    pub account: Text,
    pub name: Text,
    /// Account ids and principals' ARNs.
    pub trusts: Vec<Text>,
    #[serde(default)]
    pub external_id: String,
    #[serde(default)]
    pub mfa: bool,
    pub max_session: Option<Text>,
    /// `/` if left out.
    pub path: Option<String>,
    /// Inline policies: name and JSON text.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    pub policies: Option<Vec<Text>>,
    #[serde(default)]
    pub statements: Vec<StatementFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultWritten {
    on: Text,
    nth: Option<Spanned<u64>>,
    kind: FaultKind,
    account: Option<Text>,
    times: Option<Spanned<u64>>,
    lasting: Option<Spanned<LastingWritten>>,
    delay: Option<Text>,
    code: Option<Text>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    readers: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LastingWritten {
    Reads(u32),
    Duration(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandWritten {
    step: Text,
    #[serde(default)]
    exit: i64,
    #[serde(default)]
    stdout: String,
}

fn yes() -> bool {
    true
}

fn all_features() -> Text {
    Spanned::new(0..0, "ALL".to_owned())
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

struct Check<'a> {
    file: &'a str,
    text: &'a str,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn world(&mut self, written: Written) -> World {
        if *written.schema.get_ref() != 1 {
            self.bad("CS1502", written.schema.span(), "schema must be 1", "Write `schema = 1`.");
        }
        self.accounts(&written);
        self.organizations(&written);
        self.principals(&written);
        self.roles(&written);
        self.elsewhere(&written);
        let faults = written.faults.into_iter().map(|fault| self.fault(fault)).collect();
        World {
            clock: ClockSettings {
                start: written.clock.start.as_ref().map(|start| self.instant(start)),
                r#virtual: written.clock.kind == ClockKind::Virtual,
            },
            timing: Timing {
                time_limit: self.optional(written.timing.time_limit.as_ref()),
                settles_within: self.optional(written.timing.settles_within.as_ref()),
            },
            settings: self.settings(&written.settings),
            faults,
            commands: self.commands(written.commands),
            accounts: written.accounts,
            organizations: written.organizations,
            principals: written.principals,
            roles: written.roles,
            stack_sets: written.stack_sets,
            shares: written.resource_shares,
            centers: written.identity_centers,
        }
    }

    fn settings(&mut self, written: &SettingsWritten) -> Settings {
        let pending = written.pending_state.as_ref().map_or("OPEN", |state| state.get_ref());
        if !matches!(pending, "OPEN" | "REQUESTED") {
            let span = written.pending_state.as_ref().map_or(0..0, Spanned::span);
            self.bad("CS1503", span, "pending_state must be OPEN or REQUESTED", "");
        }
        if let Some(size) = written.page_size.as_ref().filter(|size| !(1..=20).contains(size.get_ref())) {
            self.bad("CS1503", size.span(), "page_size must be from 1 to 20", "AWS gives at most 20 per page.");
        }
        for what in written.identity_center_ends.iter().flatten() {
            self.one_of(what, &SESSION_ENDERS);
        }
        let mut time = |text: &Option<Text>, default: i64| self.optional(text.as_ref()).unwrap_or(default);
        Settings {
            seed: written.seed,
            throttling: written.throttling.unwrap_or(true),
            signatures: written.signatures.unwrap_or(true),
            stale_lag: time(&written.stale_lag, 0),
            page_size: written.page_size.as_ref().map_or(20, |size| *size.get_ref()),
            pending_state: pending.to_owned(),
            initialises_within: time(&written.initialises_within, 3_600_000),
            creates_account_within: time(&written.creates_account_within, 20_000),
            created_account_wait: time(&written.created_account_wait, 4 * DAY),
            new_organization_wait: time(&written.new_organization_wait, 7 * DAY),
            handshake_life: time(&written.handshake_life, 15 * DAY),
            closes_account_within: time(&written.closes_account_within, 60_000),
            one_time_code: written.one_time_code.clone(),
            closures: written.closures.unwrap_or(250),
            membership_changes: written.membership_changes.unwrap_or(10),
            accept_needs_leave: written.accept_needs_leave.unwrap_or(true),
            accept_needs_payment: written.accept_needs_payment.unwrap_or(false),
            identity_center_ends: match &written.identity_center_ends {
                Some(list) => list.iter().map(|text| text.get_ref().clone()).collect(),
                None => SESSION_ENDERS.map(str::to_owned).to_vec(),
            },
            regions: written.regions.clone().unwrap_or_else(|| vec![super::elsewhere::HOME.to_owned()]),
            precedence: self.precedence(&written.precedence),
        }
    }

    fn precedence(&mut self, written: &BTreeMap<String, Vec<Text>>) -> BTreeMap<String, Vec<String>> {
        for (operation, gates) in written {
            let known = super::organizations::gates(operation);
            for gate in gates {
                self.one_of(gate, known);
            }
        }
        written
            .iter()
            .map(|(key, list)| (key.clone(), list.iter().map(|text| text.get_ref().clone()).collect()))
            .collect()
    }

    fn accounts(&mut self, written: &Written) {
        let mut ids = BTreeSet::new();
        let mut emails = BTreeSet::new();
        for account in &written.accounts {
            self.pattern(&account.id, is_account_id, "an account id has 12 digits");
            self.unique(&mut ids, &account.id, "account");
            if let Some(email) = &account.email {
                self.unique(&mut emails, email, "e-mail address");
                self.pattern(email, is_email, "that is no e-mail address");
            }
            self.age(account.created.as_ref());
            account.invoices.iter().for_each(|invoice| self.age(Some(&invoice.issued)));
            self.age(account.joined.as_ref());
            if let Some(state) = &account.state {
                self.one_of(state, &["ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"]);
            }
            self.place_of(account, &written.organizations);
        }
    }

    fn place_of(&mut self, account: &AccountFile, organizations: &[OrganizationFile]) {
        let Some(organization) = &account.organization else {
            if let Some(parent) = &account.parent {
                self.bad("CS1504", parent.span(), "a parent needs an organization", "Add `organization = \"o-...\"`.");
            }
            return;
        };
        let Some(found) = organizations.iter().find(|o| o.id.get_ref() == organization.get_ref()) else {
            self.missing(organization, "organization");
            return;
        };
        if let Some(parent) = &account.parent
            && found.root.get_ref() != parent.get_ref()
            && !found.organizational_units.iter().any(|unit| unit.id.get_ref() == parent.get_ref())
        {
            self.missing(parent, "root or organizational unit of that organization");
        }
    }

    fn organizations(&mut self, written: &Written) {
        let mut ids = BTreeSet::new();
        for organization in &written.organizations {
            self.unique(&mut ids, &organization.id, "organization");
            self.unique(&mut ids, &organization.root, "root");
            self.pattern(&organization.id, is_organization_id, "an organization id is o- and 10 to 32 of a-z, 0-9");
            self.pattern(&organization.root, is_root_id, "a root id is r- and 4 to 32 of a-z, 0-9");
            self.one_of(&organization.feature_set, &["ALL", "CONSOLIDATED_BILLING"]);
            self.age(organization.created.as_ref());
            for feature in &organization.root_access {
                self.one_of(feature, &["RootCredentialsManagement", "RootSessions"]);
            }
            self.optional(organization.initialising.as_ref());
            self.management(organization, &written.accounts);
            self.units(organization, &mut ids);
            for one in &organization.delegated_administrators {
                self.member(&one.account, organization, &written.accounts);
            }
            for policy in &organization.policies {
                self.unique(&mut ids, &policy.id, "policy");
            }
        }
    }

    fn management(&mut self, organization: &OrganizationFile, accounts: &[AccountFile]) {
        let id = organization.management.get_ref();
        match accounts.iter().find(|account| account.id.get_ref() == id) {
            None => self.missing(&organization.management, "account"),
            Some(account) => {
                if account.organization.as_ref().is_some_and(|at| at.get_ref() != organization.id.get_ref()) {
                    let message = "that account is a member of another organization";
                    self.bad("CS1504", organization.management.span(), message, "");
                }
            }
        }
    }

    fn member(&mut self, account: &Text, organization: &OrganizationFile, accounts: &[AccountFile]) {
        let inside = accounts.iter().any(|one| {
            one.id.get_ref() == account.get_ref()
                && one.organization.as_ref().is_some_and(|at| at.get_ref() == organization.id.get_ref())
        });
        if !inside {
            self.missing(account, "member account of that organization");
        }
    }

    fn units(&mut self, organization: &OrganizationFile, ids: &mut BTreeSet<String>) {
        let parents: BTreeMap<&str, &str> = organization
            .organizational_units
            .iter()
            .map(|unit| {
                let parent = unit.parent.as_ref().map_or(organization.root.get_ref(), |parent| parent.get_ref());
                (unit.id.get_ref().as_str(), parent.as_str())
            })
            .collect();
        for unit in &organization.organizational_units {
            self.unique(ids, &unit.id, "organizational unit");
            self.pattern(
                &unit.id,
                is_unit_id,
                "an organizational unit's id is ou-, the root's letters, -, 8 to 32 of a-z, 0-9",
            );
            let mut at = unit.id.get_ref().as_str();
            let mut steps = 0;
            while let Some(parent) = parents.get(at) {
                at = parent;
                steps += 1;
                if steps > parents.len() {
                    break;
                }
            }
            if at != organization.root.get_ref() {
                let span = unit.parent.as_ref().map_or(unit.id.span(), Spanned::span);
                self.bad(
                    "CS1504",
                    span,
                    "this unit does not lead up to the root",
                    "Give an existing unit or the root as parent.",
                );
            }
        }
    }

    fn principals(&mut self, written: &Written) {
        let mut profiles = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for principal in &written.principals {
            self.unique(&mut profiles, &principal.profile, "profile");
            self.known_account(&principal.account, &written.accounts);
            if let Some(key) = &principal.access_key {
                self.unique(&mut keys, key, "access key");
                self.pattern(key, is_access_key, "an access key id has 16 to 128 of A-Z, a-z, 0-9 and _");
            }
            if principal.name.is_none() && principal.kind != PrincipalKind::Root {
                self.bad(
                    "CS1504",
                    principal.profile.span(),
                    "this principal needs a name",
                    "Add `name = \"...\"`: the user's or role's.",
                );
            }
            self.policies(principal.policies.as_deref());
            self.optional(principal.expires.as_ref());
            if let Some(mfa) = &principal.mfa
                && super::totp::seed(mfa.seed.get_ref()).is_none()
            {
                self.bad("CS1503", mfa.seed.span(), "an MFA seed is base32 (A-Z, 2-7)", "");
            }
        }
    }

    fn roles(&mut self, written: &Written) {
        let mut names = BTreeSet::new();
        for role in &written.roles {
            self.known_account(&role.account, &written.accounts);
            if !names.insert((role.account.get_ref(), role.name.get_ref())) {
                self.bad("CS1505", role.name.span(), "this account has two roles of that name", "Remove one.");
            }
            self.policies(role.policies.as_deref());
            self.optional(role.max_session.as_ref());
            for trust in &role.trusts {
                let ok = is_account_id(trust.get_ref()) || trust.get_ref().starts_with("arn:aws:");
                if !ok {
                    self.bad("CS1503", trust.span(), "trusts holds account ids and ARNs", "");
                }
            }
        }
    }

    fn policies(&mut self, names: Option<&[Text]>) {
        for name in names.unwrap_or_default() {
            if super::access::managed(name.get_ref()).is_none() {
                let known = super::access::managed_names().join(", ");
                let message = format!("the simulator does not know the managed policy `{}`", name.get_ref());
                self.bad(
                    "CS1504",
                    name.span(),
                    &message,
                    &format!("It knows {known}; write others as [[....statements]]."),
                );
            }
        }
    }

    fn known_account(&mut self, id: &Text, accounts: &[AccountFile]) {
        if !accounts.iter().any(|account| account.id.get_ref() == id.get_ref()) {
            self.missing(id, "account");
        }
    }

    fn fault(&mut self, written: FaultWritten) -> Fault {
        if !super::faults::is_pattern(written.on.get_ref()) {
            let hint = "Write for instance organizations:AcceptHandshake, organizations:* or *.";
            self.bad("CS1503", written.on.span(), "that is no operation's name", hint);
        }
        for count in [&written.nth, &written.times].into_iter().flatten() {
            if *count.get_ref() == 0 {
                self.bad("CS1503", count.span(), "counting begins at 1", "");
            }
        }
        let lasting = written.lasting.map(|lasting| {
            let span = lasting.span();
            match lasting.into_inner() {
                LastingWritten::Reads(count) => Lasting::Reads(count),
                LastingWritten::Duration(text) => Lasting::Ms(self.milliseconds(&text, span)),
            }
        });
        let code = written.code.as_ref().map_or("", |code| code.get_ref().as_str());
        if written.kind == FaultKind::Error && !super::errors::known(written.on.get_ref(), code, &written.reason) {
            let span = written.code.as_ref().unwrap_or(&written.on).span();
            let hint = "GET /_countersign/operations gives the errors of each operation.";
            self.bad("CS1503", span, "that operation does not answer with this code and reason", hint);
        }
        Fault {
            code: code.to_owned(),
            reason: written.reason,
            on: written.on.into_inner(),
            nth: written.nth.map_or(1, Spanned::into_inner),
            times: written.times.map_or(1, Spanned::into_inner),
            kind: written.kind,
            account: written.account.map(Spanned::into_inner),
            lasting: lasting.unwrap_or(Lasting::Ms(5_000)),
            delay: self.optional(written.delay.as_ref()).unwrap_or(5_000),
            readers: written.readers.into_iter().map(Spanned::into_inner).collect(),
        }
    }

    fn commands(&mut self, written: Vec<CommandWritten>) -> BTreeMap<String, CommandAnswer> {
        let mut commands = BTreeMap::new();
        for command in written {
            let span = command.step.span();
            let answer = CommandAnswer { exit: command.exit, stdout: command.stdout };
            if commands.insert(command.step.into_inner(), answer).is_some() {
                self.bad("CS1505", span, "this step has two answers", "Remove one.");
            }
        }
        commands
    }

    // Small checks.

    fn bad(&mut self, code: &'static str, span: Range<usize>, message: &str, hint: &str) {
        self.findings.push(Finding::error(code, Place::of(self.file, self.text, span), message, hint));
    }

    fn missing(&mut self, text: &Text, what: &str) {
        self.bad("CS1504", text.span(), &format!("there is no {what} `{}` in this world", text.get_ref()), "");
    }

    fn unique(&mut self, seen: &mut BTreeSet<String>, text: &Text, what: &str) {
        if !seen.insert(text.get_ref().clone()) {
            self.bad("CS1505", text.span(), &format!("the {what} `{}` is there twice", text.get_ref()), "Remove one.");
        }
    }

    fn pattern(&mut self, text: &Text, fits: fn(&str) -> bool, message: &str) {
        if !fits(text.get_ref()) {
            self.bad("CS1503", text.span(), message, "");
        }
    }

    fn one_of(&mut self, text: &Text, known: &[&str]) {
        if !known.contains(&text.get_ref().as_str()) {
            let hint = if known.is_empty() { String::new() } else { format!("One of: {}.", known.join(", ")) };
            self.bad("CS1503", text.span(), &format!("`{}` is not known here", text.get_ref()), &hint);
        }
    }

    fn optional(&mut self, text: Option<&Text>) -> Option<i64> {
        text.map(|text| self.milliseconds(text.get_ref(), text.span()))
    }

    fn milliseconds(&mut self, text: &str, span: Range<usize>) -> i64 {
        duration::parse(text).unwrap_or_else(|message| {
            self.bad("CS1503", span, &message, "");
            0
        })
    }

    fn instant(&mut self, text: &Text) -> Time {
        Time::parse(text.get_ref()).unwrap_or_else(|| {
            self.bad("CS1503", text.span(), "that is no RFC 3339 time", "Write for instance 2026-01-05T09:00:00Z.");
            Time(0)
        })
    }

    fn age(&mut self, text: Option<&Text>) {
        if let Some(text) = text
            && moment(text.get_ref(), Time(0)).is_none()
        {
            let hint = "Write for instance 400d, or 2026-01-05T09:00:00Z.";
            self.bad("CS1503", text.span(), "that is neither an age nor an RFC 3339 time", hint);
        }
    }
}

/// `400d` before `start`, or an RFC 3339 time.
pub(super) fn moment(text: &str, start: Time) -> Option<Time> {
    duration::parse(text).ok().map(|ms| start.plus(ms.saturating_neg())).or_else(|| Time::parse(text))
}

pub(super) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn lower(text: &str, from: usize, to: usize) -> bool {
    (from..=to).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

pub(super) fn is_organization_id(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|rest| lower(rest, 10, 32))
}

pub(super) fn is_root_id(text: &str) -> bool {
    text.strip_prefix("r-").is_some_and(|rest| lower(rest, 4, 32))
}

pub(super) fn is_unit_id(text: &str) -> bool {
    text.strip_prefix("ou-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(root, rest)| lower(root, 4, 32) && lower(rest, 8, 32))
}

pub(super) fn is_email(text: &str) -> bool {
    let fits = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    (6..=64).contains(&text.chars().count())
        && text.split_once('@').is_some_and(|(name, host)| {
            fits(name) && fits(host) && host.split_once('.').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
        })
}

fn is_access_key(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
