"""What test_simulator_boto3.py asks of the second half of the simulator's operations: closing, policies, transfers, groups,
roles, ways to sign in, central root access, contacts, invoices."""

import json
import urllib.error
import urllib.request

OLD, NEW, BILLING, DATA, WEB = "111111111111", "222222222222", "111122223333", "222233334444", "333344445555"
FRESH, CLOSED = "444455556666", "666677778888"
ROOT, OLD_ROOT = "r-ab12", "r-old1"
SCP, TAGS = "SERVICE_CONTROL_POLICY", "TAG_POLICY"
DENY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]})
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{NEW}:root"}, "Action": "sts:AssumeRole"}]})
READER = "arn:aws:iam::aws:policy/ReadOnlyAccess"
TASK = "arn:aws:iam::aws:policy/root-task/"
TRANSFER = {"Type": "BILLING", "Target": {"Id": OLD, "Type": "ACCOUNT"}, "StartTimestamp": "2020-01-01T00:00:00Z", "SourceName": "x"}
CONTACT = {"FullName": "W", "AddressLine1": "1", "City": "C", "PostalCode": "1", "CountryCode": "DE", "PhoneNumber": "+491"}
ALTERNATE = {"Name": "W", "Title": "T", "EmailAddress": "w@x.example", "PhoneNumber": "1", "AlternateContactType": "BILLING"}
EMAIL = {"AccountId": DATA, "PrimaryEmail": "new@customer.example"}
CREATE = {"Name": "n", "Type": SCP, "Content": DENY, "Description": "d"}
CENTER = "arn:aws:sso:::instance/ssoins-0000000000000000"
PERMISSION_SET = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-0000000000000000"

NEEDS = {
    "organizations:CloseAccount": {"AccountId": BILLING},
    "organizations:UpdateOrganizationalUnit": {"OrganizationalUnitId": "ou-ab12-11111111", "Name": "x"},
    "organizations:EnablePolicyType": {"RootId": ROOT, "PolicyType": TAGS},
    "organizations:DisablePolicyType": {"RootId": ROOT, "PolicyType": TAGS},
    "organizations:CreatePolicy": CREATE,
    "organizations:UpdatePolicy": {"PolicyId": "p-0000000000"},
    "organizations:DeletePolicy": {"PolicyId": "p-0000000000"},
    "organizations:DescribePolicy": {"PolicyId": "p-FullAWSAccess"},
    "organizations:ListPolicies": {"Filter": SCP},
    "organizations:ListTargetsForPolicy": {"PolicyId": "p-FullAWSAccess"},
    "organizations:AttachPolicy": {"PolicyId": "p-0000000000", "TargetId": ROOT},
    "organizations:DetachPolicy": {"PolicyId": "p-0000000000", "TargetId": ROOT},
    "organizations:DescribeEffectivePolicy": {"PolicyType": TAGS, "TargetId": ROOT},
    "organizations:InviteOrganizationToTransferResponsibility": TRANSFER,
    "organizations:TerminateResponsibilityTransfer": {"Id": "rt-00000000"},
    "organizations:UpdateResponsibilityTransfer": {"Id": "rt-00000000", "Name": "x"},
    "organizations:DescribeResponsibilityTransfer": {"Id": "rt-00000000"},
    "organizations:ListInboundResponsibilityTransfers": {"Type": "BILLING"},
    "organizations:ListOutboundResponsibilityTransfers": {"Type": "BILLING"},
    "iam:CreateGroup": {"GroupName": "g"},
    "iam:DeleteGroup": {"GroupName": "g"},
    "iam:GetGroup": {"GroupName": "g"},
    "iam:AttachGroupPolicy": {"GroupName": "g", "PolicyArn": READER},
    "iam:DetachGroupPolicy": {"GroupName": "g", "PolicyArn": READER},
    "iam:ListAttachedGroupPolicies": {"GroupName": "g"},
    "iam:AddUserToGroup": {"GroupName": "g", "UserName": "u"},
    "iam:RemoveUserFromGroup": {"GroupName": "g", "UserName": "u"},
    "iam:ListGroupsForUser": {"UserName": "u"},
    "iam:CreateRole": {"RoleName": "r", "AssumeRolePolicyDocument": TRUST},
    "iam:DeleteRole": {"RoleName": "r"},
    "iam:GetRole": {"RoleName": "r"},
    "iam:UpdateAssumeRolePolicy": {"RoleName": "r", "PolicyDocument": TRUST},
    "iam:PutRolePolicy": {"RoleName": "r", "PolicyName": "p", "PolicyDocument": DENY},
    "iam:GetRolePolicy": {"RoleName": "r", "PolicyName": "p"},
    "iam:DeleteRolePolicy": {"RoleName": "r", "PolicyName": "p"},
    "iam:ListRolePolicies": {"RoleName": "r"},
    "iam:AttachRolePolicy": {"RoleName": "r", "PolicyArn": READER},
    "iam:DetachRolePolicy": {"RoleName": "r", "PolicyArn": READER},
    "iam:ListAttachedRolePolicies": {"RoleName": "r"},
    "iam:CreateLoginProfile": {"UserName": "u", "Password": "Correct-Horse-7"},
    "iam:GetLoginProfile": {"UserName": "u"},
    "iam:DeleteLoginProfile": {"UserName": "u"},
    "iam:CreateVirtualMFADevice": {"VirtualMFADeviceName": "d"},
    "iam:DeleteVirtualMFADevice": {"SerialNumber": f"arn:aws:iam::{NEW}:mfa/d"},
    "iam:EnableMFADevice": {"UserName": "u", "SerialNumber": f"arn:aws:iam::{NEW}:mfa/d", "AuthenticationCode1": "000000", "AuthenticationCode2": "000001"},
    "iam:DeactivateMFADevice": {"UserName": "u", "SerialNumber": f"arn:aws:iam::{NEW}:mfa/d"},
    "iam:ListMFADevices": {"UserName": "u"},
    "iam:ListVirtualMFADevices": {},
    "iam:CreateAccountAlias": {"AccountAlias": "alias"},
    "iam:DeleteAccountAlias": {"AccountAlias": "alias"},
    "iam:ListAccountAliases": {},
    "iam:GetAccountAuthorizationDetails": {},
    "iam:SimulatePrincipalPolicy": {"PolicySourceArn": f"arn:aws:iam::{NEW}:user/mover", "ActionNames": ["iam:GetUser"]},
    "sts:AssumeRoot": {"TargetPrincipal": DATA, "TaskPolicyArn": {"arn": TASK + "IAMAuditRootUserCredentials"}},
    "account:PutAccountName": {"AccountName": "x"},
    "account:PutContactInformation": {"ContactInformation": CONTACT},
    "account:GetAlternateContact": {"AlternateContactType": "BILLING"},
    "account:PutAlternateContact": ALTERNATE,
    "account:DeleteAlternateContact": {"AlternateContactType": "BILLING"},
    "account:GetPrimaryEmail": {"AccountId": DATA},
    "account:StartPrimaryEmailUpdate": EMAIL,
    "account:AcceptPrimaryEmailUpdate": {**EMAIL, "Otp": "AB12CD"},
    "account:VerifyPhoneNumber": {"Otp": "AB12CD"},
    "cloudformation:ListStackInstances": {"StackSetName": "baseline"},
    "ram:GetResourceShares": {"resourceOwner": "SELF"},
    "sso:ListPermissionSetsProvisionedToAccount": {"InstanceArn": CENTER, "AccountId": DATA},
    "sso:ListAccountAssignments": {"InstanceArn": CENTER, "AccountId": DATA, "PermissionSetArn": PERMISSION_SET},
    "servicequotas:GetServiceQuota": {"ServiceCode": "organizations", "QuotaCode": "L-E619E033"},
    "billing:GetCredits": {"accountId": NEW, "startDate": 1700000000},
    "invoicing:ListInvoiceSummaries": {"Selector": {"ResourceType": "ACCOUNT_ID", "Value": NEW}},
    "invoicing:GetInvoicePDF": {"InvoiceId": "INV-1"},
}
WRONG_WORD = {
    "organizations:EnablePolicyType": {"PolicyType": "X"},
    "organizations:DisablePolicyType": {"PolicyType": "X"},
    "organizations:CreatePolicy": {"Type": "X"},
    "organizations:ListPolicies": {"Filter": "X"},
    "organizations:DescribeEffectivePolicy": {"PolicyType": "X"},
    "organizations:InviteOrganizationToTransferResponsibility": {"Type": "X"},
    "organizations:ListInboundResponsibilityTransfers": {"Type": "X"},
    "organizations:ListOutboundResponsibilityTransfers": {"Type": "X"},
}


