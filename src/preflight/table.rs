//! The table of findings, the questions that only people answer, what is not looked into; and the page about them.

use super::evidence;
use super::of_accounts;
use super::of_elsewhere;
use super::of_organizations;
use super::outcome::Severity;
use super::reads::{self, Read};
pub use super::rows::Row;

/// Every row, in the order in which people read them.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    of_elsewhere::ROWS.iter().chain(of_organizations::ROWS).chain(of_accounts::ROWS).copied()
}

/// The rows that this read can answer.
pub fn rows_of(read: &'static Read) -> impl Iterator<Item = &'static Row> {
    rows().filter(move |row| std::ptr::eq(row.read, read))
}

/// Something that no API tells.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// As `settles` names it.
    pub fact: &'static str,
    pub text: &'static str,
    /// The route that needs it.
    pub route: &'static str,
    /// Only where accounts move.
    pub moves_only: bool,
}

const fn question(fact: &'static str, route: &'static str, text: &'static str) -> Question {
    Question { fact, text, route, moves_only: true }
}

pub static QUESTIONS: &[Question] = &[
    question("payment_method", "leave first", "Has each account that leaves a valid payment method of its own?"),
    question("agreement", "leave first", "Is the customer agreement accepted for each account that leaves?"),
    question("support_plan", "leave first", "Is a support plan chosen for each account that leaves?"),
    question("phone", "leave first", "Is the phone number of each account verified, and whose phone is it?"),
    question("billing_access", "every", "Is IAM access to billing switched on where people need it after the move?"),
    question(
        "portal_prefix",
        "every",
        "Which prefix has the sign-in portal of each organization? It can be chosen once, and stays held for a while \
         after its organization is deleted.",
    ),
    Question {
        fact: "mailbox",
        text: "Who reads the root mailbox of each account today, and did a mail arrive?",
        route: "every",
        moves_only: false,
    },
    Question {
        fact: "root_mfa",
        text: "Who can sign in as root today, with which device, and can be reached during the run?",
        route: "every",
        moves_only: false,
    },
];

/// Looked into where people bring files.
pub static RESOURCE_POLICIES: (&str, &str) = (
    "resource policies",
    "S3, KMS, SQS, SNS, Lambda, ECR, Secrets Manager, EventBridge, EFS, Backup, API Gateway, Glue, OpenSearch, VPC \
     endpoints may name an organization in a condition, as IAM policies do; --commands prints what gathers them, and \
     --evidence FOLDER searches them",
);

/// What a preflight does not look into, and what may come of it.
pub static NOT_LOOKED_INTO: &[(&str, &str)] = &[
    (
        "StackSets of other accounts",
        "stack sets that a member account administers with roles of its own are not asked for; leaving deletes nothing \
         of theirs, but those roles may trust only the organization",
    ),
    ("RAM, what is in a share", "the shares are named, not the resources in them nor who uses those"),
    (
        "Identity Center, applications",
        "assignments to accounts are read, those to applications are not; an instance that a delegated administrator \
         alone may read is not known here",
    ),
    ("billing", "invoices, credits, cost tags, reservations: save what must be kept before an account goes"),
    ("policies that AWS wrote", "they are not read in the accounts; they name no organization"),
    ("allow lists", "a service control policy that merely fails to allow something shows in the simulation alone"),
];

/// `docs/preflight.md`, but for nothing: the page is written by this and compared by a test.
pub fn page() -> String {
    let mut out = String::from(PAGE);
    for severity in [Severity::Blocks, Severity::Warns, Severity::ToKnow] {
        out.push_str(&format!(
            "\n## What {}\n\n",
            match severity {
                Severity::Blocks => "blocks",
                Severity::Warns => "warns",
                _ => "is to know",
            }
        ));
        for row in rows().filter(|row| row.severity == severity) {
            let stops = [
                ("direct transfer", row.stops.direct),
                ("leaving first", row.stops.leaving),
                ("emptying", row.stops.emptying),
            ];
            let stops: Vec<&str> = stops.iter().filter_map(|(name, is)| is.then_some(*name)).collect();
            let stops = if stops.is_empty() { String::new() } else { format!(" Stops: {}.", stops.join(", ")) };
            out.push_str(&format!(
                "### `{}`\n\nThe account {}. Read: `{}`, asked of {}.{stops}\n\n{} {}\n\n",
                row.id,
                row.title,
                row.read.action,
                row.read.whom.words(),
                row.why,
                row.todo
            ));
        }
    }
    let row = &evidence::NAMED;
    out.push_str(&format!(
        "\n## From files\n\n{FILES}\n### `{}`\n\nThe account {}. It warns.\n\n{} {}\n",
        row.id, row.title, row.why, row.todo
    ));
    out.push_str("\n## What only people know\n\n| fact | route | question |\n| --- | --- | --- |\n");
    for question in QUESTIONS {
        out.push_str(&format!("| `{}` | {} | {} |\n", question.fact, question.route, question.text));
    }
    out.push_str("\nA manual step whose `settles` names the fact says who must answer.\n");
    out.push_str("\n## What is not looked into\n\n");
    out.push_str(&format!("- **{}**: {}.\n", RESOURCE_POLICIES.0, RESOURCE_POLICIES.1));
    NOT_LOOKED_INTO.iter().for_each(|(what, why)| out.push_str(&format!("- **{what}**: {why}.\n")));
    out.push_str("\n## Every read\n\n| read | asked of | tells |\n| --- | --- | --- |\n");
    for read in reads::ALL {
        out.push_str(&format!("| `{}` | {} | {} |\n", read.action, read.whom.words(), read.tells));
    }
    out.replace("\n\n\n", "\n\n")
}

const PAGE: &str = "\
# Preflight: what is looked at before the day

`countersign preflight RUNBOOK` reads the live accounts that a runbook names, and changes nothing. This page is its
table: each finding, what it means and what to do. A test compares it with the program.

Each finding says which read told it, when, and AWS's request id. What could not be read is said to be *not known*,
with who could read it; it never counts as good. The exit code is 7 if something blocks, 4 if nothing does but not
everything could be read, and 0 otherwise.

What stops only a route that the runbook does not take warns instead of blocking. What stops the route that it takes
blocks, whatever it is listed under.
";

const FILES: &str = "\
Too many services have policies of their own to ask each. `preflight --commands` prints a script for a shell that gathers
them with the AWS CLI, read-only, account by account and region by region; `--evidence FOLDER` searches the files, in
`FOLDER/ACCOUNT/`, for conditions that name an organization. Any JSON that a read of AWS gave may be put there. Each file
is named with its digest; what the commands were refused (`errors.txt`) is not known.
";
