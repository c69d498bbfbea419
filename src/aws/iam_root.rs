//! IAM on central root access, and what tells how an account stands.

use super::call::{Wire, endless, goes_on, marked_pages, one};
use super::iam::{attached_policy, tag};
use super::shape::{With, document, list, maybe, object, text, time};
use crate::catalogue::action::Type;
use crate::engine::port::Fault;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{
    ContextEntry, EvaluationResult, FeatureType, GroupDetail, ManagedPolicyDetail, OrganizationsDecisionDetail,
    PolicyDetail, PolicyVersion, RoleDetail, UserDetail,
};
use serde_json::{Map, Value, json};

/// Performs the action, or says that it is not one of these.
pub(super) async fn perform(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    Some(match wire.action.name {
        "iam:EnableOrganizationsRootCredentialsManagement" => {
            one!(wire, client.enable_organizations_root_credentials_management(), |out| features(
                out.organization_id(),
                out.enabled_features()
            ))
        }
        "iam:DisableOrganizationsRootCredentialsManagement" => {
            one!(wire, client.disable_organizations_root_credentials_management(), |out| features(
                out.organization_id(),
                out.enabled_features()
            ))
        }
        "iam:EnableOrganizationsRootSessions" => {
            one!(wire, client.enable_organizations_root_sessions(), |out| features(
                out.organization_id(),
                out.enabled_features()
            ))
        }
        "iam:DisableOrganizationsRootSessions" => {
            one!(wire, client.disable_organizations_root_sessions(), |out| features(
                out.organization_id(),
                out.enabled_features()
            ))
        }
        "iam:ListOrganizationsFeatures" => one!(wire, client.list_organizations_features(), |out| features(
            out.organization_id(),
            out.enabled_features()
        )),
        "iam:GetAccountSummary" => one!(wire, client.get_account_summary(), |out| summary(wire, out.summary_map())),
        "iam:GenerateCredentialReport" => one!(wire, client.generate_credential_report(), |out| object([
            ("State", text(out.state())),
            ("Description", text(out.description())),
        ])),
        "iam:GetCredentialReport" => {
            one!(wire, client.get_credential_report(), |out| {
                let content = out.content().map(|content| String::from_utf8_lossy(content.as_ref()).into_owned());
                object([
                    ("Rows", content.as_deref().map_or(Value::Null, |text| report(wire, text))),
                    ("Content", text(content.as_deref())),
                    ("ReportFormat", text(out.report_format())),
                    ("GeneratedTime", time(out.generated_time())),
                ])
            })
        }
        "iam:GetAccountAuthorizationDetails" => Box::pin(details(wire, client, with)).await,
        "iam:SimulatePrincipalPolicy" => {
            let context = match with.records("ContextEntries", build_context) {
                Ok(context) => context,
                Err(fault) => return Some(Err(fault)),
            };
            let request = client
                .simulate_principal_policy()
                .set_policy_source_arn(with.text("PolicySourceArn"))
                .set_action_names(with.texts("ActionNames"))
                .set_resource_arns(with.texts("ResourceArns"))
                .set_context_entries(context);
            marked_pages!(wire, request, |out| out.evaluation_results(), evaluation)
        }
        _ => return None,
    })
}

/// The report by the columns that the catalogue names. A line that can't be read is left out: the text has it.
fn report(wire: &Wire<'_>, content: &str) -> Value {
    let rows = wire.action.outputs.iter().find(|field| field.name == "Rows").map(|field| &field.of);
    let Some(Type::List(Type::Record(known))) = rows else { return json!([]) };
    let mut reader = csv::Reader::from_reader(content.as_bytes());
    let heads = reader.headers().cloned().unwrap_or_default();
    let lines = reader.records().filter_map(Result::ok);
    let row = |line: csv::StringRecord| {
        let cells = heads.iter().zip(line.iter()).filter(|(head, _)| known.iter().any(|field| field.name == *head));
        Value::Object(cells.map(|(head, cell)| (head.to_owned(), json!(cell))).collect())
    };
    lines.map(row).collect()
}

fn features(organization: Option<&str>, enabled: &[FeatureType]) -> Value {
    object([("OrganizationId", text(organization)), ("EnabledFeatures", list(enabled, |feature| text(Some(feature))))])
}

type Numbers = std::collections::HashMap<aws_sdk_iam::types::SummaryKeyType, i32>;

/// The numbers that the catalogue names.
fn summary(wire: &Wire<'_>, map: Option<&Numbers>) -> Value {
    let known = wire.action.outputs.first().map(|field| &field.of);
    let Some(crate::catalogue::action::Type::Record(fields)) = known else { return json!({}) };
    let number = |name: &str| map?.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| *value);
    let members = fields.iter().filter_map(|field| Some((field.name.to_owned(), json!(number(field.name)?))));
    json!({"SummaryMap": members.collect::<Map<String, Value>>()})
}

