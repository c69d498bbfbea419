//! Opening a session: credentials are read once, frozen, and pinned to who AWS says they are.
//!
//! Order: endpoint first (nothing leaves for a wrong place), then credentials, then identity.

use super::call::{self, Wire};
use super::endpoint;
use super::fault::Seen;
use super::shape::With;
use super::{AwsCloud, Profiles, root};
use crate::catalogue::{self, Class};
use crate::engine::port::{Fault, Identity, SessionProblem, SessionWanted};
use aws_config::identity::IdentityCache;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Where Organizations and IAM live when nothing names a region.
const HOME_REGION: &str = "us-east-1";
/// The endpoint of requests that are answered in this process.
const IN_PROCESS_ENDPOINT: &str = "http://simulator.invalid";
/// Credentials that end within this time are read anew.
const ALMOST_OVER: Duration = Duration::from_secs(60);
/// How long opening may wait for STS.
const OPEN_LIMIT_MS: i64 = 30_000;

/// A session with its credentials and who they are.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) sdk: SdkConfig,
    pub(super) identity: Identity,
    expires: Option<SystemTime>,
}

impl Opened {
    /// Whether the credentials still hold for a while.
    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|end| end > now + ALMOST_OVER)
    }
}

/// Opens `wanted` from the beginning.
pub(super) async fn open(cloud: &AwsCloud, wanted: &SessionWanted) -> Result<Opened, SessionProblem> {
    let (sdk, credentials) = match chained_through(cloud, wanted) {
        Some(through) if wanted.assume_role.starts_with(root::TASKS) => {
            Box::pin(root::assume(cloud, wanted, through)).await?
        }
        Some(through) => Box::pin(assume(cloud, wanted, through)).await?,
        None => own(cloud, wanted).await?,
    };
    let expires = credentials.expiry();
    let sdk = freeze(sdk, credentials);
    let identity = who(cloud, wanted, &sdk).await?;
    match pin(wanted, &identity) {
        Err(SessionProblem::WrongAccount { session, arn, .. }) if by_chance(cloud, wanted) => {
            let message = format!(
                "the environment's are {arn}, in another account; name some with --session {session}=profile:P"
            );
            return Err(SessionProblem::None { session, message });
        }
        pinned => pinned?,
    }
    Ok(Opened { sdk, identity, expires })
}

/// Nobody said that these credentials are this session's: they are just what the environment holds.
fn by_chance(cloud: &AwsCloud, wanted: &SessionWanted) -> bool {
    cloud.profiles.is_none() && profile(cloud, wanted).is_empty() && wanted.through.is_none()
}

/// The session whose credentials assume the role; none where a profile is named for this one.
fn chained_through<'a>(cloud: &AwsCloud, wanted: &'a SessionWanted) -> Option<&'a SessionWanted> {
    let named = profile(cloud, wanted);
    let own = match &cloud.profiles {
        Some(profiles) => lookup(profiles, named).is_some(),
        None => !named.is_empty(),
    };
    if own { None } else { wanted.through.as_deref() }
}

/// The operator's binding, else the runbook's; empty if neither names one.
fn profile<'a>(cloud: &'a AwsCloud, wanted: &'a SessionWanted) -> &'a str {
    let bound = cloud.bindings.get(&wanted.id).map(|bound| bound.strip_prefix("profile:").unwrap_or(bound));
    bound.unwrap_or(&wanted.profile)
}

/// Credentials that are at hand: a profile's, or the environment's.
pub(super) async fn own(cloud: &AwsCloud, wanted: &SessionWanted) -> Result<(SdkConfig, Credentials), SessionProblem> {
    if let Some(profiles) = &cloud.profiles {
        return in_process(cloud, wanted, profiles);
    }
    let name = profile(cloud, wanted);
    let sdk = load(wanted, name).await;
    endpoint::check(&sdk, cloud.simulated).map_err(SessionProblem::Endpoint)?;
    let provider = if name.is_empty() {
        sdk.credentials_provider()
    } else {
        // The default chain would prefer keys of the environment to the profile that was asked for.
        let config = ProviderConfig::without_region().with_region(sdk.region().cloned());
        let provider = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name).build();
        Some(SharedCredentialsProvider::new(provider))
    };
    let Some(provider) = provider else { return Err(no_credentials(wanted, name, "nothing provides any")) };
    match provider.provide_credentials().await {
        Ok(credentials) => Ok((sdk, credentials)),
        Err(error) => Err(credentials_problem(wanted, name, &error)),
    }
}

