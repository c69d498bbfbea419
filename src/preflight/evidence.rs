//! What people bring in files: the policies of resources, which too many services have for this program to ask each. Owns
//! the commands that gather them and the search in what came back. Never opens a file: who calls it has read them.

use super::case::Case;
use super::document;
use super::of_elsewhere::listed;
use super::outcome::{Evidence, Finding, Severity, Stops, Unread};
use super::reads::{self, Read};
use super::rows::Row;
use crate::base::{Digest, Time};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How findings from files name what told them.
pub const FILE: &str = "file";
/// Into which the commands write what was refused.
pub const REFUSED: &str = "errors.txt";
/// Deeper JSON is no answer of AWS.
const DEEPEST: u32 = 60;

/// A file that somebody brought.
#[derive(Clone, Debug)]
pub struct Paper {
    /// The account that it is from.
    pub account: String,
    /// Below the folder of the account.
    pub name: String,
    pub digest: Digest,
    pub text: String,
}

/// A file that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    pub account: String,
    pub name: String,
    pub digest: Digest,
    /// How many policies are in it.
    pub policies: usize,
}

/// What the files say.
#[derive(Debug, Default)]
pub struct Told {
    pub findings: Vec<Finding>,
    pub unread: Vec<Unread>,
    pub searched: Vec<Searched>,
}

static NO_READ: Read =
    Read { action: FILE, tells: "whether policies of resources name an organization", ..reads::READ };

/// Not of the table: nothing is read for it.
pub static NAMED: Row = Row {
    id: "resource_policy_names_an_organization",
    title: "has policies of resources that name an organization",
    severity: Severity::Warns,
    read: &NO_READ,
    stops: Stops::NOTHING,
    why: "After the move the account is in another organization: who came in by such a condition is shut out, and what \
          the account used in others by it is closed to it.",
    todo: "Let them name both organizations before the move; take the old one out when all have moved.",
    find: |_, _| Vec::new(),
};

/// Searches the files of accounts that move.
pub fn search(papers: &[Paper], at: Time) -> Told {
    let mut told = Told::default();
    for paper in papers {
        let evidence = Evidence {
            read: FILE,
            account: paper.account.clone(),
            session: paper.name.clone(),
            at,
            request_id: Some(format!("sha256:{}", paper.digest.hex())),
        };
        if paper.name.rsplit('/').next() == Some(REFUSED) {
            told.unread.extend(refused(paper, evidence));
            continue;
        }
        let value: Value = match serde_json::from_str(&paper.text) {
            Ok(value) => value,
            // A command that found nothing, or was refused, leaves an empty file.
            Err(_) if paper.text.trim().is_empty() => continue,
            Err(error) => {
                told.unread.push(unread(paper, format!("{} is no JSON ({error})", paper.name), evidence));
                continue;
            }
        };
        let mut found = Found::default();
        found.look(&value, "", 0);
        let says = format!("{}: {}", paper.name, listed(&found.named));
        if !found.named.is_empty() {
            let account = paper.account.clone();
            told.findings.push(Finding { row: &NAMED, severity: NAMED.severity, account, says, evidence });
        }
        let (account, name, digest) = (paper.account.clone(), paper.name.clone(), paper.digest);
        told.searched.push(Searched { account, name, digest, policies: found.policies });
    }
    told
}

/// What AWS refused while the files were gathered. That a resource has no policy is no refusal.
fn refused(paper: &Paper, evidence: Evidence) -> Option<Unread> {
    let none = ["NoSuchBucketPolicy", "ResourceNotFound", "RepositoryPolicyNotFound", "PolicyNotFound", "NotFound"];
    let real = |line: &&str| !line.trim().is_empty() && !none.iter().any(|word| line.contains(word));
    let lines: Vec<&str> = paper.text.lines().filter(real).collect();
    let first = lines.first()?;
    let because = format!("{} of the commands that gathered it failed; the first: {}", lines.len(), first.trim());
    Some(unread(paper, because, evidence))
}

fn unread(paper: &Paper, because: String, evidence: Evidence) -> Unread {
    Unread {
        account: paper.account.clone(),
        tells: vec![NO_READ.tells],
        because,
        who: "whoever gathered the files".to_owned(),
        stops: Stops::NOTHING,
        evidence: Some(evidence),
    }
}

#[derive(Default)]
struct Found {
    policies: usize,
    named: Vec<String>,
}

