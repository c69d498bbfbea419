//! For each action of the catalogue one call that AWS carries out, and what must be there before. A new action fails
//! the test until it has its line here; everything else is told by the catalogue and by the simulator's table.

use serde_json::{Value, json};

/// One call, and the calls before it. Texts that begin with `=` are JMESPath over the answers of those (`made`).
pub struct Scene {
    pub action: &'static str,
    pub session: &'static str,
    pub with: Value,
    pub before: Vec<(&'static str, &'static str, Value)>,
    /// The sessions that the sides `management` and `member` of a probe ask through.
    pub sides: (&'static str, &'static str),
}

fn s(session: &'static str, action: &'static str, with: Value) -> Scene {
    Scene { action, session, with, before: Vec::new(), sides: (session, session) }
}

impl Scene {
    fn after(mut self, session: &'static str, action: &'static str, with: Value) -> Scene {
        self.before.push((session, action, with));
        self
    }

    fn sides(mut self, management: &'static str, member: &'static str) -> Scene {
        self.sides = (management, member);
        self
    }
}

const MEMBER: &str = "333333333333";
const SCP: &str = "SERVICE_CONTROL_POLICY";
const DENY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole"}]}"#;
const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const READER: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
/// What waits in a before-list: time, and what a person reads.
pub const CLOCK: &str = "clock";
pub const HUMAN: &str = "human";

fn target(id: &str) -> Value {
    json!({"Target": {"Id": id, "Type": "ACCOUNT"}})
}

fn transfer() -> Value {
    json!({"Type": "BILLING", "Target": {"Id": "222222222222", "Type": "ACCOUNT"}, "StartTimestamp": "2026-11-01T00:00:00Z",
           "SourceName": "pays"})
}

pub fn scenes() -> Vec<Scene> {
    let mut all = moves();
    all.extend(whole());
    all.extend(policies());
    all.extend(services_and_transfers());
    all.extend(organization_reads());
    all.extend(users_and_groups());
    all.extend(roles());
    all.extend(sign_in());
    all.extend(standing());
    all.extend(accounts());
    all.extend(elsewhere());
    all
}

fn moves() -> Vec<Scene> {
    let o = "organizations:InviteAccountToOrganization";
    let id = json!({"HandshakeId": "=made[0].Handshake.Id"});
    vec![
        s("second", o, target("555555555555")),
        s("alone", "organizations:AcceptHandshake", id.clone())
            .after("second", o, target("555555555555"))
            .sides("second", "alone"),
        s("second", "organizations:CancelHandshake", id.clone()).after("second", o, target("555555555555")),
        s("alone", "organizations:DeclineHandshake", id.clone()).after("second", o, target("555555555555")),
        s("member", "organizations:LeaveOrganization", json!({})),
        s("first", "organizations:RemoveAccountFromOrganization", json!({"AccountId": MEMBER})),
        s(
            "first",
            "organizations:MoveAccount",
            json!({"AccountId": MEMBER, "SourceParentId": "ou-frst-11111111", "DestinationParentId": "r-frst"}),
        ),
        s("second", "organizations:DescribeHandshake", id).after("second", o, target("555555555555")),
        s("second", "organizations:ListHandshakesForOrganization", json!({})),
        s("alone", "organizations:ListHandshakesForAccount", json!({})),
    ]
}

fn whole() -> Vec<Scene> {
    vec![
        s("alone", "organizations:CreateOrganization", json!({})),
        s("second", "organizations:DeleteOrganization", json!({})),
        s("first", "organizations:CreateAccount", json!({"Email": "new@example.com", "AccountName": "new"})),
        s("first", "organizations:CloseAccount", json!({"AccountId": MEMBER})),
        s("billing", "organizations:EnableAllFeatures", json!({})),
        s("first", "organizations:CreateOrganizationalUnit", json!({"ParentId": "r-frst", "Name": "New"})),
        s(
            "first",
            "organizations:UpdateOrganizationalUnit",
            json!({"OrganizationalUnitId": "ou-frst-22222222", "Name": "Renamed"}),
        ),
        s("first", "organizations:DeleteOrganizationalUnit", json!({"OrganizationalUnitId": "ou-frst-22222222"})),
        s(
            "first",
            "organizations:TagResource",
            json!({"ResourceId": MEMBER, "Tags": [{"Key": "cost", "Value": "17"}]}),
        ),
        s("first", "organizations:UntagResource", json!({"ResourceId": MEMBER, "TagKeys": ["team"]})),
    ]
}

