//! Root sessions of member accounts (`assume_root`): the management account becomes the root user of a member, for one
//! task and a quarter of an hour.

use super::AwsCloud;
use super::session::{Opened, ask};
use crate::base::Time;
use crate::catalogue::Class;
use crate::engine::port::{SessionProblem, SessionWanted};
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What the ARNs of AWS's task policies begin with.
pub(super) const TASKS: &str = "arn:aws:iam::aws:policy/root-task/";

/// Opens the session through its parent, which is opened and pinned first.
pub(super) async fn assume(
    cloud: &AwsCloud,
    wanted: &SessionWanted,
    through: &SessionWanted,
) -> Result<(SdkConfig, Credentials), SessionProblem> {
    let parent: Arc<Opened> = cloud.opened(through).await?;
    let mut sdk = parent.sdk.clone();
    if !wanted.region.is_empty() {
        sdk = sdk.into_builder().region(Region::new(wanted.region.clone())).build();
    }
    let with = json!({"TargetPrincipal": wanted.account, "TaskPolicyArn": {"arn": wanted.assume_role}});
    let answer = ask(cloud, &sdk, "sts:AssumeRoot", &through.account, &with).await;
    let (answer, _) = answer.map_err(|fault| {
        let said = format!("{}: {}", fault.code, fault.message);
        match fault.class {
            Class::SessionExpired => SessionProblem::Expired { session: through.id.clone(), message: said },
            Class::Refused | Class::NotDone => SessionProblem::None {
                session: wanted.id.clone(),
                message: format!(
                    "{} may not become the root user of {} with {}: {said}; is central root access on (iam:ListOrganizationsFeatures)?",
                    parent.identity.arn, wanted.account, wanted.assume_role
                ),
            },
            _ => SessionProblem::Unreachable { session: wanted.id.clone(), message: said },
        }
    })?;
    credentials(&answer).map(|credentials| (sdk, credentials)).ok_or_else(|| SessionProblem::Unreachable {
        session: wanted.id.clone(),
        message: "no credentials came".to_owned(),
    })
}

fn credentials(answer: &Value) -> Option<Credentials> {
    let member = |name: &str| answer["Credentials"][name].as_str().map(str::to_owned);
    let ends = member("Expiration").and_then(|text| Time::parse(&text)).and_then(|time| u64::try_from(time.0).ok());
    let ends = ends.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
    Some(Credentials::new(
        member("AccessKeyId")?,
        member("SecretAccessKey")?,
        member("SessionToken"),
        ends,
        "countersign",
    ))
}
