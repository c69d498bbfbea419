//! From a checked world file to the state at its start.

use super::account;
use super::elsewhere::{Assignment, Center, Credit, Elsewhere, HOME, Share, StackSet};
use super::state::{
    Account, DIGITS, Facts, Inside, Invoice, JoinedMethod, Key, LOWER, Membership, Mfa, Organization, Policy, Role,
    SECRET, State, Statement, UPPER, Unit, User, Who, scatter,
};
use super::world::{
    AccountFile, DAY, Effect, InvoiceFile, JoinedFile, OrganizationFile, PolicyFile, PrincipalFile, PrincipalKind,
    RoleFile, StatementFile, World, moment,
};
use crate::base::{Time, duration};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use toml::Spanned;

type Text = Spanned<String>;

/// The policy that every root, unit and account of a new organization has.
pub(super) fn full_access(targets: impl IntoIterator<Item = String>) -> Policy {
    Policy {
        id: "p-FullAWSAccess".to_owned(),
        name: "FullAWSAccess".to_owned(),
        description: "Allows access to every operation".to_owned(),
        kind: "SERVICE_CONTROL_POLICY".to_owned(),
        aws_managed: true,
        denies: Vec::new(),
        targets: targets.into_iter().collect(),
        content:
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"
                .to_owned(),
    }
}

/// The state at `start`, and the access key ids by profile.
pub(super) fn wake(world: &World, start: Time) -> (State, BTreeMap<String, String>) {
    let mut state = State::default();
    for organization in &world.organizations {
        state.organizations.insert(organization.id.get_ref().clone(), wake_organization(organization, start));
    }
    for account in &world.accounts {
        state.accounts.insert(account.id.get_ref().clone(), wake_account(account, world, start));
    }
    for role in &world.roles {
        let made = wake_role(role, start);
        if let Some(account) = state.accounts.get_mut(role.account.get_ref()) {
            account.roles.insert(made.name.clone(), made);
        }
    }
    state.elsewhere = Arc::new(wake_elsewhere(world, start));
    let mut profiles = BTreeMap::new();
    for principal in &world.principals {
        let key = wake_principal(principal, world.settings.seed, start, &mut state);
        profiles.insert(principal.profile.get_ref().clone(), key.id.clone());
        state.keys.insert(key.id.clone(), key);
    }
    (state, profiles)
}

fn wake_elsewhere(world: &World, start: Time) -> Elsewhere {
    let plain = |list: &[Text]| list.iter().map(|one| one.get_ref().clone()).collect::<BTreeSet<String>>();
    let home = |region: &Option<String>| region.clone().unwrap_or_else(|| HOME.to_owned());
    let set = |file: &super::world::elsewhere::StackSetFile| {
        let region = home(&file.region);
        let regions = if file.stack_regions.is_empty() { vec![region.clone()] } else { file.stack_regions.clone() };
        let stacks = plain(&file.accounts);
        StackSet {
            account: file.account.get_ref().clone(),
            region,
            name: file.name.clone(),
            automatic: file.auto_deployment,
            retain: file.retain_stacks,
            stacks: stacks.iter().flat_map(|at| regions.iter().map(|region| (at.clone(), region.clone()))).collect(),
        }
    };
    let share = |file: &super::world::elsewhere::ShareFile| Share {
        owner: file.owner.get_ref().clone(),
        region: home(&file.region),
        name: file.name.clone(),
        retain: file.retain,
        with: plain(&file.accounts),
    };
    let assignment = |file: &super::world::elsewhere::AssignmentFile| Assignment {
        account: file.account.get_ref().clone(),
        set: file.permission_set.clone(),
        group: file.group.is_some(),
        principal: text(&file.group).map(str::to_owned).or_else(|| file.user.clone()).unwrap_or_default(),
    };
    let center = |file: &super::world::elsewhere::CenterFile| Center {
        account: file.account.get_ref().clone(),
        region: home(&file.region),
        assignments: file.assignments.iter().map(assignment).collect(),
    };
    let credits = world.accounts.iter().flat_map(|account| {
        account.credits.iter().map(|file| Credit {
            account: account.id.get_ref().clone(),
            id: file.id.get_ref().clone(),
            description: file.description.clone(),
            amount: file.amount.clone(),
            start,
        })
    });
    Elsewhere {
        stack_sets: world.stack_sets.iter().map(set).collect(),
        shares: world.shares.iter().map(share).collect(),
        centers: world.centers.iter().map(center).collect(),
        credits: credits.collect(),
        damage: Vec::new(),
    }
}

