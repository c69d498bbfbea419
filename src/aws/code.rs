//! A code of a person's own MFA device, checked by STS: the role session is named by what that person signed, so that
//! the customer's CloudTrail names it too. The credentials that come with the answer are dropped at once.

use super::{AwsCloud, closed, hushed, session};
use crate::base::Digest;
use crate::catalogue;
use crate::engine::port::{Fault, SessionWanted};
use crate::people::Mfa;
use crate::record::corroboration::session_name;
use crate::record::fact::Corroborated;
use serde_json::json;

/// The shortest session that AWS gives: nobody uses it.
const SECONDS: i64 = 900;

impl AwsCloud {
    /// Asks STS, with the person's own credentials (`profile`; empty: the environment's), to assume `mfa.role`.
    ///
    /// # Errors
    /// As for any call; nothing of the code is in the message.
    pub async fn corroborate(
        &self,
        profile: &str,
        mfa: &Mfa,
        statement: &Digest,
        code: &str,
    ) -> Result<Corroborated, Fault> {
        let wanted = SessionWanted { profile: profile.to_owned(), ..SessionWanted::none("approver") };
        let (sdk, credentials) = session::own(self, &wanted).await.map_err(closed)?;
        let sdk = session::freeze(sdk, credentials);
        let account = mfa.role.split(':').nth(4).unwrap_or_default().to_owned();
        let with = json!({
            "RoleArn": mfa.role,
            "RoleSessionName": session_name(statement),
            "SerialNumber": mfa.serial,
            "TokenCode": code,
            "DurationSeconds": SECONDS,
        });
        let asked = session::ask(self, &sdk, "sts:AssumeRole", &account, &with).await;
        let (answer, seen) = asked.map_err(|fault| match catalogue::find("sts:AssumeRole") {
            Some(action) => hushed(fault, action, &with),
            None => fault,
        })?;
        let member = |name: &str| answer["AssumedRoleUser"][name].as_str().unwrap_or_default().to_owned();
        Ok(Corroborated {
            statement: *statement,
            account,
            arn: member("Arn"),
            assumed_role_id: member("AssumedRoleId"),
            date: seen.date(),
            endpoint: seen.endpoint(),
            request_id: seen.request_id(),
            serial: mfa.serial.clone(),
        })
    }
}