/// What profile and environment say, as the SDK reads it.
async fn load(wanted: &SessionWanted, profile: &str) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if !profile.is_empty() {
        loader = loader.profile_name(profile);
    }
    if !wanted.region.is_empty() {
        loader = loader.region(Region::new(wanted.region.clone()));
    }
    let sdk = loader.load().await;
    match sdk.region() {
        Some(_) => sdk,
        None => sdk.into_builder().region(Region::from_static(HOME_REGION)).build(),
    }
}

/// Rehearsal: no file, no environment, no real credentials.
fn in_process(
    cloud: &AwsCloud,
    wanted: &SessionWanted,
    profiles: &Profiles,
) -> Result<(SdkConfig, Credentials), SessionProblem> {
    let named = [profile(cloud, wanted), wanted.id.as_str(), wanted.account.as_str()];
    let Some((key, secret, token)) = named.into_iter().find_map(|name| lookup(profiles, name)) else {
        return Err(no_credentials(wanted, named[0], "the world gives none to this session"));
    };
    let token = Some(token).filter(|token| !token.is_empty());
    let region = if wanted.region.is_empty() { HOME_REGION } else { &wanted.region };
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .endpoint_url(IN_PROCESS_ENDPOINT)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(cloud.clockwork.sleep.clone())
        .time_source(cloud.clockwork.time.clone());
    let mut sdk = sdk;
    sdk.set_http_client(cloud.http.clone());
    let sdk = sdk.build();
    endpoint::check(&sdk, cloud.simulated).map_err(SessionProblem::Endpoint)?;
    Ok((sdk, Credentials::from_keys(key, secret, token)))
}

fn lookup(profiles: &Profiles, name: &str) -> Option<(String, String, String)> {
    let profiles = profiles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    profiles.get(name).filter(|_| !name.is_empty()).cloned()
}

/// The endpoint rules on what environment and default profile say.
pub(super) async fn check_endpoints(simulated: bool) -> Result<(), String> {
    let sdk = aws_config::defaults(BehaviorVersion::latest()).region(Region::from_static(HOME_REGION)).load().await;
    endpoint::check(&sdk, simulated)
}

/// What a child process needs to be this session: the same frozen credentials, region and endpoint.
pub(super) async fn environment(
    wanted: &SessionWanted,
    sdk: &SdkConfig,
) -> Result<Vec<(String, String)>, SessionProblem> {
    let none = |message: &str| SessionProblem::None { session: wanted.id.clone(), message: message.to_owned() };
    let provider = sdk.credentials_provider().ok_or_else(|| none("nothing provides any"))?;
    let credentials = provider.provide_credentials().await.map_err(|_| none("they can't be read"))?;
    let mut all = vec![
        ("AWS_ACCESS_KEY_ID".to_owned(), credentials.access_key_id().to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), credentials.secret_access_key().to_owned()),
        ("AWS_SESSION_TOKEN".to_owned(), credentials.session_token().unwrap_or_default().to_owned()),
    ];
    all.extend(sdk.region().map(|region| ("AWS_REGION".to_owned(), region.to_string())));
    all.extend(sdk.endpoint_url().map(|url| ("AWS_ENDPOINT_URL".to_owned(), url.to_owned())));
    all.retain(|(_, value)| !value.is_empty());
    Ok(all)
}