fn policies() -> Vec<Scene> {
    let kind = json!({"RootId": "r-frst", "PolicyType": "TAG_POLICY"});
    let create = json!({"Name": "NoIam", "Type": SCP, "Content": DENY, "Description": ""});
    let policy = json!({"PolicyId": "p-0000000001"});
    let there = json!({"PolicyId": "p-0000000001", "TargetId": MEMBER});
    let tags = json!({"Name": "Tags", "Type": "TAG_POLICY", "Content": {"tags": {}}, "Description": ""});
    let effective = json!({"PolicyType": "TAG_POLICY", "TargetId": MEMBER});
    vec![
        s("first", "organizations:EnablePolicyType", kind.clone()),
        s("first", "organizations:DisablePolicyType", kind.clone())
            .after("first", "organizations:EnablePolicyType", kind.clone())
            .after(CLOCK, "1m", Value::Null),
        s("first", "organizations:CreatePolicy", create),
        s("first", "organizations:UpdatePolicy", json!({"PolicyId": "p-0000000001", "Content": DENY, "Name": "Other"})),
        s("first", "organizations:DeletePolicy", policy.clone()),
        s("first", "organizations:AttachPolicy", there.clone()),
        s("first", "organizations:DetachPolicy", there.clone()).after(
            "first",
            "organizations:AttachPolicy",
            there.clone(),
        ),
        s("first", "organizations:DescribePolicy", policy.clone()),
        s("first", "organizations:ListPolicies", json!({"Filter": SCP})),
        s("first", "organizations:ListTargetsForPolicy", policy).after("first", "organizations:AttachPolicy", there),
        s("first", "organizations:DescribeEffectivePolicy", effective)
            .after("first", "organizations:EnablePolicyType", kind)
            .after(CLOCK, "1m", Value::Null)
            .after("first", "organizations:CreatePolicy", tags)
            .after(
                "first",
                "organizations:AttachPolicy",
                json!({"PolicyId": "=made[2].Policy.PolicySummary.Id", "TargetId": MEMBER}),
            ),
    ]
}

fn services_and_transfers() -> Vec<Scene> {
    let one = json!({"AccountId": MEMBER, "ServicePrincipal": "sso.amazonaws.com"});
    let invite = "organizations:InviteOrganizationToTransferResponsibility";
    let accept = "organizations:AcceptHandshake";
    let handshake = json!({"HandshakeId": "=made[0].Handshake.Id"});
    let list = "organizations:ListInboundResponsibilityTransfers";
    let id = json!({"Id": "=made[2].ResponsibilityTransfers[0].Id"});
    let running = |scene: Scene| {
        scene.after("first", invite, transfer()).after("second", accept, handshake.clone()).after(
            "first",
            list,
            json!({"Type": "BILLING"}),
        )
    };
    let mut named = id.clone();
    named["Name"] = json!("other");
    vec![
        s("first", "organizations:EnableAWSServiceAccess", json!({"ServicePrincipal": "ram.amazonaws.com"})),
        s("first", "organizations:DisableAWSServiceAccess", json!({"ServicePrincipal": "sso.amazonaws.com"})),
        s("first", "organizations:RegisterDelegatedAdministrator", one.clone()),
        s("first", "organizations:DeregisterDelegatedAdministrator", one.clone()).after(
            "first",
            "organizations:RegisterDelegatedAdministrator",
            one.clone(),
        ),
        s("first", "organizations:ListDelegatedAdministrators", json!({})),
        s("first", "organizations:ListDelegatedServicesForAccount", json!({"AccountId": MEMBER})).after(
            "first",
            "organizations:RegisterDelegatedAdministrator",
            one,
        ),
        s("first", "organizations:ListAWSServiceAccessForOrganization", json!({})),
        s("first", invite, transfer()),
        running(s("first", "organizations:TerminateResponsibilityTransfer", id.clone())),
        running(s("first", "organizations:UpdateResponsibilityTransfer", named)),
        running(s("first", "organizations:DescribeResponsibilityTransfer", id)),
        s("first", list, json!({"Type": "BILLING"})).after("first", invite, transfer()),
        s("second", "organizations:ListOutboundResponsibilityTransfers", json!({"Type": "BILLING"})).after(
            "first",
            invite,
            transfer(),
        ),
    ]
}