fn text(text: &Option<Text>) -> Option<&str> {
    text.as_ref().map(|text| text.get_ref().as_str())
}

fn age(text: &Option<Text>, default: i64, start: Time) -> Time {
    text.as_ref().and_then(|text| moment(text.get_ref(), start)).unwrap_or(start.plus(-default))
}

fn wake_organization(file: &OrganizationFile, start: Time) -> Organization {
    let root = file.root.get_ref().clone();
    let unit = |unit: &super::world::UnitFile| Unit {
        id: unit.id.get_ref().clone(),
        name: unit.name.clone(),
        parent: text(&unit.parent).unwrap_or(&root).to_owned(),
    };
    let mut delegated: BTreeMap<String, BTreeMap<String, Time>> = BTreeMap::new();
    let mut service_access: BTreeMap<String, Time> =
        file.service_access.iter().map(|service| (service.clone(), start)).collect();
    for one in &file.delegated_administrators {
        delegated.entry(one.account.get_ref().clone()).or_default().insert(one.service.clone(), start);
        service_access.insert(one.service.clone(), start);
    }
    let mut policies: BTreeMap<String, Policy> =
        file.policies.iter().map(|policy| (policy.id.get_ref().clone(), wake_policy(policy))).collect();
    let all = full_access([root.clone()]);
    policies.entry(all.id.clone()).or_insert(all);
    Organization {
        id: file.id.get_ref().clone(),
        management: file.management.get_ref().clone(),
        created: age(&file.created, 400 * DAY, start),
        units: file.organizational_units.iter().map(|one| (one.id.get_ref().clone(), unit(one))).collect(),
        root,
        feature_set: file.feature_set.get_ref().clone(),
        enabling_all_features: file.enabling_all_features,
        initialising_until: text(&file.initialising).and_then(|t| duration::parse(t).ok()).map(|ms| start.plus(ms)),
        account_quota: file.account_quota.unwrap_or(10),
        daily_invites: file.daily_invites.unwrap_or_else(|| file.account_quota.unwrap_or(10).max(20)),
        delegated,
        service_access,
        policies,
        tags: BTreeMap::new(),
        responsibility_transfer: file.responsibility_transfer,
        features: file.root_access.iter().map(|feature| feature.get_ref().clone()).collect(),
        policy_types: match file.feature_set.get_ref() == "ALL" {
            true => BTreeMap::from([("SERVICE_CONTROL_POLICY".to_owned(), start)]),
            false => BTreeMap::new(),
        },
        closures: Vec::new(),
    }
}

fn wake_policy(file: &PolicyFile) -> Policy {
    Policy {
        id: file.id.get_ref().clone(),
        name: file.name.clone(),
        description: file.description.clone(),
        kind: file.r#type.clone().unwrap_or_else(|| "SERVICE_CONTROL_POLICY".to_owned()),
        aws_managed: false,
        denies: file.denies.clone(),
        targets: file.targets.iter().map(|target| target.get_ref().clone()).collect(),
        content: String::new(),
    }
}

fn wake_account(file: &AccountFile, world: &World, start: Time) -> Account {
    let id = file.id.get_ref();
    let created = age(&file.created, 400 * DAY, start);
    // A management account is a member of its organization, whether or not its table says so.
    let organization = world
        .organizations
        .iter()
        .find(|one| text(&file.organization) == Some(one.id.get_ref().as_str()) || one.management.get_ref() == id);
    let member = organization.map(|organization| {
        let founded = age(&organization.created, 400 * DAY, start);
        let management = organization.management.get_ref() == id;
        let method = if management { JoinedFile::Invited } else { file.joined_method.unwrap_or(JoinedFile::Created) };
        let default = if method == JoinedFile::Created { created } else { founded.max(created) };
        Membership {
            organization: organization.id.get_ref().clone(),
            parent: text(&file.parent).unwrap_or(organization.root.get_ref()).to_owned(),
            method: if method == JoinedFile::Created { JoinedMethod::Created } else { JoinedMethod::Invited },
            joined: file.joined.as_ref().and_then(|joined| moment(joined.get_ref(), start)).unwrap_or(default),
        }
    });
    Account {
        id: id.clone(),
        name: file.name.clone(),
        email: text(&file.email).map_or_else(|| format!("aws+{id}@example.com"), str::to_owned),
        created,
        state: text(&file.state).unwrap_or("ACTIVE").to_owned(),
        member,
        facts: Facts {
            payment_method: file.payment_method,
            phone: file.phone,
            agreement: file.agreement,
            support_plan: file.support_plan,
            mailbox: file.mailbox,
            contact: file.contact,
            root_mfa: file.root_mfa,
        },
        seller: file.seller.clone().unwrap_or_else(|| "AWS Inc".to_owned()),
        tags: file.tags.clone(),
        users: BTreeMap::new(),
        roles: BTreeMap::new(),
        changes: Vec::new(),
        root_password: file.root_password,
        closing: None,
        inside: Inside {
            contact: match file.contact {
                true => account::some_contact(&file.name),
                false => BTreeMap::new(),
            },
            invoices: file.invoices.iter().filter_map(|invoice| wake_invoice(invoice, start)).collect(),
            ..Inside::default()
        },
    }
}