impl Found {
    /// Every policy in the value: tables with statements, and texts that hold one. `at` is where it stands.
    fn look(&mut self, value: &Value, at: &str, depth: u32) {
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::Object(members) if members.contains_key("Statement") => {
                self.policies += 1;
                let all = document::organizations(value);
                self.named.extend(all.into_iter().map(|named| {
                    let place = if at.is_empty() { String::new() } else { format!("{at}, ") };
                    format!("{place}{}: {} {}", named.statement, named.condition, named.values.join(" "))
                }));
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.look(member, &format!("{at}/{name}"), depth + 1);
                }
            }
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    self.look(item, &format!("{at}/{place}"), depth + 1);
                }
            }
            Value::String(text) if text.contains("Statement") => {
                // API Gateway escapes the quotes of its policies once more.
                let plain = || document::read(&Value::String(text.replace("\\\"", "\"")));
                if let Ok(inner) = document::read(value).or_else(|_| plain()) {
                    self.look(&inner, at, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// One service: what lists its resources, and what gives the policy of one (`$one`).
struct Service {
    name: &'static str,
    list: &'static str,
    query: &'static str,
    policy: &'static str,
    /// Asked once, not in each region.
    global: bool,
}

const fn service(name: &'static str, list: &'static str, query: &'static str, policy: &'static str) -> Service {
    Service { name, list, query, policy, global: false }
}

static SERVICES: &[Service] = &[
    Service {
        global: true,
        ..service("s3", "s3api list-buckets", "Buckets[].Name", "s3api get-bucket-policy --bucket \"$one\"")
    },
    service("kms", "kms list-keys", "Keys[].KeyId", "kms get-key-policy --key-id \"$one\" --policy-name default"),
    service(
        "sqs",
        "sqs list-queues",
        "QueueUrls[]",
        "sqs get-queue-attributes --queue-url \"$one\" --attribute-names Policy",
    ),
    service("sns", "sns list-topics", "Topics[].TopicArn", "sns get-topic-attributes --topic-arn \"$one\""),
    service(
        "lambda",
        "lambda list-functions",
        "Functions[].FunctionName",
        "lambda get-policy --function-name \"$one\"",
    ),
    service(
        "ecr",
        "ecr describe-repositories",
        "repositories[].repositoryName",
        "ecr get-repository-policy --repository-name \"$one\"",
    ),
    service(
        "secretsmanager",
        "secretsmanager list-secrets",
        "SecretList[].ARN",
        "secretsmanager get-resource-policy --secret-id \"$one\"",
    ),
    service("events", "events list-event-buses", "EventBuses[].Name", "events describe-event-bus --name \"$one\""),
    service(
        "efs",
        "efs describe-file-systems",
        "FileSystems[].FileSystemId",
        "efs describe-file-system-policy --file-system-id \"$one\"",
    ),
    service(
        "backup",
        "backup list-backup-vaults",
        "BackupVaultList[].BackupVaultName",
        "backup get-backup-vault-access-policy --backup-vault-name \"$one\"",
    ),
    service("apigateway", "apigateway get-rest-apis", "items[].id", "apigateway get-rest-api --rest-api-id \"$one\""),
    service(
        "glue",
        "glue get-resource-policies",
        "GetResourcePoliciesResponseList[0].PolicyHash",
        "glue get-resource-policies",
    ),
    service(
        "opensearch",
        "opensearch list-domain-names",
        "DomainNames[].DomainName",
        "opensearch describe-domain --domain-name \"$one\"",
    ),
    service(
        "vpc-endpoints",
        "ec2 describe-vpc-endpoints",
        "VpcEndpoints[].VpcEndpointId",
        "ec2 describe-vpc-endpoints --vpc-endpoint-ids \"$one\"",
    ),
];

/// Names of the services whose policies the commands gather.
pub fn services() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|service| service.name)
}

/// Lines for a shell that gather the policies of every account that moves. They read, and write below `evidence/`.
pub fn commands(case: &Case) -> String {
    let mut out = String::from(HEAD);
    let accounts: BTreeSet<&str> = case.moving.iter().map(|moving| moving.account.as_str()).collect();
    let line = |service: &Service, region: &str| {
        let Service { name, list, query, policy, .. } = service;
        format!("policy='{policy}'; one_service \"$1\" {region} {name} '{list}' '{query}'\n")
    };
    for service in SERVICES.iter().filter(|service| service.global) {
        out.push_str(&format!("  {}", line(service, "us-east-1")));
    }
    out.push_str("  for region in $regions; do\n");
    for service in SERVICES.iter().filter(|service| !service.global) {
        out.push_str(&format!("    {}", line(service, "\"$region\"")));
    }
    out.push_str("  done\n}\n");
    for account in accounts {
        out.push_str(&format!("gather {account}\n"));
    }
    out
}

const HEAD: &str = r#"#!/bin/sh
# Gathers the policies of resources with the AWS CLI, read-only, into evidence/ACCOUNT/SERVICE.REGION.N.json. What AWS
# refuses is kept in evidence/ACCOUNT/errors.txt. Each account needs a profile of its own: say which below. Then:
#   countersign preflight RUNBOOK --evidence evidence
set -u
profile() {
  case "$1" in
    # 111122223333) echo name-of-profile ;;
    *) echo "account-$1" ;;
  esac
}
one_service() { # account region service list-command query; $policy is evaluated with $one set
  list=$(aws $4 --query "$5" --output text --region "$2" 2>> "evidence/$1/errors.txt")
  n=0
  for one in $list; do
    [ "$one" = None ] && continue
    n=$((n + 1))
    eval "aws $policy --output json --region \"$2\"" > "evidence/$1/$3.$2.$n.json" 2>> "evidence/$1/errors.txt"
  done
}
gather() {
  mkdir -p "evidence/$1"
  AWS_PROFILE=$(profile "$1")
  export AWS_PROFILE
  is=$(aws sts get-caller-identity --query Account --output text)
  [ "$is" = "$1" ] || { echo "the profile $AWS_PROFILE is of the account $is, not $1" >&2; exit 1; }
  regions=$(aws account list-regions --region-opt-status-contains ENABLED ENABLED_BY_DEFAULT --query 'Regions[].RegionName' --output text)
"#;

/// The accounts that move and of which there are no files.
pub fn without_files<'a>(case: &'a Case, searched: &[Searched]) -> Vec<&'a str> {
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    searched.iter().for_each(|one| *files.entry(one.account.as_str()).or_default() += 1);
    case.moving.iter().map(|one| one.account.as_str()).filter(|account| !files.contains_key(account)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const OWN: &str =
        r#"{"Statement": [{"Sid": "Own", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-old"}}}]}"#;

    fn paper(name: &str, text: &str) -> Paper {
        let (account, name) = ("111122223333".to_owned(), name.to_owned());
        Paper { account, name, digest: Digest::of(text.as_bytes()), text: text.to_owned() }
    }

    fn says(text: &str) -> Vec<String> {
        search(&[paper("a.json", text)], Time(0)).findings.into_iter().map(|one| one.says).collect()
    }

    #[test]
    fn policies_are_found_in_each_form_that_the_services_have() {
        let (whole, escaped) = (json!(OWN), json!(OWN.replace('"', "\\\"")));
        let found = "Own: StringEquals aws:PrincipalOrgID o-old";
        for (text, place) in [
            (json!({"Policy": whole}).to_string(), "/Policy, "),
            (json!({"Attributes": {"Policy": whole}}).to_string(), "/Attributes/Policy, "),
            (json!({"policyText": whole}).to_string(), "/policyText, "),
            (json!({"policy": escaped}).to_string(), "/policy, "),
            (json!({"VpcEndpoints": [{"PolicyDocument": whole}]}).to_string(), "/VpcEndpoints/0/PolicyDocument, "),
            (OWN.to_owned(), ""),
        ] {
            assert_eq!(says(&text), [format!("a.json: {place}{found}")], "{text}");
        }
        assert!(says(r#"{"Policy": "{\"Statement\": []}", "Other": "Statement"}"#).is_empty());
    }

    #[test]
    fn what_was_refused_is_not_known_and_what_is_not_there_is_nothing() {
        let told = search(&[paper("errors.txt", "(NoSuchBucketPolicy) none\n(AccessDenied) no\n")], Time(0));
        assert!(
            told.unread[0].because.starts_with("1 of the commands") && told.unread[0].because.contains("AccessDenied")
        );
        let told = search(&[paper("errors.txt", "(ResourceNotFoundException)\n"), paper("a.json", "")], Time(0));
        assert!(told.unread.is_empty() && told.searched.is_empty());
        let told = search(&[paper("a.json", "{")], Time(0));
        assert!(told.unread[0].because.contains("no JSON"));
    }

    proptest! {
        #[test]
        fn no_file_breaks_the_search(text in any::<String>()) {
            let _ = search(&[paper("a.json", &text), paper("errors.txt", &text)], Time(0));
            let _ = says(&json!({"Statement": text}).to_string());
        }
    }
}