def closing(aws):
    """Three at a time, five within thirty days; ninety days later they are gone."""
    close, old, broken = "organizations:CloseAccount", "old_management", "ConstraintViolationException"
    aws.fails(old, close, "AccountNotFoundException", AccountId=NEW)
    aws.fails(old, close, broken, "CANNOT_CLOSE_MANAGEMENT_ACCOUNT", AccountId=OLD)
    member = aws.role(old, DATA)
    for account in (BILLING, DATA, FRESH):
        aws.ok(old, close, AccountId=account)
    aws.fails(old, close, "AccountAlreadyClosedException", AccountId=DATA)
    aws.fails(old, close, broken, "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED", AccountId=WEB)
    assert state(aws, DATA) == "PENDING_CLOSURE"
    aws.advance("2m")
    assert state(aws, DATA) == "CLOSED"
    aws.fails(old, close, broken, "CLOSE_ACCOUNT_QUOTA_EXCEEDED", AccountId=WEB)
    # A closed account goes nowhere, whoever asks.
    aws.fails(member, "organizations:LeaveOrganization", "AccessDeniedException")
    aws.fails(old, "organizations:RemoveAccountFromOrganization", broken, "ACCOUNT_CANNOT_LEAVE_ORGANIZATION", AccountId=DATA)
    aws.human(DATA, "reopened", True)
    assert state(aws, DATA) == "ACTIVE"
    aws.advance("31d")
    aws.ok(old, close, AccountId=WEB)
    aws.advance("60d")
    aws.fails(old, "organizations:DescribeAccount", "AccountNotFoundException", AccountId=BILLING)


def state(aws, account):
    return aws.ok("old_management", "organizations:DescribeAccount", AccountId=account)["Account"]["State"]