fn wake_invoice(file: &InvoiceFile, start: Time) -> Option<Invoice> {
    let issued = moment(file.issued.get_ref(), start)?;
    let period = issued.seconds().chars().take(7).collect();
    Some(Invoice { id: file.id.get_ref().clone(), issued, period, amount: file.amount.clone() })
}

/// The role with its policies; `AdministratorAccess` where neither policies nor statements are given.
fn wake_role(file: &RoleFile, start: Time) -> Role {
    let session = text(&file.max_session).and_then(|t| duration::parse(t).ok()).map_or(3_600, |ms| ms / 1_000);
    Role {
        max_session: session.clamp(900, 43_200),
        attached: policies(file.policies.as_deref(), &file.statements),
        statements: file.statements.iter().map(wake_statement).collect(),
        trusts: file.trusts.iter().map(|trust| trust.get_ref().clone()).collect(),
        external_id: file.external_id.clone(),
        mfa: file.mfa,
        path: file.path.clone().unwrap_or_else(|| "/".to_owned()),
        inline: file.inline.clone(),
        ..plain_role(file.account.get_ref(), file.name.get_ref(), start)
    }
}

/// A role that nobody may assume and that allows nothing.
pub(super) fn plain_role(account: &str, name: &str, now: Time) -> Role {
    Role {
        name: name.to_owned(),
        id: format!("AROA{}", scatter(0, &format!("role {account} {name}"), UPPER, 17)),
        created: now,
        trusts: Vec::new(),
        external_id: String::new(),
        mfa: false,
        max_session: 3_600,
        attached: BTreeSet::new(),
        statements: Vec::new(),
        path: "/".to_owned(),
        description: String::new(),
        tags: BTreeMap::new(),
        document: String::new(),
        inline: BTreeMap::new(),
    }
}

fn policies(names: Option<&[Text]>, statements: &[StatementFile]) -> BTreeSet<String> {
    match names {
        Some(names) => names.iter().map(|name| name.get_ref().clone()).collect(),
        None if statements.is_empty() => BTreeSet::from(["AdministratorAccess".to_owned()]),
        None => BTreeSet::new(),
    }
}

fn wake_statement(file: &StatementFile) -> Statement {
    Statement {
        allow: file.effect == Effect::Allow,
        actions: file.actions.clone(),
        resources: file.resources.clone(),
        mfa: file.mfa,
    }
}

fn wake_principal(file: &PrincipalFile, seed: u64, start: Time, state: &mut State) -> Key {
    let (account, profile) = (file.account.get_ref(), file.profile.get_ref());
    let name = text(&file.name).unwrap_or("").to_owned();
    let who = match file.kind {
        PrincipalKind::Root => Who::Root,
        PrincipalKind::User => Who::User(name.clone()),
        kind => Who::Session {
            role: name.clone(),
            session: file.session_name.clone().unwrap_or_else(|| profile.clone()),
            identity_center: kind == PrincipalKind::IdentityCenter,
        },
    };
    if let Some(found) = state.accounts.get_mut(account) {
        match &who {
            Who::User(name) => merge_user(file, name, start, found),
            Who::Session { role, .. } => merge_role(file, role, start, found),
            Who::Root | Who::RootTask(_) => {}
        }
    }
    let temporary = matches!(who, Who::Session { .. });
    let prefix = if temporary { "ASIA" } else { "AKIA" };
    let drawn = |what: &str, alphabet: &[u8], length| scatter(seed, &format!("{what} {profile}"), alphabet, length);
    Key {
        id: text(&file.access_key).map_or_else(|| format!("{prefix}{}", drawn("key", UPPER, 16)), str::to_owned),
        account: account.clone(),
        who,
        secret: file.secret_key.clone().unwrap_or_else(|| drawn("secret", SECRET, 40)),
        token: file.session_token.clone().unwrap_or_default(),
        created: start,
        expires: text(&file.expires).and_then(|t| duration::parse(t).ok()).map(|ms| start.plus(ms)),
        mfa: file.with_mfa,
    }
}