/// Four lists that go on together.
async fn details(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let request = client.get_account_authorization_details().set_filter(with.choices("Filter"));
    let names = ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];
    let mut all: [Vec<Value>; 4] = Default::default();
    let mut marker: Option<String> = None;
    for page in 1.. {
        wire.pace().await;
        let request = request.clone().set_marker(marker.clone());
        let out = wire.judge(request.customize().interceptor(wire.seen.clone()).send().await)?;
        all[0].extend(out.user_detail_list().iter().map(user));
        all[1].extend(out.group_detail_list().iter().map(group));
        all[2].extend(out.role_detail_list().iter().map(role));
        all[3].extend(out.policies().iter().map(policy));
        let next = out.marker().filter(|next| !next.is_empty()).map(str::to_owned);
        match goes_on(page, &marker, &next) {
            Ok(true) => marker = next,
            Ok(false) => break,
            Err(()) => return Err(endless(wire.action)),
        }
    }
    let lists = names.into_iter().zip(all).map(|(name, items)| (name.to_owned(), Value::Array(items)));
    Ok(Value::Object(lists.collect()))
}

fn build_context(with: With<'_>) -> Result<ContextEntry, std::convert::Infallible> {
    Ok(ContextEntry::builder()
        .set_context_key_name(with.text("ContextKeyName"))
        .set_context_key_values(with.texts("ContextKeyValues"))
        .set_context_key_type(with.choice("ContextKeyType"))
        .build())
}

fn inline(it: &PolicyDetail) -> Value {
    object([("PolicyName", text(it.policy_name())), ("PolicyDocument", document(it.policy_document()))])
}

fn user(it: &UserDetail) -> Value {
    object([
        ("UserName", text(it.user_name())),
        ("UserId", text(it.user_id())),
        ("Path", text(it.path())),
        ("Arn", text(it.arn())),
        ("CreateDate", time(it.create_date())),
        ("UserPolicyList", list(it.user_policy_list(), inline)),
        ("GroupList", list(it.group_list(), |name| text(Some(name)))),
        ("AttachedManagedPolicies", list(it.attached_managed_policies(), attached_policy)),
        ("Tags", list(it.tags(), tag)),
    ])
}

fn group(it: &GroupDetail) -> Value {
    object([
        ("GroupName", text(it.group_name())),
        ("GroupId", text(it.group_id())),
        ("Path", text(it.path())),
        ("Arn", text(it.arn())),
        ("CreateDate", time(it.create_date())),
        ("GroupPolicyList", list(it.group_policy_list(), inline)),
        ("AttachedManagedPolicies", list(it.attached_managed_policies(), attached_policy)),
    ])
}

fn role(it: &RoleDetail) -> Value {
    object([
        ("RoleName", text(it.role_name())),
        ("RoleId", text(it.role_id())),
        ("Path", text(it.path())),
        ("Arn", text(it.arn())),
        ("CreateDate", time(it.create_date())),
        ("AssumeRolePolicyDocument", document(it.assume_role_policy_document())),
        ("RolePolicyList", list(it.role_policy_list(), inline)),
        ("AttachedManagedPolicies", list(it.attached_managed_policies(), attached_policy)),
        ("Tags", list(it.tags(), tag)),
    ])
}

fn policy(it: &ManagedPolicyDetail) -> Value {
    object([
        ("PolicyName", text(it.policy_name())),
        ("Arn", text(it.arn())),
        ("AttachmentCount", it.attachment_count().map_or(Value::Null, Value::from)),
        ("PolicyVersionList", list(it.policy_version_list(), version)),
    ])
}

fn version(it: &PolicyVersion) -> Value {
    object([
        ("VersionId", text(it.version_id())),
        ("IsDefaultVersion", Value::Bool(it.is_default_version())),
        ("Document", document(it.document())),
    ])
}

fn evaluation(it: &EvaluationResult) -> Value {
    object([
        ("EvalActionName", text(Some(it.eval_action_name()))),
        ("EvalResourceName", text(it.eval_resource_name())),
        ("EvalDecision", text(Some(it.eval_decision()))),
        ("MissingContextValues", list(it.missing_context_values(), |name| text(Some(name)))),
        ("OrganizationsDecisionDetail", maybe(it.organizations_decision_detail(), by_organization)),
    ])
}

fn by_organization(it: &OrganizationsDecisionDetail) -> Value {
    object([("AllowedByOrganizations", Value::Bool(it.allowed_by_organizations()))])
}