fn organization_reads() -> Vec<Scene> {
    let made = json!({"Email": "new@example.com", "AccountName": "new"});
    let root = json!({"ParentId": "r-frst"});
    vec![
        s("member", "organizations:DescribeOrganization", json!({})),
        s("first", "organizations:DescribeAccount", json!({"AccountId": MEMBER})),
        s(
            "first",
            "organizations:DescribeCreateAccountStatus",
            json!({"CreateAccountRequestId": "=made[0].CreateAccountStatus.Id"}),
        )
        .after("first", "organizations:CreateAccount", made),
        s("first", "organizations:DescribeOrganizationalUnit", json!({"OrganizationalUnitId": "ou-frst-11111111"})),
        s("first", "organizations:ListParents", json!({"ChildId": MEMBER})),
        s("first", "organizations:ListChildren", json!({"ParentId": "r-frst", "ChildType": "ACCOUNT"})),
        s("first", "organizations:ListRoots", json!({})),
        s("first", "organizations:ListAccounts", json!({})),
        s("first", "organizations:ListAccountsForParent", root.clone()),
        s("first", "organizations:ListOrganizationalUnitsForParent", root),
        s("first", "organizations:ListCreateAccountStatus", json!({})),
        s("first", "organizations:ListTagsForResource", json!({"ResourceId": MEMBER})),
        s("first", "organizations:ListPoliciesForTarget", json!({"TargetId": MEMBER, "Filter": SCP})),
    ]
}

fn users_and_groups() -> Vec<Scene> {
    let (user, group) = (json!({"UserName": "wim"}), json!({"GroupName": "crew"}));
    let policy = json!({"UserName": "wim", "PolicyArn": READER});
    let shared = json!({"GroupName": "crew", "PolicyArn": READER});
    let both = json!({"GroupName": "crew", "UserName": "wim"});
    let with_user = |scene: Scene| scene.after("first", "iam:CreateUser", user.clone());
    let with_group = |scene: Scene| scene.after("first", "iam:CreateGroup", group.clone());
    let key = json!({"UserName": "wim", "AccessKeyId": "=made[1].AccessKey.AccessKeyId"});
    vec![
        s("first", "iam:CreateUser", user.clone()),
        with_user(s("first", "iam:DeleteUser", user.clone())),
        with_user(s("first", "iam:AttachUserPolicy", policy.clone())),
        with_user(s("first", "iam:DetachUserPolicy", policy.clone())).after("first", "iam:AttachUserPolicy", policy),
        with_user(s("first", "iam:CreateAccessKey", user.clone())),
        with_user(s("first", "iam:DeleteAccessKey", key)).after("first", "iam:CreateAccessKey", user.clone()),
        with_user(s("first", "iam:GetUser", user.clone())),
        s("first", "iam:ListAttachedUserPolicies", json!({"UserName": "admin"})),
        s("first", "iam:ListAccessKeys", json!({"UserName": "admin"})),
        s("first", "iam:CreateGroup", group.clone()),
        with_group(s("first", "iam:DeleteGroup", group.clone())),
        with_group(s("first", "iam:AttachGroupPolicy", shared.clone())),
        with_group(s("first", "iam:DetachGroupPolicy", shared.clone())).after("first", "iam:AttachGroupPolicy", shared),
        with_group(with_user(s("first", "iam:AddUserToGroup", both.clone()))),
        with_group(with_user(s("first", "iam:RemoveUserFromGroup", both.clone()))).after(
            "first",
            "iam:AddUserToGroup",
            both,
        ),
        with_group(s("first", "iam:GetGroup", group.clone())),
        with_group(s("first", "iam:ListAttachedGroupPolicies", group.clone())),
        with_user(s("first", "iam:ListGroupsForUser", user.clone())),
    ]
}

fn roles() -> Vec<Scene> {
    let role = json!({"RoleName": "crew"});
    let make = json!({"RoleName": "crew", "AssumeRolePolicyDocument": TRUST, "Description": "of the crew"});
    let policy = json!({"RoleName": "crew", "PolicyName": "own"});
    let put = json!({"RoleName": "crew", "PolicyName": "own", "PolicyDocument": DENY});
    let shared = json!({"RoleName": "crew", "PolicyArn": ADMIN});
    let there = |scene: Scene| scene.after("first", "iam:CreateRole", make.clone());
    let other = TRUST.replace("111111111111", "222222222222");
    vec![
        s("first", "iam:CreateRole", make.clone()),
        there(s("first", "iam:DeleteRole", role.clone())),
        there(s("first", "iam:UpdateAssumeRolePolicy", json!({"RoleName": "crew", "PolicyDocument": other}))),
        there(s("first", "iam:PutRolePolicy", put.clone())),
        there(s("first", "iam:DeleteRolePolicy", policy.clone())).after("first", "iam:PutRolePolicy", put.clone()),
        there(s("first", "iam:AttachRolePolicy", shared.clone())),
        there(s("first", "iam:DetachRolePolicy", shared.clone())).after("first", "iam:AttachRolePolicy", shared),
        there(s("first", "iam:GetRole", role.clone())),
        there(s("first", "iam:GetRolePolicy", policy)).after("first", "iam:PutRolePolicy", put),
        there(s("first", "iam:ListRolePolicies", role.clone())),
        there(s("first", "iam:ListAttachedRolePolicies", role.clone())),
    ]
}