/// One user may have several profiles: what they say of it adds up.
fn merge_user(file: &PrincipalFile, name: &str, start: Time, account: &mut Account) {
    let id = &account.id;
    let user = account.users.entry(name.to_owned()).or_insert_with(|| plain_user(id, name, start));
    user.attached.extend(policies(file.policies.as_deref(), &file.statements));
    user.statements.extend(file.statements.iter().map(wake_statement));
    if let Some(mfa) = &file.mfa {
        user.mfa = Some(Mfa { serial: mfa.serial.clone(), seed: mfa.seed.get_ref().clone(), used: None });
    }
}

/// A user that is allowed nothing.
pub(super) fn plain_user(account: &str, name: &str, now: Time) -> User {
    User {
        name: name.to_owned(),
        id: format!("AIDA{}", scatter(0, &format!("user {account} {name} {}", now.0), UPPER, 17)),
        created: now,
        path: "/".to_owned(),
        boundary: String::new(),
        tags: BTreeMap::new(),
        attached: BTreeSet::new(),
        statements: Vec::new(),
        mfa: None,
        password: None,
    }
}

fn merge_role(file: &PrincipalFile, name: &str, start: Time, account: &mut Account) {
    let id = account.id.clone();
    let written = account.roles.contains_key(name);
    let role = account.roles.entry(name.to_owned()).or_insert_with(|| plain_role(&id, name, start));
    // A role of the file keeps its own policies unless the profile says more.
    if !written || file.policies.is_some() || !file.statements.is_empty() {
        role.attached.extend(policies(file.policies.as_deref(), &file.statements));
        role.statements.extend(file.statements.iter().map(wake_statement));
    }
}

/// A new account as CreateAccount makes it: it trusts the management account, and nothing is settled.
pub(super) fn created_account(id: &str, name: &str, email: &str, now: Time) -> Account {
    Account {
        id: id.to_owned(),
        name: name.to_owned(),
        email: email.to_owned(),
        created: now,
        state: "ACTIVE".to_owned(),
        member: None,
        facts: Facts {
            payment_method: false,
            phone: false,
            agreement: false,
            support_plan: false,
            mailbox: false,
            contact: false,
            root_mfa: false,
        },
        seller: "AWS Inc".to_owned(),
        tags: BTreeMap::new(),
        users: BTreeMap::new(),
        roles: BTreeMap::new(),
        changes: Vec::new(),
        root_password: true,
        closing: None,
        inside: Inside::default(),
    }
}

/// An account id that nobody has yet.
pub(super) fn new_account_id(state: &mut State, seed: u64) -> String {
    loop {
        let id = state.new_id(seed, "", DIGITS, 12);
        if !state.accounts.contains_key(&id) {
            return id;
        }
    }
}

/// An organization as CreateOrganization makes it.
pub(super) fn new_organization(state: &mut State, management: &str, all: bool, seed: u64, now: Time) -> Organization {
    let root = state.new_id(seed, "r-", LOWER, 4);
    Organization {
        id: state.new_id(seed, "o-", LOWER, 10),
        management: management.to_owned(),
        created: now,
        policies: [full_access([root.clone()])].into_iter().map(|policy| (policy.id.clone(), policy)).collect(),
        root,
        units: BTreeMap::new(),
        feature_set: if all { "ALL" } else { "CONSOLIDATED_BILLING" }.to_owned(),
        enabling_all_features: false,
        initialising_until: None,
        account_quota: 10,
        daily_invites: 20,
        delegated: BTreeMap::new(),
        service_access: BTreeMap::new(),
        tags: BTreeMap::new(),
        responsibility_transfer: false,
        features: BTreeSet::new(),
        policy_types: match all {
            true => BTreeMap::from([("SERVICE_CONTROL_POLICY".to_owned(), now)]),
            false => BTreeMap::new(),
        },
        closures: Vec::new(),
    }
}