/// From here on these very credentials are used, so that the identity that was pinned is the one that acts.
pub(super) fn freeze(sdk: SdkConfig, credentials: Credentials) -> SdkConfig {
    let token = credentials.session_token().map(str::to_owned);
    let (key, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let lasting = Credentials::new(key, secret, token, None, "countersign");
    let provider = SharedCredentialsProvider::new(lasting);
    sdk.into_builder().credentials_provider(provider).identity_cache(IdentityCache::no_cache()).build()
}

/// Becomes the role with the credentials of another session, which is opened and pinned first.
async fn assume(
    cloud: &AwsCloud,
    wanted: &SessionWanted,
    through: &SessionWanted,
) -> Result<(SdkConfig, Credentials), SessionProblem> {
    let parent: Arc<Opened> = cloud.opened(through).await?;
    let mut sdk = parent.sdk.clone();
    if !wanted.region.is_empty() {
        sdk = sdk.into_builder().region(Region::new(wanted.region.clone())).build();
    }
    let mut with = json!({
        "RoleArn": role_arn(wanted, &parent.identity.arn),
        "RoleSessionName": role_session_name(&wanted.role_session_name),
    });
    if !wanted.external_id.is_empty() {
        with["ExternalId"] = Value::String(wanted.external_id.clone());
    }
    if wanted.mfa {
        let (serial, code) = code(cloud, wanted, &parent.identity.arn)?;
        (with["SerialNumber"], with["TokenCode"]) = (Value::String(serial), Value::String(code.to_string()));
    }
    let answer = ask(cloud, &sdk, "sts:AssumeRole", &through.account, &with).await;
    let answer = answer.map_err(|fault| match catalogue::find("sts:AssumeRole") {
        Some(action) => super::hushed(fault, action, &with),
        None => fault,
    });
    let (answer, _) = answer.map_err(|fault| match fault.class {
        Class::Refused | Class::NotDone if wanted.mfa => SessionProblem::None {
            session: wanted.id.clone(),
            message: format!(
                "{} may not become {} with this code: {}. A code works once and for half a minute: resume with the next",
                parent.identity.arn,
                with["RoleArn"],
                said(&fault)
            ),
        },
        Class::SessionExpired => SessionProblem::Expired { session: through.id.clone(), message: said(&fault) },
        Class::Refused | Class::NotDone => SessionProblem::None {
            session: wanted.id.clone(),
            message: format!("{} may not become {}: {}", parent.identity.arn, with["RoleArn"], said(&fault)),
        },
        _ => SessionProblem::Unreachable { session: wanted.id.clone(), message: said(&fault) },
    })?;
    let member = |name: &str| answer["Credentials"][name].as_str().map(str::to_owned);
    let (Some(key), Some(secret)) = (member("AccessKeyId"), member("SecretAccessKey")) else {
        return Err(SessionProblem::Unreachable { session: wanted.id.clone(), message: "no credentials came".into() });
    };
    let expires = member("Expiration").and_then(|text| crate::base::Time::parse(&text));
    let expires = expires.and_then(|time| u64::try_from(time.0).ok());
    let expires = expires.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
    Ok((sdk, Credentials::new(key, secret, member("SessionToken"), expires, "countersign")))
}

/// A code of the device, for a role that wants one.
fn code(
    cloud: &AwsCloud,
    wanted: &SessionWanted,
    caller: &str,
) -> Result<(String, zeroize::Zeroizing<String>), SessionProblem> {
    let asked = super::MfaWanted { session: &wanted.id, serial: &wanted.serial, caller };
    let none = |message: &str| SessionProblem::None { session: wanted.id.clone(), message: message.to_owned() };
    let found = cloud.codes.as_ref().and_then(|codes| codes(&asked));
    let (serial, code) = found.ok_or_else(|| {
        none("its role is assumed with a code of an MFA device, and none was given: sit at a terminal, or give --code-from FILE")
    })?;
    if serial.is_empty() {
        return Err(none("its role is assumed with MFA, and nobody who sits here has `mfa` in the people file"));
    }
    Ok((serial, code))
}

/// A name becomes the role of that name in the wanted account, in the partition of who assumes it.
fn role_arn(wanted: &SessionWanted, parent_arn: &str) -> String {
    if wanted.assume_role.starts_with("arn:") {
        return wanted.assume_role.clone();
    }
    let partition = parent_arn.split(':').nth(1).unwrap_or("aws");
    format!("arn:{partition}:iam::{}:role/{}", wanted.account, wanted.assume_role)
}

/// What AWS takes as a session's name: 2 to 64 of a small set of characters.
fn role_session_name(wanted: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let mut name: String = wanted.chars().map(|c| if plain(c) { c } else { '-' }).take(64).collect();
    if name.len() < 2 {
        name = "countersign".to_owned();
    }
    name
}

/// Asks AWS whose credentials these are.
async fn who(cloud: &AwsCloud, wanted: &SessionWanted, sdk: &SdkConfig) -> Result<Identity, SessionProblem> {
    let session = wanted.id.clone();
    match ask(cloud, sdk, "sts:GetCallerIdentity", &wanted.account, &json!({})).await {
        Ok((answer, seen)) => {
            let member = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            let arn = member("Arn");
            Ok(Identity { account: member("Account"), kind: kind(&arn).to_owned(), arn, endpoint: seen.endpoint() })
        }
        Err(fault) if fault.code == "Endpoint" => Err(SessionProblem::Endpoint(fault.message)),
        Err(fault) if matches!(fault.class, Class::SessionExpired | Class::Refused) => {
            Err(SessionProblem::Expired { session, message: said(&fault) })
        }
        Err(fault) => Err(SessionProblem::Unreachable { session, message: said(&fault) }),
    }
}

/// One read of STS with these credentials.
pub(super) async fn ask(
    cloud: &AwsCloud,
    sdk: &SdkConfig,
    action: &str,
    account: &str,
    with: &Value,
) -> Result<(Value, Seen), Fault> {
    let Some(action) = catalogue::find(action) else { return Err(super::fault::invalid("not in the catalogue")) };
    let seen = Seen::new("sts", cloud.simulated);
    let wire = Wire::new(action, sdk, account, OPEN_LIMIT_MS, seen.clone(), (&cloud.clockwork, &cloud.paces));
    let answer = call::perform(&wire, With::checked(with, action.parameters)?).await?;
    Ok((answer, seen))
}

/// The kind of credentials, as their ARN shows it.
fn kind(arn: &str) -> &'static str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    match resource.split('/').collect::<Vec<&str>>().as_slice() {
        ["root"] => "root",
        ["user", ..] => "user",
        ["federated-user", ..] => "federated",
        ["assumed-role", role, ..] if role.starts_with("AWSReservedSSO_") => "identity_center",
        ["assumed-role", ..] => "role",
        _ => "unknown",
    }
}

