//! The world of random runbooks: two organizations, six accounts in the first, and what strikes them.

use super::dice::Dice;
use std::fmt::Write;

/// Accounts in the old organization.
pub const MEMBERS: usize = 6;

/// Id and name of an account.
pub fn member(number: usize) -> (String, String) {
    (format!("1111222233{number:02}"), format!("m{number}"))
}

#[derive(Clone, Debug)]
pub struct World {
    pub faults: Vec<String>,
    pub seed: u64,
    pub stale: bool,
}

const ON: [&str; 16] = [
    "*",
    "iam:*",
    "organizations:*",
    "iam:Create*",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:Delete*",
    "organizations:AcceptHandshake",
    "organizations:InviteAccountToOrganization",
    "organizations:MoveAccount",
    "organizations:*Resource",
    "organizations:List*",
    "organizations:CancelHandshake",
    "sts:AssumeRole",
    "sts:*",
    "iam:Get*",
];
const KINDS: [&str; 10] = [
    "response_lost",
    "response_lost",
    "server_error_before",
    "server_error_after",
    "throttled",
    "concurrent_modification",
    "session_expired",
    "access_denied",
    "slow",
    "stale_reads",
];

impl World {
    pub fn random(dice: &Dice) -> World {
        let faults = (0..*dice.one(&[0, 1, 1, 2, 2, 3, 4])).map(|_| fault(dice)).collect();
        World { faults, seed: dice.next() % 1_000_000, stale: dice.percent(25) }
    }

    pub fn text(&self) -> String {
        let mut out = format!("{HEAD}[settings]\nseed = {}\nmembership_changes = 100\n", self.seed);
        if self.stale {
            out.push_str("stale_lag = \"700ms\"\n");
        }
        out.push_str(PLACES);
        for number in 0..MEMBERS {
            let (id, name) = member(number);
            write!(
                out,
                "[[accounts]]\nid = \"{id}\"\nname = \"{name}\"\nemail = \"{name}@customer.example\"\ncreated = \"700d\"\n\
                 organization = \"o-oldorg11111\"\n{}joined_method = \"INVITED\"\njoined = \"500d\"\n{}\
                 [[roles]]\naccount = \"{id}\"\nname = \"OrganizationAccountAccessRole\"\ntrusts = [\"111111111111\"]\n",
                if number % 2 == 0 { "parent = \"ou-old1-11111111\"\n" } else { "" },
                if number % 3 == 0 { "tags = { center = \"17\" }\n" } else { "" },
            )
            .unwrap();
        }
        for fault in &self.faults {
            write!(out, "[[faults]]\n{fault}").unwrap();
        }
        out
    }
}

fn fault(dice: &Dice) -> String {
    let kind = *dice.one(&KINDS);
    let mut text = format!("on = \"{}\"\nkind = \"{kind}\"\nnth = {}\n", dice.one(&ON), dice.between(1, 12));
    match kind {
        "stale_reads" => writeln!(text, "lasting = \"{}\"", dice.one(&["500ms", "900ms"])).unwrap(),
        "slow" => writeln!(text, "delay = \"{}\"", dice.one(&["500ms", "1900ms", "5s"])).unwrap(),
        _ => writeln!(text, "times = {}", dice.one(&[1, 1, 1, 2, 3])).unwrap(),
    }
    text
}

const HEAD: &str = "schema = 1\n[timing]\ntime_limit = \"2s\"\nsettles_within = \"1s\"\n";

const PLACES: &str = r#"
[[organizations]]
id = "o-oldorg11111"
management = "111111111111"
root = "r-old1"
created = "1500d"
account_quota = 50
[[organizations.organizational_units]]
id = "ou-old1-11111111"
name = "Prod"
[[organizations.organizational_units]]
id = "ou-old1-22222222"
name = "Data"
[[organizations]]
id = "o-neworg22222"
management = "222222222222"
root = "r-new1"
created = "300d"
account_quota = 50
daily_invites = 100
[[organizations.organizational_units]]
id = "ou-new1-22222222"
name = "Data"
[[accounts]]
id = "111111111111"
name = "old management"
email = "old@customer.example"
created = "1500d"
root_mfa = true
[[accounts]]
id = "222222222222"
name = "new management"
email = "new@partner.example"
created = "400d"
root_mfa = true
[[principals]]
profile = "old"
account = "111111111111"
kind = "user"
name = "mover"
access_key = "AKIASIMULATEDOLD0001"
secret_key = "simulated-secret-of-the-old-management-0"
[[principals]]
profile = "new"
account = "222222222222"
kind = "user"
name = "mover"
access_key = "AKIASIMULATEDNEW0001"
secret_key = "simulated-secret-of-the-new-management-0"
"#;
