//! Whether AWS's answer about a code corroborates this very statement, of this very person's device and role.
//! It never proves: AWS's answer is not signed, and only the customer's CloudTrail settles it.

use super::{Case, Given};
use crate::base::{Digest, Time};
use crate::record::corroboration::session_name;
use crate::record::fact::{Corroborated, Mode};

/// How far AWS's date may be ahead of the clock (milliseconds).
const AHEAD: i64 = 120_000;

/// The answer is about the statement, the device and the role that the people file in force names.
pub(super) fn fits(case: &Case, given: &Given, it: &Corroborated) -> Result<(), String> {
    let tail = &given.statement.tail;
    let person = case.people.get(&tail.person).ok_or("nobody of the people file signed it")?;
    let mfa = person.mfa.as_ref().ok_or_else(|| format!("the people file has no MFA device of {}", person.id))?;
    let statement = Digest::of(given.statement.text().as_bytes());
    if it.statement != statement {
        return Err("it is about another statement".to_owned());
    }
    if it.serial != mfa.serial {
        return Err(format!("it names the device {}, and {}'s is {}", it.serial, person.id, mfa.serial));
    }
    let name = session_name(&statement);
    let (partition, account, role) = role_of(&mfa.role).ok_or("the people file's role is no role's ARN")?;
    let wanted = format!("arn:{partition}:sts::{account}:assumed-role/{role}/{name}");
    if it.arn != wanted {
        return Err(format!("AWS named {}, and it should be {wanted}", it.arn));
    }
    if it.account != account || !it.assumed_role_id.ends_with(&format!(":{name}")) {
        return Err("its account or assumed-role id is not that of its ARN".to_owned());
    }
    if case_is_live(given) && !it.endpoint.starts_with("https://") {
        return Err(format!("a live approval was checked at {}", it.endpoint));
    }
    match it.date.as_deref().map(Time::parse) {
        Some(None) => Err("its date is no time".to_owned()),
        Some(Some(date)) if date > case.now.plus(AHEAD) => Err("its date is over 2 minutes ahead".to_owned()),
        _ => Ok(()),
    }
}

fn case_is_live(given: &Given) -> bool {
    given.head.mode == Mode::Live
}

/// Partition, account and name of `arn:P:iam::A:role/PATH/NAME`.
fn role_of(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (head, partition, service, _, account, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let path = resource.strip_prefix("role/")?;
    let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
    (head == "arn" && service == "iam").then_some((partition, account, name))
}

#[cfg(test)]
mod tests {
    use super::role_of;

    #[test]
    fn a_roles_arn_gives_its_parts() {
        assert_eq!(role_of("arn:aws:iam::111122223333:role/approve"), Some(("aws", "111122223333", "approve")));
        assert_eq!(role_of("arn:aws-cn:iam::1:role/a/b/c"), Some(("aws-cn", "1", "c")));
        for wrong in ["arn:aws:iam::1:user/a", "arn:aws:sts::1:role/a", "arn:aws:iam::1:role/", "role/a", ""] {
            assert_eq!(role_of(wrong), None, "{wrong}");
        }
    }
}