/// The account first, then the kind: nothing else is done through a session that fails here.
fn pin(wanted: &SessionWanted, identity: &Identity) -> Result<(), SessionProblem> {
    let (session, arn) = (wanted.id.clone(), identity.arn.clone());
    if identity.account != wanted.account {
        return Err(SessionProblem::WrongAccount { session, wanted: wanted.account.clone(), arn });
    }
    if !wanted.kinds.is_empty() && !wanted.kinds.contains(&identity.kind) {
        let (wanted, found) = (wanted.kinds.join(", "), identity.kind.clone());
        return Err(SessionProblem::WrongKind { session, wanted, found, arn });
    }
    Ok(())
}

fn said(fault: &Fault) -> String {
    if fault.message.is_empty() { fault.code.clone() } else { format!("{}: {}", fault.code, fault.message) }
}

fn no_credentials(wanted: &SessionWanted, profile: &str, why: &str) -> SessionProblem {
    SessionProblem::None { session: wanted.id.clone(), message: format!("{why}; {}", what_to_do(wanted, profile)) }
}

fn what_to_do(wanted: &SessionWanted, profile: &str) -> String {
    let id = &wanted.id;
    if wanted.account.is_empty() {
        "name a profile with your own credentials: --profile NAME".to_owned()
    } else if profile.is_empty() {
        format!("sign in to account {}, or name a profile: --session {id}=profile:NAME", wanted.account)
    } else {
        format!(
            "check the profile {profile} (aws sts get-caller-identity --profile {profile}), or name another: --session {id}=profile:NAME"
        )
    }
}

/// What keeps credentials from being read. Only the SDK's headline is shown: what is below it may
/// quote the output of a credentials program.
fn credentials_problem(wanted: &SessionWanted, profile: &str, error: &CredentialsError) -> SessionProblem {
    let session = wanted.id.clone();
    let message = format!("{error}; {}", what_to_do(wanted, profile));
    match error {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
            SessionProblem::None { session, message }
        }
        CredentialsError::ProviderTimedOut(_) => SessionProblem::Unreachable { session, message },
        _ => SessionProblem::Expired { session, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_arn() {
        for (arn, expected) in [
            ("arn:aws:iam::111122223333:root", "root"),
            ("arn:aws:iam::111122223333:user/path/alice", "user"),
            ("arn:aws:sts::111122223333:assumed-role/Admin/session", "role"),
            ("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice", "identity_center"),
            ("arn:aws-cn:sts::111122223333:federated-user/bob", "federated"),
            ("arn:aws:iam::111122223333:user", "user"),
            ("nonsense", "unknown"),
        ] {
            assert_eq!(kind(arn), expected, "{arn}");
        }
    }

    #[test]
    fn session_names_are_what_aws_takes() {
        assert_eq!(role_session_name("countersign-0123abcd-alice"), "countersign-0123abcd-alice");
        assert_eq!(role_session_name("a b/ä"), "a-b--");
        assert_eq!(role_session_name(""), "countersign");
        assert_eq!(role_session_name(&"x".repeat(80)).len(), 64);
    }
}