def policies(aws):
    new, broken, bad = "new_management", "ConstraintViolationException", "InvalidInputException"
    names = ["Create", "Update", "Delete", "Describe", "Attach", "Detach"]
    create, update, delete, describe, attach, detach = (f"organizations:{name}Policy" for name in names)
    enable, disable, targets = (f"organizations:{name}" for name in ("EnablePolicyType", "DisablePolicyType", "ListTargetsForPolicy"))
    kind = {"RootId": ROOT, "PolicyType": TAGS}
    for action in (enable, disable):
        aws.fails(new, action, "RootNotFoundException", **{**kind, "RootId": "r-zzzz"})
    aws.fails(new, disable, "PolicyTypeNotEnabledException", **kind)
    tagging = {"Name": "t", "Type": TAGS, "Content": "{}", "Description": "d"}
    tag = aws.ok(new, create, **tagging)["Policy"]["PolicySummary"]["Id"]
    aws.fails(new, attach, "PolicyTypeNotEnabledException", PolicyId=tag, TargetId=ROOT)
    aws.ok(new, enable, **kind)
    for action in (enable, disable):
        aws.fails(new, action, "PolicyChangesInProgressException", **kind)
    for action in (attach, detach):
        aws.fails(new, action, "PolicyChangesInProgressException", PolicyId=tag, TargetId=ROOT)
    aws.advance("1m")
    aws.fails(new, enable, "PolicyTypeAlreadyEnabledException", **kind)
    effective = "organizations:DescribeEffectivePolicy"
    aws.fails(new, effective, "EffectivePolicyNotFoundException", PolicyType=TAGS, TargetId=ROOT)
    aws.fails(new, effective, "TargetNotFoundException", PolicyType=TAGS, TargetId=DATA)
    aws.ok(new, attach, PolicyId=tag, TargetId=ROOT)
    assert aws.ok(new, effective, PolicyType=TAGS)["EffectivePolicy"]["TargetId"] == NEW
    aws.ok(new, disable, **kind)
    aws.ok(new, delete, PolicyId=tag)
    long = "x" * 10241
    for action, more in [(create, CREATE), (update, {"PolicyId": "p-0000000001"})]:
        aws.fails(new, action, broken, "POLICY_CONTENT_LIMIT_EXCEEDED", **{**more, "Content": long})
        aws.fails(new, action, "MalformedPolicyDocumentException", **{**more, "Content": "{}"})
        aws.fails(new, action, bad, "MIN_LENGTH_EXCEEDED", loose=True, **{**more, "Content": ""})
    made = aws.ok(new, create, **CREATE, Tags=[{"Key": "a", "Value": "1"}])["Policy"]["PolicySummary"]
    aws.fails(new, create, "DuplicatePolicyException", **CREATE)
    aws.fails(new, update, "DuplicatePolicyException", PolicyId="p-0000000001", Name="n")
    aws.fails(new, update, bad, "MAX_LENGTH_EXCEEDED", loose=True, PolicyId="p-0000000001", Name="n" * 129)
    for action in (update, delete):
        aws.fails(new, action, bad, "IMMUTABLE_POLICY", PolicyId="p-FullAWSAccess")
    for action in (update, delete, describe, targets):
        aws.fails(new, action, "PolicyNotFoundException", PolicyId="p-0000000000")
    for action in (attach, detach):
        aws.fails(new, action, "PolicyNotFoundException", PolicyId="p-0000000000", TargetId=ROOT)
        aws.fails(new, action, "TargetNotFoundException", PolicyId=made["Id"], TargetId=DATA)
    there = {"PolicyId": made["Id"], "TargetId": ROOT}
    aws.fails(new, detach, "PolicyNotAttachedException", **there)
    aws.ok(new, attach, **there)
    aws.fails(new, attach, "DuplicatePolicyAttachmentException", **there)
    aws.fails(new, delete, "PolicyInUseException", PolicyId=made["Id"])
    assert len(aws.ok(new, targets, PolicyId=made["Id"])["Targets"]) == 1
    aws.ok(new, update, PolicyId=made["Id"], Content=DENY, Name="m", Description="e")
    assert json.loads(aws.ok(new, describe, PolicyId=made["Id"])["Policy"]["Content"]) == json.loads(DENY)
    assert len(aws.ok(new, "organizations:ListPolicies", Filter=SCP)["Policies"]) == 3
    aws.fails(new, detach, broken, "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", PolicyId="p-FullAWSAccess", TargetId=ROOT)
    for number in range(8):
        one = aws.ok(new, create, **{**CREATE, "Name": f"n{number}"})["Policy"]["PolicySummary"]["Id"]
        aws.ok(new, attach, PolicyId=one, TargetId=ROOT)
    more = {"PolicyId": "p-0000000001", "TargetId": ROOT}
    aws.fails(new, attach, broken, "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", **more)
    aws.ok(new, detach, **there)
    unit = "organizations:UpdateOrganizationalUnit"
    aws.ok(new, unit, OrganizationalUnitId="ou-ab12-11111111", Name="Other")
    aws.fails(new, unit, "DuplicateOrganizationalUnitException", OrganizationalUnitId="ou-ab12-11111111", Name="Data")
    aws.fails(new, unit, "OrganizationalUnitNotFoundException", OrganizationalUnitId="ou-ab12-99999999", Name="x")
    aws.fails(new, unit, bad, "MAX_LENGTH_EXCEEDED", loose=True, OrganizationalUnitId="ou-ab12-11111111", Name="x" * 129)


def features(aws):
    """The new organization has consolidated billing, until it has all features."""
    enable, violated = "organizations:EnableAllFeatures", "HandshakeConstraintViolationException"
    not_all = "PolicyTypeNotAvailableForOrganizationException"
    aws.fails("new_management", "organizations:EnablePolicyType", not_all, RootId=ROOT, PolicyType=TAGS)
    aws.fails("new_management", "organizations:CreatePolicy", not_all, **CREATE)
    for action in ROOT_ACCESS:
        aws.fails("new_management", action, "OrganizationNotInAllFeaturesModeException")
    aws.ok(aws.role("old_management", WEB), "organizations:AcceptHandshake", HandshakeId=aws.invited(WEB))
    aws.ok("new_management", enable)
    aws.fails("new_management", enable, violated, "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION")
    aws.fails("old_management", enable, violated, "ORGANIZATION_ALREADY_HAS_ALL_FEATURES")


def transfers(aws):
    invite, new, old = "organizations:InviteOrganizationToTransferResponsibility", "new_management", "old_management"
    bad, violated = "InvalidInputException", "HandshakeConstraintViolationException"
    end, rename = "organizations:TerminateResponsibilityTransfer", "organizations:UpdateResponsibilityTransfer"
    describe = "organizations:DescribeResponsibilityTransfer"
    inbound, outbound = (f"organizations:List{way}boundResponsibilityTransfers" for way in ("In", "Out"))
    start = "2026-03-01T00:00:00Z"
    one = {**TRANSFER, "StartTimestamp": start}
    for target, code, reason in [
        ({"Id": "1", "Type": "ACCOUNT"}, bad, "INVALID_PATTERN_TARGET_ID"),
        ({"Id": "o-1", "Type": "ORGANIZATION"}, bad, "INVALID_PARTY_TYPE_TARGET"),
        ({"Id": DATA, "Type": "ACCOUNT"}, violated, "TARGET_ACCOUNT_VALIDATION_FAILURE"),
        ({"Id": NEW, "Type": "ACCOUNT"}, violated, "SOURCE_AND_TARGET_CANNOT_MATCH"),
    ]:
        aws.fails(new, invite, code, reason, **{**one, "Target": target})
    for time, reason in [
        ("2026-03-02T00:00:00Z", "START_DATE_NOT_BEGINNING_OF_MONTH"),
        ("2026-01-01T00:00:00Z", "START_DATE_TOO_EARLY"),
        ("2030-01-01T00:00:00Z", "START_DATE_TOO_LATE"),
    ]:
        aws.fails(new, invite, bad, reason, **{**one, "StartTimestamp": time})
    aws.fails(new, invite, bad, "MAX_LENGTH_EXCEEDED", loose=True, **one, Notes="x" * 1025)
    handshake = aws.ok(new, invite, **one)["Handshake"]
    aws.fails(new, invite, "DuplicateHandshakeException", **one)
    id = {"Id": aws.ok(new, inbound, Type="BILLING")["ResponsibilityTransfers"][0]["Id"]}
    aws.fails(new, end, "InvalidResponsibilityTransferTransitionException", **id)
    for action, more in [(end, {}), (rename, {"Name": "x"}), (describe, {}), (inbound, {"Type": "BILLING"})]:
        aws.fails(new, action, "ResponsibilityTransferNotFoundException", Id="rt-00000000", **more)
    assert aws.ok(old, "organizations:DescribeHandshake", HandshakeId=handshake["Id"])["Handshake"]["Action"] == "TRANSFER_RESPONSIBILITY"
    aws.ok(old, "organizations:AcceptHandshake", HandshakeId=handshake["Id"])
    aws.fails(new, invite, violated, "RESPONSIBILITY_TRANSFER_ALREADY_EXISTS", **one)
    assert aws.ok(old, outbound, Type="BILLING")["ResponsibilityTransfers"][0]["Status"] == "ACCEPTED"
    aws.ok(new, rename, **id, Name="renamed")
    aws.fails(old, rename, "ConstraintViolationException", "TRANSFER_RESPONSIBILITY_UPDATE_NOT_ALLOWED", **id, Name="x")
    aws.fails(new, end, bad, "END_DATE_NOT_END_OF_MONTH", **id, EndTimestamp="2026-04-15T00:00:00Z")
    aws.fails(new, end, bad, "END_DATE_TOO_EARLY", **id, EndTimestamp="2025-12-31T23:59:59Z")
    aws.ok(new, end, **id)
    aws.fails(new, end, "ResponsibilityTransferAlreadyInStatusException", **id)
    assert aws.ok(new, describe, **id)["ResponsibilityTransfer"]["EndTimestamp"]


