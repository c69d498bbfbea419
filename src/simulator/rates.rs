//! Token buckets at the rates that AWS publishes for Organizations, per account and per organization.

use super::wire::{AwsError, Protocol};
use crate::base::Time;
use std::collections::BTreeMap;

/// Requests per second and burst.
type Rate = (f64, f64);

/// Per account, and per organization where AWS says so (Organizations quotas page).
fn published(action: &str) -> (Option<Rate>, Option<Rate>) {
    let name = action.strip_prefix("organizations:").or_else(|| action.strip_prefix("account:")).unwrap_or("");
    match name {
        "GetAccountInformation" | "GetPrimaryEmail" => (Some((3.0, 3.0)), None),
        "AcceptPrimaryEmailUpdate" => (Some((1.0, 1.0)), None),
        "CloseAccount" => (Some((0.05, 1.0)), None),
        "CreatePolicy" | "UpdatePolicy" | "DeletePolicy" | "AttachPolicy" | "DetachPolicy" => (Some((2.0, 3.0)), None),
        "EnablePolicyType" | "DisablePolicyType" => (Some((1.0, 1.0)), None),
        "AcceptHandshake" => (Some((1.0, 2.0)), Some((5.0, 5.0))),
        "DescribeHandshake" => (Some((1.0, 2.0)), Some((6.0, 10.0))),
        "CancelHandshake" => (Some((2.0, 3.0)), None),
        "DeclineHandshake" => (Some((1.0, 1.0)), Some((5.0, 5.0))),
        "InviteAccountToOrganization" => (Some((3.0, 5.0)), None),
        "ListHandshakesForAccount" | "ListHandshakesForOrganization" => (Some((5.0, 8.0)), Some((6.0, 10.0))),
        "LeaveOrganization" => (Some((1.0, 1.0)), Some((5.0, 5.0))),
        "RemoveAccountFromOrganization" => (Some((2.0, 2.0)), None),
        "CreateOrganization" | "DeleteOrganization" => (Some((1.0, 1.0)), None),
        "DescribeOrganization" => (Some((1.0, 2.0)), None),
        "MoveAccount" => (Some((2.0, 3.0)), None),
        "DescribeAccount" => (Some((20.0, 30.0)), Some((24.0, 36.0))),
        "ListAccounts" => (Some((8.0, 12.0)), Some((9.0, 15.0))),
        "ListParents" => (Some((5.0, 8.0)), Some((6.0, 10.0))),
        "ListRoots" => (Some((1.0, 2.0)), Some((1.0, 3.0))),
        "CreateAccount" => (Some((0.1, 3.0)), None),
        "EnableAWSServiceAccess" | "DisableAWSServiceAccess" => (Some((1.0, 2.0)), None),
        "RegisterDelegatedAdministrator" | "DeregisterDelegatedAdministrator" => (Some((1.0, 2.0)), None),
        _ => (None, None),
    }
}

/// What is left in each bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    /// By account or organization, and operation.
    left: BTreeMap<(String, String), (f64, Time)>,
}

impl Buckets {
    /// Takes one token from each bucket; false (and nothing taken) if one is empty.
    pub fn take(&mut self, action: &str, account: &str, organization: Option<&str>, now: Time) -> bool {
        let (per_account, per_organization) = published(action);
        let mut taking = Vec::new();
        for (scope, rate) in [(Some(account), per_account), (organization, per_organization)] {
            if let (Some(scope), Some(rate)) = (scope, rate) {
                taking.push(((scope.to_owned(), action.to_owned()), rate));
            }
        }
        let levels: Vec<f64> = taking.iter().map(|(key, rate)| self.level(key, *rate, now)).collect();
        if levels.iter().any(|level| *level < 1.0) {
            return false;
        }
        for ((key, _), level) in taking.into_iter().zip(levels) {
            self.left.insert(key, (level - 1.0, now));
        }
        true
    }

    fn level(&self, key: &(String, String), (rate, burst): Rate, now: Time) -> f64 {
        match self.left.get(key) {
            None => burst,
            Some((left, at)) => (left + now.since(*at).max(0) as f64 / 1000.0 * rate).min(burst),
        }
    }
}

/// What AWS answers when a bucket is empty.
pub(super) fn throttled(protocol: Protocol) -> AwsError {
    match protocol {
        Protocol::Json => AwsError {
            kind: Some("RATE_LIMIT"),
            ..AwsError::json(
                "TooManyRequestsException",
                "You have sent too many requests in too short a period of time.",
            )
        },
        Protocol::Account => AwsError::query(429, "TooManyRequestsException", "Rate exceeded"),
        Protocol::Quotas => AwsError::json("TooManyRequestsException", "Rate exceeded"),
        Protocol::Ram => AwsError::query(429, "ThrottlingException", "Rate exceeded"),
        Protocol::Invoicing | Protocol::Sso | Protocol::Billing => {
            AwsError::json("ThrottlingException", "Rate exceeded")
        }
        Protocol::Iam | Protocol::Sts | Protocol::CloudFormation => AwsError::query(400, "Throttling", "Rate exceeded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_with_time() {
        let mut buckets = Buckets::default();
        let take =
            |buckets: &mut Buckets, ms| buckets.take("organizations:DescribeOrganization", "1", Some("o"), Time(ms));
        assert!(take(&mut buckets, 0));
        assert!(take(&mut buckets, 0));
        assert!(!take(&mut buckets, 999));
        assert!(take(&mut buckets, 1_000));
        assert!(!take(&mut buckets, 1_500));
        assert!((0..100).all(|_| buckets.take("iam:GetUser", "1", None, Time(0))));
    }

    #[test]
    fn the_organization_s_bucket_counts_its_accounts_together() {
        let mut buckets = Buckets::default();
        let taken = (0..10)
            .filter(|n| buckets.take("organizations:AcceptHandshake", &n.to_string(), Some("o"), Time(0)))
            .count();
        assert_eq!(taken, 5);
    }
}