fn sign_in() -> Vec<Scene> {
    let user = json!({"UserName": "wim"});
    let password = json!({"UserName": "wim", "Password": "Correct-Horse-7"});
    let name = json!({"VirtualMFADeviceName": "wims"});
    let serial = json!({"SerialNumber": "=made[0].VirtualMFADevice.SerialNumber"});
    let alias = json!({"AccountAlias": "first-of-all"});
    let codes = json!({
        "UserName": "admin", "SerialNumber": "=made[0].VirtualMFADevice.SerialNumber",
        "AuthenticationCode1": "=made[1].code", "AuthenticationCode2": "=made[3].code",
    });
    let device = |scene: Scene| {
        let reads = json!({"account": "111111111111", "reads": "=made[0].VirtualMFADevice.SerialNumber"});
        scene
            .after("first", "iam:CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "wims"}))
            .after(HUMAN, "", reads.clone())
            .after(CLOCK, "30s", Value::Null)
            .after(HUMAN, "", reads)
    };
    let mut deactivate = serial.clone();
    deactivate["UserName"] = json!("admin");
    vec![
        s("first", "iam:CreateLoginProfile", password.clone()).after("first", "iam:CreateUser", user.clone()),
        s("first", "iam:DeleteLoginProfile", user.clone()).after("first", "iam:CreateUser", user.clone()).after(
            "first",
            "iam:CreateLoginProfile",
            password.clone(),
        ),
        s("first", "iam:GetLoginProfile", user.clone()).after("first", "iam:CreateUser", user).after(
            "first",
            "iam:CreateLoginProfile",
            password,
        ),
        s("first", "iam:CreateVirtualMFADevice", name.clone()),
        s("first", "iam:DeleteVirtualMFADevice", serial).after("first", "iam:CreateVirtualMFADevice", name),
        device(s("first", "iam:EnableMFADevice", codes.clone())),
        device(s("first", "iam:DeactivateMFADevice", deactivate)).after("first", "iam:EnableMFADevice", codes),
        s("first", "iam:ListMFADevices", json!({"UserName": "admin"})),
        s("first", "iam:ListVirtualMFADevices", json!({})),
        s("first", "iam:CreateAccountAlias", alias.clone()),
        s("first", "iam:DeleteAccountAlias", alias.clone()).after("first", "iam:CreateAccountAlias", alias),
        s("first", "iam:ListAccountAliases", json!({})),
    ]
}

fn standing() -> Vec<Scene> {
    let task = json!({"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"});
    vec![
        s("first", "iam:EnableOrganizationsRootCredentialsManagement", json!({})).after(
            "first",
            "iam:DisableOrganizationsRootCredentialsManagement",
            json!({}),
        ),
        s("first", "iam:DisableOrganizationsRootCredentialsManagement", json!({})),
        s("first", "iam:EnableOrganizationsRootSessions", json!({})),
        s("first", "iam:DisableOrganizationsRootSessions", json!({})).after(
            "first",
            "iam:EnableOrganizationsRootSessions",
            json!({}),
        ),
        s("first", "iam:ListOrganizationsFeatures", json!({})),
        s("first", "iam:GetAccountSummary", json!({})),
        s("first", "iam:GetAccountAuthorizationDetails", json!({})),
        s(
            "first",
            "iam:SimulatePrincipalPolicy",
            json!({"PolicySourceArn": "arn:aws:iam::111111111111:user/admin", "ActionNames": ["iam:GetUser"]}),
        ),
        s("first", "sts:GetCallerIdentity", json!({})),
        s(
            "first",
            "sts:AssumeRole",
            json!({"RoleArn": format!("arn:aws:iam::{MEMBER}:role/OrganizationAccountAccessRole"), "RoleSessionName": "trying"}),
        ),
        s("first", "sts:AssumeRoot", json!({"TargetPrincipal": MEMBER, "TaskPolicyArn": task})),
    ]
}

fn accounts() -> Vec<Scene> {
    let contact = json!({"ContactInformation": {
        "FullName": "Wim", "AddressLine1": "2 Street", "City": "Town", "PostalCode": "1", "CountryCode": "DE",
        "PhoneNumber": "+491",
    }});
    let billing = json!({"AlternateContactType": "BILLING", "AccountId": MEMBER});
    let mut put = billing.clone();
    for (name, text) in
        [("Name", "Wim"), ("Title", "Billing"), ("EmailAddress", "wim@example.com"), ("PhoneNumber", "1")]
    {
        put[name] = json!(text);
    }
    let email = json!({"AccountId": MEMBER, "PrimaryEmail": "other@example.com"});
    let mut accept = email.clone();
    accept["Otp"] = json!("AB12CD");
    let of_member = json!({"AccountId": MEMBER});
    vec![
        s("first", "account:PutAccountName", json!({"AccountName": "renamed", "AccountId": MEMBER})),
        s("member", "account:PutContactInformation", contact),
        s("first", "account:PutAlternateContact", put.clone()),
        s("first", "account:DeleteAlternateContact", billing.clone()).after(
            "first",
            "account:PutAlternateContact",
            put.clone(),
        ),
        s("first", "account:StartPrimaryEmailUpdate", email.clone()),
        s("first", "account:AcceptPrimaryEmailUpdate", accept).after(
            "first",
            "account:StartPrimaryEmailUpdate",
            email.clone(),
        ),
        s("first", "account:SendPhoneNumberVerification", of_member.clone()),
        s("first", "account:VerifyPhoneNumber", json!({"AccountId": MEMBER, "Otp": "AB12CD"})).after(
            "first",
            "account:SendPhoneNumberVerification",
            of_member.clone(),
        ),
        s("first", "account:GetAccountInformation", of_member.clone()),
        s("member", "account:GetContactInformation", json!({})),
        s("first", "account:GetAlternateContact", billing).after("first", "account:PutAlternateContact", put),
        s("first", "account:GetPrimaryEmail", of_member.clone()),
        s("first", "account:GetPrimaryEmailUpdateStatus", of_member).after(
            "first",
            "account:StartPrimaryEmailUpdate",
            email,
        ),
        s(
            "first",
            "invoicing:ListInvoiceSummaries",
            json!({"Selector": {"ResourceType": "ACCOUNT_ID", "Value": "111111111111"}}),
        ),
        s("first", "invoicing:GetInvoicePDF", json!({"InvoiceId": "INV-1"})),
    ]
}

fn elsewhere() -> Vec<Scene> {
    let center = |set: Option<&str>| {
        let mut with = json!({"InstanceArn": "=made[0].Instances[0].InstanceArn", "AccountId": MEMBER});
        if let Some(set) = set {
            with["PermissionSetArn"] = json!(set);
        }
        with
    };
    let (sets, people) = ("sso:ListPermissionSetsProvisionedToAccount", "sso:ListAccountAssignments");
    vec![
        s("first", "countersign:ReadOrganization", json!({"PolicyTypes": [SCP]})),
        s("member", "iam:GenerateCredentialReport", json!({})),
        s("member", "iam:GetCredentialReport", json!({})),
        s("first", "account:ListRegions", json!({"RegionOptStatusContains": ["ENABLED_BY_DEFAULT"]})),
        s("first", "cloudformation:ListStackSets", json!({"Status": "ACTIVE", "Region": "us-east-1"})),
        s("first", "cloudformation:ListStackInstances", json!({"StackSetName": "baseline"})),
        s("member", "ram:GetResourceShares", json!({"resourceOwner": "SELF"})),
        s("first", "sso:ListInstances", json!({})),
        s("first", sets, center(None)).after("first", "sso:ListInstances", json!({})),
        s("first", people, center(Some("=made[1].PermissionSets[0]")))
            .after("first", "sso:ListInstances", json!({}))
            .after("first", sets, center(None)),
        s(
            "first",
            "servicequotas:GetServiceQuota",
            json!({"ServiceCode": "organizations", "QuotaCode": "L-E619E033", "Region": "us-east-1"}),
        ),
        s("first", "billing:GetCredits", json!({"accountId": MEMBER, "startDate": "2026-01-01T00:00:00Z"})),
    ]
}