def groups(aws):
    keys, group, user = "new_management", {"GroupName": "g"}, {"UserName": "wim"}
    names = "CreateGroup DeleteGroup GetGroup AttachGroupPolicy DetachGroupPolicy ListAttachedGroupPolicies AddUserToGroup RemoveUserFromGroup ListGroupsForUser"
    make, delete, get, attach, detach, attached, add, remove, of_user = (f"iam:{name}" for name in names.split())
    policy, both = {**group, "PolicyArn": READER}, {**group, **user}
    for action in (make, delete, get, attach, detach, attached, add, remove):
        aws.fails(keys, action, "ValidationError", loose=True, **{**NEEDS[action], "GroupName": "a b"})
    aws.fails(keys, of_user, "ValidationError", loose=True, UserName="a b")
    aws.ok(keys, "iam:CreateUser", **user)
    for action, more in [(delete, group), (get, group), (attach, policy), (detach, policy), (attached, group), (add, both), (remove, both), (of_user, {"UserName": "x"})]:
        aws.fails(keys, action, "NoSuchEntity", **more)
    aws.ok(keys, make, **group, Path="/crew/")
    aws.fails(keys, make, "EntityAlreadyExists", **group)
    for action in (attach, detach):
        aws.fails(keys, action, "InvalidInput", **group, PolicyArn="not:an:arn:but:long:enough")
    aws.fails(keys, attach, "PolicyNotAttachable", **group, PolicyArn=SERVICE_POLICY)
    for name in TEN:
        aws.ok(keys, attach, **group, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    aws.fails(keys, attach, "LimitExceeded", **group, PolicyArn="arn:aws:iam::aws:policy/Billing")
    assert len(aws.ok(keys, attached, **group)["AttachedPolicies"]) == 10
    aws.ok(keys, add, **both)
    assert [one["UserName"] for one in aws.ok(keys, get, **group)["Users"]] == ["wim"]
    # What the group may do, its users may.
    key = aws.ok(keys, "iam:CreateAccessKey", **user)["AccessKey"]
    own = key["AccessKeyId"], key["SecretAccessKey"], None
    aws.ok(own, "organizations:ListRoots")
    for number in range(9):
        aws.ok(keys, make, GroupName=f"g{number}")
        aws.ok(keys, add, GroupName=f"g{number}", **user)
    aws.ok(keys, make, GroupName="eleventh")
    aws.fails(keys, add, "LimitExceeded", GroupName="eleventh", **user)
    assert len(aws.ok(keys, of_user, **user)["Groups"]) == 10
    aws.fails(keys, delete, "DeleteConflict", **group)
    aws.fails(keys, "iam:DeleteUser", "DeleteConflict", **user)
    aws.ok(keys, remove, **both)
    aws.fails(keys, delete, "DeleteConflict", **group)
    for name in TEN:
        aws.ok(keys, detach, **group, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    aws.fails(own, "organizations:ListRoots", "AccessDeniedException")
    aws.ok(keys, delete, **group)
    for number in range(290):
        aws.ok(keys, make, GroupName=f"m{number}")
    aws.fails(keys, make, "LimitExceeded", GroupName="last")


SERVICE_POLICY = "arn:aws:iam::aws:policy/aws-service-role/AWSOrganizationsServiceTrustPolicy"
TEN = "AdministratorAccess ReadOnlyAccess PowerUserAccess AWSOrganizationsFullAccess AWSOrganizationsReadOnlyAccess IAMFullAccess IAMReadOnlyAccess SecurityAudit ViewOnlyAccess IAMUserChangePassword".split()


def roles(aws):
    keys, role = "new_management", {"RoleName": "crew"}
    names = "CreateRole DeleteRole GetRole UpdateAssumeRolePolicy PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies"
    make, delete, get, trust, put, read, drop, inline, attach, detach, attached = all_of = [f"iam:{name}" for name in names.split()]
    for action in all_of:
        aws.fails(keys, action, "ValidationError", loose=True, **{**NEEDS[action], "RoleName": "a b"})
        if action != make:
            aws.fails(keys, action, "NoSuchEntity", **NEEDS[action])
    aws.fails(keys, make, "MalformedPolicyDocument", **role, AssumeRolePolicyDocument="{}")
    aws.fails(keys, make, "InvalidInput", **role, AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    made = aws.ok(keys, make, **role, AssumeRolePolicyDocument=TRUST, Description="d", MaxSessionDuration=7200, Tags=[{"Key": "a", "Value": "1"}])["Role"]
    assert made["AssumeRolePolicyDocument"] == json.loads(TRUST), made
    assert aws.ok(keys, get, **role)["Role"]["MaxSessionDuration"] == 7200
    aws.fails(keys, make, "EntityAlreadyExists", **role, AssumeRolePolicyDocument=TRUST)
    for action, document in [(trust, "{}"), (put, "{}")]:
        more = {"PolicyName": "p"} if action == put else {}
        aws.fails(keys, action, "MalformedPolicyDocument", **role, **more, PolicyDocument=document)
    aws.fails(keys, put, "LimitExceeded", **role, PolicyName="p", PolicyDocument=DENY + " " * 10241)
    aws.ok(keys, put, **role, PolicyName="p", PolicyDocument=DENY.replace("Deny", "Allow"))
    assert aws.ok(keys, read, **role, PolicyName="p")["PolicyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert aws.ok(keys, inline, **role)["PolicyNames"] == ["p"]
    crew = aws.role(keys, NEW, "crew")
    aws.ok(crew, "iam:GetUser", UserName="mover")
    aws.fails(crew, "organizations:ListRoots", "AccessDeniedException")
    for action in (attach, detach):
        aws.fails(keys, action, "InvalidInput", **role, PolicyArn="not:an:arn:but:long:enough")
    aws.fails(keys, attach, "PolicyNotAttachable", **role, PolicyArn=SERVICE_POLICY)
    for name in TEN:
        aws.ok(keys, attach, **role, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    aws.fails(keys, attach, "LimitExceeded", **role, PolicyArn="arn:aws:iam::aws:policy/Billing")
    aws.ok(crew, "organizations:ListRoots")
    assert len(aws.ok(keys, attached, **role)["AttachedPolicies"]) == 10
    details = aws.ok(keys, "iam:GetAccountAuthorizationDetails", Filter=["Role", "User", "Group"])
    assert [one["RolePolicyList"][0]["PolicyName"] for one in details["RoleDetailList"] if one["RoleName"] == "crew"] == ["p"]
    aws.fails(keys, "iam:GetAccountAuthorizationDetails", "ValidationError", loose=True, Filter=["X"])
    simulate = "iam:SimulatePrincipalPolicy"
    source = {"PolicySourceArn": f"arn:aws:iam::{NEW}:role/crew"}
    said = aws.ok(keys, simulate, **source, ActionNames=["iam:GetUser", "s3:GetObject"])["EvaluationResults"]
    assert [one["EvalDecision"] for one in said] == ["allowed", "allowed"], said
    aws.fails(keys, simulate, "NoSuchEntity", PolicySourceArn=f"arn:aws:iam::{NEW}:role/none", ActionNames=["a:b"])
    aws.fails(keys, simulate, "InvalidInput", PolicySourceArn="arn:aws:iam:nobody-of-this-kind", ActionNames=["a:b"])
    aws.fails(keys, simulate, "ValidationError", **source, ActionNames=["nothing"])
    aws.ok(keys, trust, **role, PolicyDocument=TRUST.replace(NEW, OLD))
    aws.fails(keys, "sts:AssumeRole", "AccessDenied", RoleArn=made["Arn"], RoleSessionName="boto3")
    aws.fails(keys, delete, "DeleteConflict", **role)
    for name in TEN:
        aws.ok(keys, detach, **role, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    aws.fails(keys, delete, "DeleteConflict", **role)
    aws.ok(keys, drop, **role, PolicyName="p")
    aws.ok(keys, delete, **role)
    service = {"RoleName": "AWSServiceRoleForOrganizations"}
    aws.ok(keys, make, **service, Path="/aws-service-role/organizations.amazonaws.com/", AssumeRolePolicyDocument=TRUST)
    for action in (delete, trust, put, attach):
        aws.fails(keys, action, "UnmodifiableEntity", **{**NEEDS[action], **service})


def protected(aws):
    """A service's role that has policies, which only the service could give it."""
    keys, role = "new_management", {"RoleName": "served"}
    aws.fails(keys, "iam:DetachRolePolicy", "UnmodifiableEntity", **role, PolicyArn=READER)
    aws.fails(keys, "iam:DeleteRolePolicy", "UnmodifiableEntity", **role, PolicyName="p")


def thousand_roles(aws):
    aws.fails("many", "iam:CreateRole", "LimitExceeded", RoleName="last", AssumeRolePolicyDocument=TRUST)


def sign_in(aws):
    keys, user = "new_management", {"UserName": "wim"}
    names = "CreateLoginProfile GetLoginProfile DeleteLoginProfile CreateVirtualMFADevice DeleteVirtualMFADevice EnableMFADevice DeactivateMFADevice ListMFADevices ListVirtualMFADevices CreateAccountAlias DeleteAccountAlias ListAccountAliases"
    login, profile, logout, create, delete, enable, deactivate, mine, virtual, alias, unalias, aliases = (f"iam:{name}" for name in names.split())
    for action in (login, profile, logout, enable, deactivate, mine):
        aws.fails(keys, action, "ValidationError", loose=True, **{**NEEDS[action], "UserName": "a b"})
        aws.fails(keys, action, "NoSuchEntity", **{**NEEDS[action], "UserName": "none-such"})
    aws.fails(keys, create, "ValidationError", loose=True, VirtualMFADeviceName="a b")
    aws.fails(keys, delete, "ValidationError", loose=True, SerialNumber="x")
    aws.fails(keys, virtual, "ValidationError", loose=True, AssignmentStatus="X")
    for action in (alias, unalias):
        aws.fails(keys, action, "ValidationError", loose=True, AccountAlias="a--b")
    aws.fails(keys, aliases, "ValidationError", Marker="x")
    aws.ok(keys, "iam:CreateUser", **user)
    aws.fails(keys, login, "PasswordPolicyViolation", **user, Password="short")
    for action in (profile, logout):
        aws.fails(keys, action, "NoSuchEntity", **user)
    aws.ok(keys, login, **user, Password="Correct-Horse-7", PasswordResetRequired=True)
    aws.fails(keys, login, "EntityAlreadyExists", **user, Password="Correct-Horse-7")
    assert aws.ok(keys, profile, **user)["LoginProfile"]["PasswordResetRequired"]
    aws.ok(keys, logout, **user)
    device = aws.ok(keys, create, VirtualMFADeviceName="d")["VirtualMFADevice"]
    aws.fails(keys, create, "EntityAlreadyExists", VirtualMFADeviceName="d")
    serial = {"SerialNumber": device["SerialNumber"]}
    assert device["Base32StringSeed"] and aws.ok(keys, virtual, AssignmentStatus="Unassigned")["VirtualMFADevices"]
    aws.fails(keys, enable, "InvalidAuthenticationCode", **user, **serial, AuthenticationCode1="000000", AuthenticationCode2="000000")
    read = {"account": NEW, "reads": serial["SerialNumber"]}
    first = aws.control("human", read)["code"]
    aws.advance("30s")
    codes = {"AuthenticationCode1": first, "AuthenticationCode2": aws.control("human", read)["code"]}
    aws.ok(keys, enable, **user, **serial, **codes)
    aws.fails(keys, enable, "EntityAlreadyExists", **user, **serial, **codes)
    other = aws.ok(keys, create, VirtualMFADeviceName="e")["VirtualMFADevice"]["SerialNumber"]
    aws.fails(keys, enable, "LimitExceeded", **user, SerialNumber=other, **codes)
    aws.fails(keys, delete, "DeleteConflict", **serial)
    assert aws.ok(keys, mine, **user)["MFADevices"][0]["SerialNumber"] == serial["SerialNumber"]
    assert aws.ok(keys, virtual, AssignmentStatus="Assigned")["VirtualMFADevices"][0]["User"]["UserName"] == "wim"
    aws.ok(keys, deactivate, **user, **serial)
    aws.ok(keys, delete, **serial)
    aws.fails(keys, delete, "NoSuchEntity", **serial)
    aws.ok(keys, alias, AccountAlias="crew-of-new")
    aws.fails("old_management", alias, "EntityAlreadyExists", AccountAlias="crew-of-new")
    assert aws.ok(keys, aliases)["AccountAliases"] == ["crew-of-new"]
    aws.ok(keys, unalias, AccountAlias="crew-of-new")
    aws.fails(keys, unalias, "NoSuchEntity", AccountAlias="crew-of-new")


FEATURES = ["RootCredentialsManagement", "RootSessions"]
ROOT_ACCESS = ["iam:ListOrganizationsFeatures"] + [f"iam:{way}Organizations{feature}" for way in ("Enable", "Disable") for feature in FEATURES]


def root(aws):
    old, assume = "old_management", "sts:AssumeRoot"
    aws.fails(aws.role(old, DATA), ROOT_ACCESS[0], "AccountNotManagementOrDelegatedAdministratorException")
    for action in ROOT_ACCESS:
        aws.fails("founder", action, "OrganizationNotFoundException")
        aws.fails(old, action, "ServiceAccessNotEnabledException")
        aws.fails(aws.role(old, DATA), action, "AccountNotManagementOrDelegatedAdministratorException")
    trusted = {"ServicePrincipal": "iam.amazonaws.com"}
    aws.ok(old, "organizations:EnableAWSServiceAccess", **trusted)
    aws.ok(old, "organizations:RegisterDelegatedAdministrator", AccountId=DATA, **trusted)
    for feature in FEATURES:
        aws.fails(aws.role(old, DATA), f"iam:EnableOrganizations{feature}", "CallerIsNotManagementAccountException")
    aws.fails(old, assume, "AccessDenied", **NEEDS[assume])
    for feature in FEATURES:
        on = aws.ok(old, f"iam:EnableOrganizations{feature}")["EnabledFeatures"]
    assert on == FEATURES and aws.ok(old, ROOT_ACCESS[0])["EnabledFeatures"] == FEATURES
    aws.fails(old, assume, "ValidationError", **{**NEEDS[assume], "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/x"}})
    aws.fails(old, assume, "ValidationError", loose=True, **NEEDS[assume], DurationSeconds=1000)
    aws.fails(old, assume, "MalformedInput", loose=True, **NEEDS[assume], DurationSeconds="soon")

    def become(task):
        made = aws.ok(old, assume, TargetPrincipal=DATA, TaskPolicyArn={"arn": TASK + task})["Credentials"]
        return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]

    audit = become("IAMAuditRootUserCredentials")
    assert aws.ok(audit, "sts:GetCallerIdentity")["Arn"] == f"arn:aws:iam::{DATA}:root"
    summary = aws.ok(audit, "iam:GetAccountSummary")["SummaryMap"]
    assert (summary["AccountPasswordPresent"], summary["AccountMFAEnabled"]) == (1, 0), summary
    aws.fails(audit, "iam:DeleteLoginProfile", "AccessDenied")
    delete = become("IAMDeleteRootUserCredentials")
    aws.human(DATA, "root_mfa", True)
    device = aws.ok(delete, "iam:ListMFADevices")["MFADevices"][0]["SerialNumber"]
    aws.ok(delete, "iam:DeactivateMFADevice", SerialNumber=device)
    aws.ok(delete, "iam:DeleteLoginProfile")
    aws.fails(delete, "iam:DeleteLoginProfile", "NoSuchEntity")
    assert aws.ok(delete, "iam:ListAccessKeys")["AccessKeyMetadata"] == []
    aws.ok(become("IAMCreateRootUserPassword"), "iam:CreateLoginProfile")
    aws.advance("15m")
    aws.fails(audit, "sts:GetCallerIdentity", "ExpiredToken")
    for feature in FEATURES:
        aws.ok(old, f"iam:DisableOrganizations{feature}")


def contacts(aws):
    old, bad, none = "old_management", "ValidationException", "ResourceNotFoundException"
    aws.ok(old, "organizations:EnableAWSServiceAccess", ServicePrincipal="account.amazonaws.com")
    for action in aws.TABLE:
        if action.startswith("account:"):
            aws.fails(old, action, bad, loose=True, **{**NEEDS.get(action, {}), "AccountId": "1"})
    of = {"AccountId": DATA}
    aws.ok(old, "account:PutAccountName", AccountName="renamed", **of)
    told = aws.ok(old, "account:GetAccountInformation", **of)
    assert (told["AccountName"], told["AccountState"]) == ("renamed", "ACTIVE"), told
    # Nobody names the own account, and a member does not speak for others.
    aws.fails(old, "account:GetAccountInformation", "AccessDeniedException", AccountId=OLD)
    aws.fails(aws.role(old, WEB), "account:GetAccountInformation", "AccessDeniedException", **of)
    aws.fails("spare", "account:GetContactInformation", none)
    aws.ok(old, "account:PutContactInformation", ContactInformation=CONTACT, **of)
    assert aws.ok(old, "account:GetContactInformation", **of)["ContactInformation"] == CONTACT
    kind = {"AlternateContactType": "BILLING", **of}
    for action in ("account:GetAlternateContact", "account:DeleteAlternateContact"):
        aws.fails(old, action, none, **kind)
    aws.ok(old, "account:PutAlternateContact", **ALTERNATE, **of)
    assert aws.ok(old, "account:GetAlternateContact", **kind)["AlternateContact"] == ALTERNATE
    aws.ok(old, "account:DeleteAlternateContact", **kind)
    start, accept, status = (f"account:{name}" for name in ("StartPrimaryEmailUpdate", "AcceptPrimaryEmailUpdate", "GetPrimaryEmailUpdateStatus"))
    aws.fails(old, "account:GetPrimaryEmail", none, AccountId="999999999999")
    aws.fails(old, start, none, **{**EMAIL, "AccountId": "999999999999"})
    aws.fails(old, status, none, **of)
    aws.fails(old, accept, none, **EMAIL, Otp="AB12CD")
    aws.fails(old, start, "ConflictException", **{**EMAIL, "PrimaryEmail": "aws+web@customer.example"})
    assert aws.ok(old, start, **EMAIL)["Status"] == "PENDING"
    aws.fails(old, accept, bad, **EMAIL, Otp="000000")
    code = aws.control("human", {"account": DATA, "reads": "email_code"})["code"]
    assert aws.ok(old, accept, **EMAIL, Otp=code)["Status"] == "ACCEPTED"
    assert aws.ok(old, status, **of)["Status"] == "COMPLETED"
    assert aws.ok(old, "account:GetPrimaryEmail", **of)["PrimaryEmail"] == EMAIL["PrimaryEmail"]
    # Two accounts are promised the same address: the second is too late.
    both = [{"AccountId": account, "PrimaryEmail": "same@customer.example"} for account in (WEB, BILLING)]
    for one in both:
        aws.ok(old, start, **one)
    codes = [aws.control("human", {"account": one["AccountId"], "reads": "email_code"})["code"] for one in both]
    aws.ok(old, accept, **both[0], Otp=codes[0])
    aws.fails(old, accept, "ConflictException", **both[1], Otp=codes[1])
    send, verify = "account:SendPhoneNumberVerification", "account:VerifyPhoneNumber"
    aws.fails("spare", send, none)
    aws.fails(old, verify, none, **of, Otp="AB12CD")
    aws.ok(old, send, **of)
    aws.fails(old, verify, bad, **of, Otp="000000")
    code = aws.control("human", {"account": DATA, "reads": "phone_code"})["code"]
    assert aws.ok(old, verify, **of, Otp=code)["Status"] == "VERIFIED"
    for action, more in [(send, {}), (verify, {"Otp": code})]:
        aws.fails(old, action, "ConflictException", **of, **more)


def invoices(aws):
    new, listed, file = "new_management", "invoicing:ListInvoiceSummaries", "invoicing:GetInvoicePDF"
    selector = {"Selector": {"ResourceType": "ACCOUNT_ID", "Value": NEW}}
    page = aws.ok(new, listed, **selector, MaxResults=1)
    assert len(page["InvoiceSummaries"]) == 1 and page["NextToken"], page
    aws.fails(new, listed, "ValidationException", **selector, NextToken="x")
    aws.fails(new, listed, "ResourceNotFoundException", Selector={"ResourceType": "ACCOUNT_ID", "Value": DATA})
    aws.fails(new, file, "ResourceNotFoundException", InvoiceId="INV-9")
    aws.fails(new, file, "ValidationException", loose=True, InvoiceId="")
    assert len(aws.ok(new, listed, Selector={"ResourceType": "INVOICE_ID", "Value": "INV-1"})["InvoiceSummaries"]) == 1
    url = aws.ok(new, file, InvoiceId="INV-1")["InvoicePDF"]["DocumentUrl"]
    with urllib.request.urlopen(url, timeout=120) as answer:
        assert answer.read().startswith(b"%PDF"), url
    aws.advance("2h")
    try:
        urllib.request.urlopen(url, timeout=120)
        raise AssertionError("the address works for ever")
    except urllib.error.HTTPError as error:
        assert error.code == 403
        error.close()


def elsewhere(aws):
    """Stack sets, shares, Identity Center, quotas, credits, regions; and what a departure takes away."""
    old, new = "old_management", "new_management"
    sets, stacks, shares = "cloudformation:ListStackSets", "cloudformation:ListStackInstances", "ram:GetResourceShares"
    aws.fails(old, sets, "ValidationError", NextToken="x")
    aws.fails(old, stacks, "ValidationError", loose=True, StackSetName="")
    aws.fails(old, stacks, "StackSetNotFoundException", StackSetName="none")
    listed = aws.ok(old, sets, Status="ACTIVE")["Summaries"]
    assert [one["StackSetName"] for one in listed] == ["baseline", "own"], listed
    assert listed[0]["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}, listed
    assert aws.ok(old, sets, Status="DELETED")["Summaries"] == aws.ok(new, sets)["Summaries"] == []
    where = lambda name: [one["Account"] for one in aws.ok(old, stacks, StackSetName=name)["Summaries"]]
    assert where("baseline") == [DATA, WEB] and where(listed[1]["StackSetId"]) == [DATA]
    assert len(aws.ok(old, stacks, StackSetName="baseline", StackInstanceAccount=WEB)["Summaries"]) == 1
    member = aws.role(old, DATA)
    aws.fails(member, shares, "InvalidParameterException", loose=True, resourceOwner="X")
    aws.fails(member, shares, "InvalidNextTokenException", resourceOwner="SELF", nextToken="x")
    shared = lambda owner: [one["name"] for one in aws.ok(member, shares, resourceOwner=owner)["resourceShares"]]
    assert shared("SELF") == ["network"] and shared("OTHER-ACCOUNTS") == ["tools", "kept"]
    instances, provisioned, assigned = "sso:ListInstances", "sso:ListPermissionSetsProvisionedToAccount", "sso:ListAccountAssignments"
    aws.fails(old, instances, "ValidationException", NextToken="x")
    (center,) = aws.ok(old, instances)["Instances"]
    instance = {"InstanceArn": center["InstanceArn"], "AccountId": DATA}
    for action in (provisioned, assigned):
        aws.fails(old, action, "ResourceNotFoundException", **NEEDS[action])
        aws.fails(old, action, "ValidationException", loose=True, **{**NEEDS[action], "AccountId": "1"})
    (of_set,) = aws.ok(old, provisioned, **instance)["PermissionSets"]
    people = aws.ok(old, assigned, **instance, PermissionSetArn=of_set)["AccountAssignments"]
    assert [one["PrincipalType"] for one in people] == ["GROUP", "USER"], people
    quota = "servicequotas:GetServiceQuota"
    assert aws.ok(new, quota, **NEEDS[quota])["Quota"]["Value"] == 50
    aws.fails(new, quota, "NoSuchResourceException", ServiceCode="iam", QuotaCode="L-1")
    aws.fails(new, quota, "IllegalArgumentException", loose=True, ServiceCode="", QuotaCode="L-1")
    credits = "billing:GetCredits"
    assert aws.ok(old, credits, accountId=DATA, startDate=0)["credits"][0]["remainingAmount"]["currencyAmount"] == "70.00"
    aws.fails(new, credits, "AccessDeniedException", accountId=DATA, startDate=0)
    aws.fails(new, credits, "ValidationException", loose=True, accountId="1", startDate=0)
    regions = "account:ListRegions"
    names = lambda **more: [one["RegionName"] for one in aws.ok(old, regions, **more)["Regions"]]
    assert names() == ["us-east-1", "eu-west-1", "ap-east-1"]
    assert names(RegionOptStatusContains=["ENABLED_BY_DEFAULT"]) == ["us-east-1", "eu-west-1"]
    first = aws.ok(old, regions, MaxResults=50)
    assert "NextToken" not in first
    aws.fails(old, regions, "ValidationException", NextToken="x")
    assert aws.ok(old, "iam:GenerateCredentialReport")["State"] == "COMPLETE"
    report = aws.ok(old, "iam:GetCredentialReport")["Content"].decode().split("\n")
    assert report[0].startswith("user,arn,") and report[1].startswith("<root_account>,") and len(report[1].split(",")) == 22, report
    # The account goes: its stacks, its shares and its people's ways in go with it.
    aws.ok(member, "organizations:AcceptHandshake", HandshakeId=aws.invited(DATA))
    assert where("baseline") == [WEB] and where("own") == [DATA]
    assert shared("OTHER-ACCOUNTS") == ["kept"]
    assert aws.ok(old, provisioned, **instance)["PermissionSets"] == []


AT_STAKE = f'''
[[stack_sets]]
account = "{OLD}"
name = "baseline"
auto_deployment = true
accounts = ["{DATA}", "{WEB}"]
[[stack_sets]]
account = "{OLD}"
name = "own"
accounts = ["{DATA}"]
[[stack_sets]]
account = "{OLD}"
name = "elsewhere"
region = "eu-west-1"
[[resource_shares]]
owner = "{DATA}"
name = "network"
accounts = ["{WEB}"]
[[resource_shares]]
owner = "{OLD}"
name = "tools"
accounts = ["{DATA}"]
[[resource_shares]]
owner = "{OLD}"
name = "kept"
retain = true
accounts = ["{DATA}"]
[[identity_centers]]
account = "{OLD}"
[[identity_centers.assignments]]
account = "{DATA}"
permission_set = "Admin"
group = "admins"
[[identity_centers.assignments]]
account = "{DATA}"
permission_set = "Admin"
user = "wim"
'''


def many_roles():
    text = '\n[[principals]]\nprofile = "many"\naccount = "888899990000"\nkind = "user"\nname = "many"\n'
    return text + "".join(f'[[roles]]\naccount = "888899990000"\nname = "r{number}"\ntrusts = ["{OLD}"]\n' for number in range(1000))


def worlds(base, instead):
    new = 'id = "o-neworg22222"\n'
    policy = f'{new}[[organizations.policies]]\nid = "p-0000000001"\nname = "NoLeaving"\ndenies = ["organizations:LeaveOrganization"]\n'
    head = 'id = "ou-ab12-22222222"\nname = "Data"\n'
    policies_world = instead(base, (head, head + policy.removeprefix(new)))
    management = 'name = "new management"\n'
    paid = 'invoices = [{ id = "INV-1", issued = "40d", amount = "12.34" }, { id = "INV-2", issued = "10d", amount = "5.00" }]\n'
    no_contact = instead(base, ('id = "777788889999"\n', 'id = "777788889999"\ncontact = false\n'))
    served = f'\n[[roles]]\naccount = "{NEW}"\nname = "served"\npath = "/aws-service-role/x.amazonaws.com/"\ntrusts = ["{NEW}"]\npolicies = ["ReadOnlyAccess"]\ninline = {{ p = \'\'\'{DENY}\'\'\' }}\n'
    start = '\n[clock]\nstart = 2026-01-05T09:00:00Z\n'.replace("2026-01-05T09:00:00Z", '"2026-01-05T09:00:00Z"')
    return [
        (closing, {"base": base, "settings": "closures = 3"}),
        (policies, {"base": policies_world}),
        (features, {"base": instead(base, (new, new + 'feature_set = "CONSOLIDATED_BILLING"\nservice_access = ["iam.amazonaws.com"]\n'))}),
        (transfers, {"base": base, "more": start}),
        (groups, {"base": base}),
        (roles, {"base": base}),
        (protected, {"base": base, "more": served}),
        (thousand_roles, {"base": base, "more": many_roles()}),
        (sign_in, {"base": base}),
        (root, {"base": base}),
        (contacts, {"base": no_contact, "settings": 'one_time_code = "AB12CD"'}),
        (elsewhere, {"base": instead(base, (f'id = "{DATA}"\n', f'id = "{DATA}"\ncredits = [{{ id = "1", description = "d", amount = "70.00" }}]\n')), "settings": 'regions = ["us-east-1", "eu-west-1"]', "more": AT_STAKE}),
        (invoices, {"base": instead(base, (management, management + paid))}),
    ]
