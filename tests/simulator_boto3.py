"""Drives the simulator through boto3, the AWS SDK that many know, and checks that it sees AWS's own
typed errors and reasons. Prints what was seen: operation, then its errors.

usage: simulator_boto3.py http://127.0.0.1:PORT     (the world: move_member_accounts.toml + simulator_boto3.toml)
"""

import json
import sys
import urllib.request
from collections import defaultdict

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

ENDPOINT = sys.argv[1]
SEEN = defaultdict(list)
CHECKS = 0

BILLING, DATA, WEB, FRESH = "111122223333", "222233334444", "333344445555", "444455556666"
OLD_MANAGEMENT, NEW_MANAGEMENT = "111111111111", "222222222222"


def client(service, key, secret="s", token=None):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


def check(truth, text):
    global CHECKS
    CHECKS += 1
    if not truth:
        raise SystemExit(f"FAILED: {text}")


def operation_name(method):
    return method.__self__.meta.method_to_api_mapping[method.__name__]


def ok(method, **parameters):
    answer = method(**parameters)
    check(answer["ResponseMetadata"]["RequestId"], f"{method.__name__} has a request id")
    check("date" in answer["ResponseMetadata"]["HTTPHeaders"], f"{method.__name__} has a date")
    SEEN[operation_name(method)].append("ok")
    return answer


def fails(method, code, reason=None, status=400, **parameters):
    """The call must fail with this code, HTTP status and `Reason`, as the exception class that boto3 has for it."""
    try:
        method(**parameters)
    except ClientError as error:
        got = error.response["Error"]["Code"]
        got_reason = error.response.get("Reason")
        got_status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        text = f"{method.__name__} {parameters}"
        check(got == code, f"{text}: code {got}, expected {code}")
        check(got_reason == reason, f"{text}: reason {got_reason}, expected {reason}")
        check(got_status == status, f"{text}: status {got_status}, expected {status}")
        modelled = getattr(method.__self__.exceptions, code, None) if code.endswith("Exception") else None
        check(modelled is None or isinstance(error, modelled), f"{text}: not raised as {code}")
        SEEN[operation_name(method)].append(f"{code}/{reason}" if reason else code)
        return
    raise SystemExit(f"FAILED: {method.__name__} {parameters} went well, expected {code} {reason or ''}")


def control(what, **body):
    request = urllib.request.Request(f"{ENDPOINT}/_countersign/{what}", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def assume(sts, account):
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    keys = ok(sts.assume_role, RoleArn=role, RoleSessionName="boto3")["Credentials"]
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return [keys[name] for name in names]


def account(id):
    return {"Id": id, "Type": "ACCOUNT"}


old = client("organizations", "AKIASIMULATEDOLD0001")
new = client("organizations", "AKIASIMULATEDNEW0001")
old_sts, new_sts = client("sts", "AKIASIMULATEDOLD0001"), client("sts", "AKIASIMULATEDNEW0001")
reader = client("organizations", "AKIAREADERREADER0001")
founder = client("organizations", "AKIAFOUNDERFOUNDER01")


def faults():
    fails(new.list_roots, "TooManyRequestsException")
    fails(new.list_roots, "ConcurrentModificationException")
    fails(new.list_roots, "ServiceException", status=500)
    try:
        new.list_roots()
        raise SystemExit("FAILED: the lost answer arrived")
    except ConnectionClosedError:
        SEEN["ListRoots"].append("connection closed")
    fails(new.list_roots, "ExpiredTokenException")
    check(ok(new.list_roots)["Roots"][0]["Id"] == "r-ab12", "the root")


def sessions():
    who = ok(old_sts.get_caller_identity)
    check(who["Arn"] == f"arn:aws:iam::{OLD_MANAGEMENT}:user/mover", who)
    fails(client("sts", "AKIAUNKNOWN000000001").get_caller_identity, "InvalidClientTokenId", status=403)
    fails(client("organizations", "AKIAUNKNOWN000000001").list_roots, "UnrecognizedClientException")
    careful = f"arn:aws:iam::{NEW_MANAGEMENT}:role/Careful"
    fails(new_sts.assume_role, "AccessDenied", status=403, RoleArn=careful, RoleSessionName="boto3")
    fails(new_sts.assume_role, "AccessDenied", status=403, RoleArn=careful, RoleSessionName="boto3", ExternalId="x-1")
    fails(new_sts.assume_role, "ValidationError", RoleArn=careful, RoleSessionName="boto3", DurationSeconds=60000)
    key, secret, token = assume(old_sts, BILLING)
    member = client("sts", key, secret, token)
    check(ok(member.get_caller_identity)["Account"] == BILLING, "the role's account")
    fails(client("sts", key, secret, "wrong").get_caller_identity, "InvalidClientTokenId", status=403)


def invitations():
    invite = new.invite_account_to_organization
    fails(invite, "InvalidInputException", "INVALID_PATTERN_TARGET_ID", Target=account("12"))
    fails(invite, "InvalidInputException", "INVALID_EMAIL_ADDRESS_TARGET", Target={"Id": "nobody", "Type": "EMAIL"})
    fails(reader.invite_account_to_organization, "AccessDeniedException", Target=account(BILLING))
    fails(founder.invite_account_to_organization, "AWSOrganizationsNotInUseException", Target=account(BILLING))
    violated = "HandshakeConstraintViolationException"
    fails(invite, violated, "ALREADY_IN_AN_ORGANIZATION", Target=account(NEW_MANAGEMENT))
    control("human", account=NEW_MANAGEMENT, fact="mailbox", settled=False)
    fails(invite, "AccountOwnerNotVerifiedException", Target=account(BILLING))
    control("human", account=NEW_MANAGEMENT, fact="mailbox", settled=True)
    handshake = ok(invite, Target=account(BILLING), Notes="welcome")["Handshake"]
    check(handshake["Parties"][0] == {"Id": "o-neworg22222", "Type": "ORGANIZATION"}, handshake)
    check((handshake["ExpirationTimestamp"] - handshake["RequestedTimestamp"]).days == 15, handshake)
    fails(invite, "DuplicateHandshakeException", Target=account(BILLING))
    ok(new.cancel_handshake, HandshakeId=handshake["Id"])
    fails(new.cancel_handshake, "HandshakeAlreadyInStateException", HandshakeId=handshake["Id"])

    member = client("organizations", *assume(old_sts, BILLING))
    fails(member.accept_handshake, "InvalidHandshakeTransitionException", HandshakeId=handshake["Id"])
    fails(member.accept_handshake, "HandshakeNotFoundException", HandshakeId="h-0000000000")
    fails(member.accept_handshake, "InvalidInputException", "INVALID_PATTERN", HandshakeId="h")
    handshake = ok(invite, Target={"Id": "aws+billing@customer.example", "Type": "EMAIL"})["Handshake"]
    check(len(ok(member.list_handshakes_for_account)["Handshakes"]) == 2, "two invitations")
    ok(member.decline_handshake, HandshakeId=handshake["Id"])
    fails(member.decline_handshake, "HandshakeAlreadyInStateException", HandshakeId=handshake["Id"])
    fails(member.cancel_handshake, "AccessDeniedException", HandshakeId=handshake["Id"])
    state = ok(new.describe_handshake, HandshakeId=handshake["Id"])["Handshake"]["State"]
    check(state == "DECLINED", state)


def moving():
    handshake = ok(new.invite_account_to_organization, Target=account(BILLING))["Handshake"]["Id"]
    member = client("organizations", *assume(old_sts, BILLING))
    check(ok(member.accept_handshake, HandshakeId=handshake)["Handshake"]["State"] == "ACCEPTED", "accepted")
    fails(member.accept_handshake, "HandshakeAlreadyInStateException", HandshakeId=handshake)
    check(ok(member.describe_organization)["Organization"]["Id"] == "o-neworg22222", "the new organization")
    found = ok(new.describe_account, AccountId=BILLING)["Account"]
    check((found["JoinedMethod"], found["State"]) == ("INVITED", "ACTIVE"), found)
    fails(old.describe_account, "AccountNotFoundException", AccountId=BILLING)
    place = {"AccountId": BILLING, "SourceParentId": "r-ab12", "DestinationParentId": "ou-ab12-11111111"}
    fails(new.move_account, "DestinationParentNotFoundException", **{**place, "DestinationParentId": "ou-ab12-99999999"})
    fails(new.move_account, "SourceParentNotFoundException", **{**place, "SourceParentId": "ou-ab12-99999999"})
    fails(
        new.move_account, "InvalidInputException", "MOVING_ACCOUNT_BETWEEN_DIFFERENT_ROOTS",
        **{**place, "DestinationParentId": "ou-old1-11111111"},
    )
    ok(new.move_account, **place)
    fails(new.move_account, "DuplicateAccountException", **place)
    fails(new.move_account, "AccountNotFoundException", **{**place, "AccountId": DATA})
    check(ok(new.list_parents, ChildId=BILLING)["Parents"][0]["Id"] == "ou-ab12-11111111", "placed")
    fails(new.list_parents, "ChildNotFoundException", ChildId=DATA)

    handshake = ok(new.invite_account_to_organization, Target=account(OLD_MANAGEMENT))["Handshake"]["Id"]
    fails(old.accept_handshake, "MasterCannotLeaveOrganizationException", HandshakeId=handshake)
    fails(old.describe_handshake, "HandshakeNotFoundException", HandshakeId=handshake)
    handshake = ok(new.invite_account_to_organization, Target=account(FRESH))["Handshake"]["Id"]
    fresh = client("organizations", *assume(old_sts, FRESH))
    fails(fresh.accept_handshake, "ConstraintViolationException", "WAIT_PERIOD_ACTIVE", HandshakeId=handshake)


def leaving():
    member = client("organizations", *assume(old_sts, DATA))
    fails(old.leave_organization, "MasterCannotLeaveOrganizationException")
    for fact, reason in [
        ("payment_method", "MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"),
        ("agreement", "ACCOUNT_CANNOT_LEAVE_WITHOUT_EULA"),
        ("phone", "ACCOUNT_CANNOT_LEAVE_WITHOUT_PHONE_VERIFICATION"),
        ("support_plan", "ACCOUNT_CANNOT_LEAVE_ORGANIZATION"),
    ]:
        control("human", account=DATA, fact=fact, settled=False)
        fails(member.leave_organization, "ConstraintViolationException", reason)
        fails(old.remove_account_from_organization, "ConstraintViolationException", reason, AccountId=DATA)
        control("human", account=DATA, fact=fact, settled=True)
    service = "sso.amazonaws.com"
    both = {"AccountId": DATA, "ServicePrincipal": service}
    fails(old.register_delegated_administrator, "ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED", **both)
    ok(old.enable_aws_service_access, ServicePrincipal=service)
    check(len(ok(old.list_aws_service_access_for_organization)["EnabledServicePrincipals"]) == 1, "one service")
    fails(
        old.register_delegated_administrator, "ConstraintViolationException",
        "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", AccountId=OLD_MANAGEMENT, ServicePrincipal=service,
    )
    ok(old.register_delegated_administrator, **both)
    fails(old.register_delegated_administrator, "AccountAlreadyRegisteredException", **both)
    reason = "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    fails(member.leave_organization, "ConstraintViolationException", reason)
    check(ok(old.list_delegated_administrators)["DelegatedAdministrators"][0]["Id"] == DATA, "the administrator")
    check(ok(old.list_delegated_services_for_account, AccountId=DATA)["DelegatedServices"], "its service")
    ok(old.deregister_delegated_administrator, **both)
    fails(old.deregister_delegated_administrator, "AccountNotRegisteredException", **both)
    fails(old.list_delegated_services_for_account, "AccountNotRegisteredException", AccountId=DATA)
    ok(member.leave_organization)
    fails(member.leave_organization, "AWSOrganizationsNotInUseException")
    fails(member.describe_organization, "AWSOrganizationsNotInUseException")
    fails(old.remove_account_from_organization, "AccountNotFoundException", AccountId=DATA)
    fails(old.remove_account_from_organization, "MasterCannotLeaveOrganizationException", AccountId=OLD_MANAGEMENT)
    ok(old.remove_account_from_organization, AccountId=WEB)


def organizations():
    fails(old.delete_organization, "OrganizationNotEmptyException")
    fails(old.create_organization, "AlreadyInOrganizationException")
    missing = "MASTER_ACCOUNT_MISSING_CONTACT_INFO"
    fails(founder.create_organization, "ConstraintViolationException", missing, FeatureSet="ALL")
    control("human", account="555566667777", fact="contact", settled=True)
    made = ok(founder.create_organization, FeatureSet="ALL")["Organization"]
    check(made["MasterAccountId"] == "555566667777", made)
    fails(founder.invite_account_to_organization, "FinalizingOrganizationException", Target=account(WEB))
    control("clock", advance="1h")
    ok(founder.invite_account_to_organization, Target=account(WEB))
    web = client("organizations", *assume(old_sts, WEB))
    handshakes = ok(web.list_handshakes_for_account, Filter={"ActionType": "INVITE"})["Handshakes"]
    check(handshakes[0]["Parties"][0]["Id"] == made["Id"], handshakes)
    check(len(ok(founder.list_handshakes_for_organization)["Handshakes"]) == 1, "one sent")
    ok(founder.delete_organization)
    fails(founder.delete_organization, "AWSOrganizationsNotInUseException")


def accounts_and_units():
    fails(new.create_account, "InvalidInputException", "INVALID_ROLE_NAME", Email="a@b.example", AccountName="x", RoleName="a b")
    status = ok(new.create_account, Email="made@partner.example", AccountName="made")["CreateAccountStatus"]
    check(status["State"] == "IN_PROGRESS", status)
    twin = ok(new.create_account, Email="aws+web@customer.example", AccountName="twin")["CreateAccountStatus"]
    for number in range(3):
        ok(new.create_account, Email=f"more{number}@partner.example", AccountName="more")
    limited = "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"
    fails(new.create_account, "ConstraintViolationException", limited, Email="six@partner.example", AccountName="six")
    check(len(ok(new.list_create_account_status, States=["IN_PROGRESS"])["CreateAccountStatuses"]) == 5, "five under way")
    control("clock", advance="20s")
    status = ok(new.describe_create_account_status, CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    check(status["State"] == "SUCCEEDED", status)
    twin = ok(new.describe_create_account_status, CreateAccountRequestId=twin["Id"])["CreateAccountStatus"]
    check(twin["FailureReason"] == "EMAIL_ALREADY_EXISTS", twin)
    fails(new.describe_create_account_status, "CreateAccountStatusNotFoundException", CreateAccountRequestId="car-00000000")
    waits = "WAIT_PERIOD_ACTIVE"
    fails(new.remove_account_from_organization, "ConstraintViolationException", waits, AccountId=status["AccountId"])
    check(len(ok(new.list_accounts)["Accounts"]) == 6, "management, billing, four made")

    unit = ok(new.create_organizational_unit, ParentId="r-ab12", Name="New")["OrganizationalUnit"]
    fails(new.create_organizational_unit, "DuplicateOrganizationalUnitException", ParentId="r-ab12", Name="New")
    fails(new.create_organizational_unit, "ParentNotFoundException", ParentId="r-zzzz", Name="New")
    check(ok(new.describe_organizational_unit, OrganizationalUnitId=unit["Id"])["OrganizationalUnit"]["Name"] == "New", unit)
    check(len(ok(new.list_organizational_units_for_parent, ParentId="r-ab12")["OrganizationalUnits"]) == 3, "three units")
    check(len(ok(new.list_children, ParentId="r-ab12", ChildType="ORGANIZATIONAL_UNIT")["Children"]) == 3, "three units")
    fails(new.list_children, "ParentNotFoundException", ParentId="r-old1", ChildType="ACCOUNT")
    check(ok(new.list_accounts_for_parent, ParentId="ou-ab12-11111111")["Accounts"][0]["Id"] == BILLING, "placed")
    fails(new.list_accounts_for_parent, "ParentNotFoundException", ParentId="r-old1")
    fails(new.delete_organizational_unit, "OrganizationalUnitNotEmptyException", OrganizationalUnitId="ou-ab12-11111111")
    ok(new.delete_organizational_unit, OrganizationalUnitId=unit["Id"])
    fails(new.delete_organizational_unit, "OrganizationalUnitNotFoundException", OrganizationalUnitId=unit["Id"])
    fails(new.describe_organizational_unit, "OrganizationalUnitNotFoundException", OrganizationalUnitId=unit["Id"])

    ok(new.tag_resource, ResourceId=BILLING, Tags=[{"Key": "team", "Value": "1"}])
    check(ok(new.list_tags_for_resource, ResourceId=BILLING)["Tags"] == [{"Key": "team", "Value": "1"}], "the old tags are lost")
    ok(new.untag_resource, ResourceId=BILLING, TagKeys=["team"])
    fails(new.tag_resource, "TargetNotFoundException", ResourceId=DATA, Tags=[{"Key": "a", "Value": "1"}])
    fails(
        new.tag_resource, "InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER",
        ResourceId=BILLING, Tags=[{"Key": "aws:a", "Value": "1"}],
    )
    policies = ok(new.list_policies_for_target, TargetId=BILLING, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    check([policy["Name"] for policy in policies] == ["FullAWSAccess"], policies)
    fails(new.list_policies_for_target, "TargetNotFoundException", TargetId=DATA, Filter="SERVICE_CONTROL_POLICY")


def users():
    iam = client("iam", "AKIASIMULATEDOLD0001")
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    name = "breakglass"
    fails(iam.get_user, "NoSuchEntity", status=404, UserName=name)
    check(ok(iam.create_user, UserName=name)["User"]["Arn"].endswith(":user/breakglass"), "the user")
    fails(iam.create_user, "EntityAlreadyExists", status=409, UserName=name)
    fails(iam.attach_user_policy, "NoSuchEntity", status=404, UserName=name, PolicyArn="arn:aws:iam::aws:policy/NoneSuch")
    ok(iam.attach_user_policy, UserName=name, PolicyArn=admin)
    check(ok(iam.list_attached_user_policies, UserName=name)["AttachedPolicies"][0]["PolicyArn"] == admin, "attached")
    key = ok(iam.create_access_key, UserName=name)["AccessKey"]
    second = ok(iam.create_access_key, UserName=name)["AccessKey"]
    fails(iam.create_access_key, "LimitExceeded", status=409, UserName=name)
    check(len(ok(iam.list_access_keys, UserName=name)["AccessKeyMetadata"]) == 2, "two keys")
    own = client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    check(ok(own.get_caller_identity)["Arn"].endswith(":user/breakglass"), "the new key works")
    fails(iam.delete_user, "DeleteConflict", status=409, UserName=name)
    for one in (key, second):
        ok(iam.delete_access_key, UserName=name, AccessKeyId=one["AccessKeyId"])
    fails(iam.delete_access_key, "NoSuchEntity", status=404, UserName=name, AccessKeyId=key["AccessKeyId"])
    fails(own.get_caller_identity, "InvalidClientTokenId", status=403)
    ok(iam.detach_user_policy, UserName=name, PolicyArn=admin)
    fails(iam.detach_user_policy, "NoSuchEntity", status=404, UserName=name, PolicyArn=admin)
    ok(iam.delete_user, UserName=name)
    fails(iam.delete_user, "NoSuchEntity", status=404, UserName=name)
    check(ok(iam.get_user)["User"]["UserName"] == "mover", "the caller itself")


for part in (faults, sessions, invitations, moving, leaving, organizations, accounts_and_units, users):
    part()

widest = max(map(len, SEEN))
for name in sorted(SEEN):
    print(f"{name:<{widest}}  {', '.join(dict.fromkeys(SEEN[name]))}")
print(f"{len(SEEN)} operations, {len(set((n, e) for n in SEEN for e in SEEN[n] if e != 'ok'))} errors, {CHECKS} checks")
