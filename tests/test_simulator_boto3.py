"""boto3, the AWS client that many know, asks the simulator everything that it can do, and must get every error that
the simulator's own table says it can answer, typed and with AWS's reason. All answers are checked against the
service models that botocore carries (botocore_shapes.py). Prints operations x errors."""

import json
import unittest
import urllib.request
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import botocore.session
import foreign
import simulator_more
from botocore import UNSIGNED
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore_shapes import faults, paths

OLD, NEW, BILLING, DATA, WEB = "111111111111", "222222222222", "111122223333", "222233334444", "333344445555"
FRESH, FOUNDER, CLOSED = "444455556666", "555566667777", "666677778888"
ROOT, UNIT = "r-ab12", "ou-ab12-11111111"
SCP = "SERVICE_CONTROL_POLICY"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
SERVICE = "sso.amazonaws.com"
BASE = (foreign.ROOT / "runbooks/worlds/move_member_accounts.toml").read_text()
MORE = (foreign.ROOT / "tests/simulator_boto3.toml").read_text()

# What each operation needs at least; `new_management` may do it in the world as it is.
NEEDS = {
    "organizations:InviteAccountToOrganization": {"Target": {"Id": BILLING, "Type": "ACCOUNT"}},
    "organizations:AcceptHandshake": {"HandshakeId": "h-0000000000"},
    "organizations:CancelHandshake": {"HandshakeId": "h-0000000000"},
    "organizations:DeclineHandshake": {"HandshakeId": "h-0000000000"},
    "organizations:DescribeHandshake": {"HandshakeId": "h-0000000000"},
    "organizations:RemoveAccountFromOrganization": {"AccountId": BILLING},
    "organizations:MoveAccount": {"AccountId": BILLING, "SourceParentId": ROOT, "DestinationParentId": UNIT},
    "organizations:CreateAccount": {"Email": "made@partner.example", "AccountName": "made"},
    "organizations:DescribeCreateAccountStatus": {"CreateAccountRequestId": "car-00000000"},
    "organizations:DescribeAccount": {"AccountId": NEW},
    "organizations:ListAccountsForParent": {"ParentId": ROOT},
    "organizations:ListParents": {"ChildId": NEW},
    "organizations:ListChildren": {"ParentId": ROOT, "ChildType": "ACCOUNT"},
    "organizations:CreateOrganizationalUnit": {"ParentId": ROOT, "Name": "made"},
    "organizations:DeleteOrganizationalUnit": {"OrganizationalUnitId": UNIT},
    "organizations:DescribeOrganizationalUnit": {"OrganizationalUnitId": UNIT},
    "organizations:ListOrganizationalUnitsForParent": {"ParentId": ROOT},
    "organizations:TagResource": {"ResourceId": ROOT, "Tags": [{"Key": "a", "Value": "b"}]},
    "organizations:UntagResource": {"ResourceId": ROOT, "TagKeys": ["a"]},
    "organizations:ListTagsForResource": {"ResourceId": ROOT},
    "organizations:RegisterDelegatedAdministrator": {"AccountId": FRESH, "ServicePrincipal": SERVICE},
    "organizations:DeregisterDelegatedAdministrator": {"AccountId": FRESH, "ServicePrincipal": SERVICE},
    "organizations:ListDelegatedServicesForAccount": {"AccountId": WEB},
    "organizations:EnableAWSServiceAccess": {"ServicePrincipal": SERVICE},
    "organizations:DisableAWSServiceAccess": {"ServicePrincipal": SERVICE},
    "organizations:ListPoliciesForTarget": {"TargetId": ROOT, "Filter": SCP},
}
NEEDS |= simulator_more.NEEDS
# What boto3 calls a service whose actions begin with another word.
CLIENTS = {"sso": "sso-admin", "servicequotas": "service-quotas"}
QUERY = ("iam", "sts", "cloudformation")
# Members in the examples of AWS's documentation that the simulator does not give, and why.
NOT_GIVEN = {
    "Accounts[].Status": "retired by AWS in September 2026 in favour of State",
    "Role.RoleLastUsed": "roles of the simulator have no history",
    "Role.RoleLastUsed.LastUsedDate": "the same",
    "Role.RoleLastUsed.Region": "the same",
    "PackedPolicySize": "the size of a session policy, and the simulator takes none",
}


class Aws:
    """The simulator in a world, its clients, and everything that they have seen."""

    COVERED = defaultdict(set)
    SEEN = defaultdict(set)
    TABLE = {}
    CHECKED = 0

    def __init__(self, settings="", more="", base=BASE + MORE):
        world = base.replace("throttling = true", f"throttling = false\n{settings}")
        self.server = foreign.Simulator(world + more)
        self.endpoint = self.server.endpoint
        self.clients = {}
        self.problems = []
        profiles = (Path(self.server.folder.name) / "profiles").read_text()
        self.keys = {}
        for section in profiles.split("[")[1:]:
            name, lines = section.split("]", 1)
            pairs = dict(line.split(" = ") for line in lines.split("\n") if line)
            names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            self.keys[name] = tuple(pairs.get(one) for one in names)
        Aws.TABLE = self.control("operations", None)

    def client(self, service, keys, **settings):
        keys = self.keys[keys] if isinstance(keys, str) else keys
        service = CLIENTS.get(service, service)
        name = (service, keys, tuple(sorted(settings.items())))
        if name not in self.clients:
            made = foreign.client(service, self.endpoint, *keys, **settings)
            made.meta.events.register("after-call", self.looks)
            self.clients[name] = made
        return self.clients[name]

    def looks(self, http_response, model, **_):
        Aws.CHECKED += 1
        self.problems += faults(model, http_response.status_code, http_response.content)

    def control(self, what, body):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_countersign/{what}", data, method="POST" if data else "GET")
        with urllib.request.urlopen(request, timeout=foreign.PATIENCE) as answer:
            return json.load(answer)

    def human(self, account, fact, settled):
        self.control("human", {"account": account, "fact": fact, "settled": settled})

    def advance(self, time):
        self.control("clock", {"advance": time})

    def ok(self, keys, action, **parameters):
        service, operation = action.split(":")
        answer = self.client(service, keys)._make_api_call(operation, parameters)
        meta = answer["ResponseMetadata"]
        assert meta["RequestId"] and "date" in meta["HTTPHeaders"] and meta["HTTPStatusCode"] == 200, answer
        Aws.COVERED[action].add("ok")
        Aws.SEEN[action] |= paths(answer)
        return answer

    def fails(self, keys, action, code, reason=None, loose=False, client=None, **parameters):
        """The call fails with this code and reason, as the class that boto3 has for it, with the table's status."""
        service, operation = action.split(":")
        made = client or self.client(service, keys, **({"parameter_validation": False} if loose else {}))
        where = f"{action} {parameters}"
        try:
            made._make_api_call(operation, parameters)
        except ClientError as error:
            answer = error.response
            got = (answer["Error"]["Code"], answer.get("Reason"))
            assert got == (code, reason), f"{where}: {got}, expected {(code, reason)}: {error}"
            row = {"code": code, "reason": reason, "status": answer["ResponseMetadata"]["HTTPStatusCode"]}
            assert row in [{name: one[name] for name in row} for one in Aws.TABLE[action]], f"{where}: {row} is not in the simulator's table"
            assert answer["Error"].get("Message"), f"{where}: no message"
            shapes = {
                shape.metadata.get("error", {}).get("code", shape.name): shape.name
                for shape in made.meta.service_model.operation_model(operation).error_shapes
            }
            if code in shapes:
                raised = type(error)
                assert raised is getattr(made.exceptions, shapes[code]), f"{where}: raised as {raised}"
            Aws.COVERED[action].add((code, reason))
            return answer
        raise AssertionError(f"{where} went well, expected {code} {reason or ''}")

    def role(self, keys, account, name="OrganizationAccountAccessRole", **more):
        arn = f"arn:aws:iam::{account}:role/{name}"
        made = self.ok(keys, "sts:AssumeRole", RoleArn=arn, RoleSessionName="boto3", **more)["Credentials"]
        return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]

    def invited(self, account, keys="new_management"):
        target = {"Id": account, "Type": "EMAIL" if "@" in account else "ACCOUNT"}
        return self.ok(keys, "organizations:InviteAccountToOrganization", Target=target)["Handshake"]["Id"]


@contextmanager
def world(settings="", more="", base=BASE + MORE):
    aws = Aws(settings, more, base)
    try:
        yield aws
        assert not aws.problems, "\n".join(aws.problems)
        # CloudFormation alone has an error of that name.
        unlisted = [line for line in aws.server.log() if '"InternalFailure' in line and "cloudformation:" not in line]
        assert not unlisted, "an error that the table does not list"
    finally:
        aws.server.stop()


def every(*columns):
    """The operations whose table has an error with this reason or code."""
    found = [action for action, rows in Aws.TABLE.items() if any(set(columns) & {row["reason"], row["code"]} for row in rows)]
    assert found, columns
    return found


def tampered(aws, service, event, change):
    client = foreign.client(CLIENTS.get(service, service), aws.endpoint, *aws.keys["new_management"], parameter_validation=False)
    client.meta.events.register("after-call", aws.looks)
    client.meta.events.register(event, change)
    return client


# Parameters that stand in the path or that a client insists on before it signs anything.
WHOLE = {action: needs for action, needs in NEEDS.items() if action.split(":")[0] in ("account", "invoicing")}


# ---- What every operation can answer ----


def ordered(aws):
    """Errors that no state of the simulator leads to: a world orders them."""
    for action, rows in Aws.TABLE.items():
        for row in rows:
            if row["ordered"]:
                aws.control("fault", {"on": action, "kind": "error", "code": row["code"], "reason": row["reason"] or ""})
                aws.fails("new_management", action, row["code"], row["reason"], loose=True, **NEEDS.get(action, {}))


def keys_and_signatures(aws):
    def no_signature(request, **_):
        words = request.headers["Authorization"]
        del request.headers["Authorization"]
        request.headers["Authorization"] = words.decode().split(",")[0] if isinstance(words, bytes) else words.split(",")[0]

    def no_object(request, **_):
        request.data = b"[1]"

    key, secret, _ = aws.keys["new_management"]
    clients = {}
    services = {action.split(":")[0] for action in Aws.TABLE}
    for service in services:
        clients[service] = [
            foreign.client(CLIENTS.get(service, service), aws.endpoint, parameter_validation=False, signature_version=UNSIGNED),
            aws.client(service, ("AKIAUNKNOWN000000001", "s", None), parameter_validation=False),
            aws.client(service, (key, "wrong", None), parameter_validation=False),
            tampered(aws, service, "before-send", no_signature),
        ]
    jsons = services - set(QUERY)
    objects = {service: tampered(aws, service, "before-sign", no_object) for service in jsons}
    for action in Aws.TABLE:
        service = action.split(":")[0]
        unsigned, unknown, wrong, incomplete = clients[service]
        json_codes = ["MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException"]
        query_codes = ["MissingAuthenticationToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "IncompleteSignature"]
        for client, code in zip(clients[service], json_codes if service in jsons else query_codes):
            aws.fails(None, action, code, client=client, **WHOLE.get(action, {}))
        if service in jsons:
            aws.fails(None, action, "SerializationException", client=objects[service], **WHOLE.get(action, {}))


def faults_of_the_world(aws):
    json_faults = [
        ("session_expired", "ExpiredTokenException"),
        ("access_denied", "AccessDeniedException"),
        ("throttled", "TooManyRequestsException"),
        ("concurrent_modification", "ConcurrentModificationException"),
        ("server_error_before", "ServiceException"),
        ("server_error_after", "ServiceException"),
    ]
    others = {
        "account": ["ExpiredTokenException", "AccessDeniedException", "TooManyRequestsException", "TooManyRequestsException", "InternalServerException", "InternalServerException"],
        "invoicing": ["ExpiredTokenException", "AccessDeniedException", "ThrottlingException", "ThrottlingException", "InternalServerException", "InternalServerException"],
        "servicequotas": ["ExpiredTokenException", "AccessDeniedException", "TooManyRequestsException", "TooManyRequestsException", "ServiceException", "ServiceException"],
        "ram": ["ExpiredTokenException", "AccessDeniedException", "ThrottlingException", "ThrottlingException", "ServerInternalException", "ServerInternalException"],
        "cloudformation": ["ExpiredToken", "AccessDenied", "Throttling", "Throttling", "InternalFailure", "InternalFailure"],
    }
    others["sso"] = others["billing"] = others["invoicing"]
    query_faults = ["ExpiredToken", "AccessDenied", "Throttling", "ConcurrentModification", "ServiceFailure", "ServiceFailure"]
    # The models list what is modified concurrently for changes only; a world may say it of a read too.
    checked = len(aws.problems)
    for action in Aws.TABLE:
        service = action.split(":")[0]
        for at, ((kind, json_code), query_code) in enumerate(zip(json_faults, query_faults)):
            if kind == "server_error_after" and "Describe" not in action and "Get" not in action and "List" not in action:
                continue
            aws.control("fault", {"on": action, "kind": kind})
            code = others[service][at] if service in others else json_code if service == "organizations" else query_code
            answer = aws.fails("new_management", action, code, loose=True, **NEEDS.get(action, {}))
            if code == "TooManyRequestsException" and service == "organizations":
                assert answer["Type"] == "RATE_LIMIT", answer
    del aws.problems[checked:]
    aws.control("fault", {"on": "organizations:ListRoots", "kind": "response_lost"})
    try:
        aws.client("organizations", "new_management").list_roots()
        raise AssertionError("the lost answer arrived")
    except ConnectionClosedError:
        pass


def rights(aws):
    for action in Aws.TABLE:
        if action != "sts:GetCallerIdentity":
            code = "AccessDenied" if action.split(":")[0] in QUERY else "AccessDeniedException"
            aws.fails("nobody", action, code, loose=True, **WHOLE.get(action, {}))
    for action in every("AWSOrganizationsNotInUseException"):
        aws.fails("founder", action, "AWSOrganizationsNotInUseException", loose=True)


def parameters(aws):
    ordered(aws)
    bad, new = "InvalidInputException", "new_management"
    # Only the old organization has a delegated administrator in this world.
    who = lambda action: "old_management" if action.endswith("ListDelegatedServicesForAccount") else new
    for action in every("INPUT_REQUIRED"):
        aws.fails(new, action, bad, "INPUT_REQUIRED", loose=True)
    for action in every("INVALID_PATTERN"):
        first = next((name for name in NEEDS[action] if name.endswith("Id") or name == "Email"), "Id")
        aws.fails(new, action, bad, "INVALID_PATTERN", loose=True, **{**NEEDS[action], first: "!"})
    for action in every("UNRECOGNIZED_SERVICE_PRINCIPAL"):
        aws.fails(new, action, bad, "UNRECOGNIZED_SERVICE_PRINCIPAL", **{**NEEDS.get(action, {}), "ServicePrincipal": "x"})
    for action in every("INVALID_NEXT_TOKEN"):
        aws.fails(who(action), action, bad, "INVALID_NEXT_TOKEN", **NEEDS.get(action, {}), NextToken="x")
    for action in every("MIN_VALUE_EXCEEDED"):
        aws.fails(who(action), action, bad, "MIN_VALUE_EXCEEDED", loose=True, **NEEDS.get(action, {}), MaxResults=0)
        aws.fails(who(action), action, bad, "MAX_VALUE_EXCEEDED", loose=True, **NEEDS.get(action, {}), MaxResults=21)
    for action in every("INVALID_ENUM"):
        if action in simulator_more.WRONG_WORD:
            aws.fails(new, action, bad, "INVALID_ENUM", loose=True, **{**NEEDS[action], **simulator_more.WRONG_WORD[action]})
    for action in every("DUPLICATE_TAG_KEY"):
        for tags, reason in [
            ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "DUPLICATE_TAG_KEY"),
            ([{"Key": "aws:a", "Value": "1"}], "INVALID_SYSTEM_TAGS_PARAMETER"),
            ([{"Key": "a" * 129, "Value": "1"}], "MAX_LENGTH_EXCEEDED"),
        ]:
            aws.fails(new, action, bad, reason, loose=True, **{**NEEDS[action], "Tags": tags})
    for action, wrong in [
        ("InviteAccountToOrganization", {"Target": {"Id": BILLING, "Type": "X"}}),
        ("ListHandshakesForOrganization", {"Filter": {"ActionType": "X"}}),
        ("ListHandshakesForAccount", {"Filter": {"ActionType": "X"}}),
        ("ListCreateAccountStatus", {"States": ["X"]}),
        ("ListChildren", {"ParentId": ROOT, "ChildType": "X"}),
        ("CreateOrganization", {"FeatureSet": "X"}),
        ("ListPoliciesForTarget", {"TargetId": ROOT, "Filter": "X"}),
    ]:
        aws.fails(new, f"organizations:{action}", bad, "INVALID_ENUM", loose=True, **wrong)
    for action in every("MAX_LIMIT_EXCEEDED_FILTER"):
        both = {"ActionType": "INVITE", "ParentHandshakeId": "h-0000000000"}
        aws.fails(new, action, bad, "MAX_LIMIT_EXCEEDED_FILTER", Filter=both)
    aws.fails(new, "organizations:CreateAccount", bad, "INVALID_ROLE_NAME", loose=True, RoleName="a b", **NEEDS["organizations:CreateAccount"])


# ---- Invitations ----


def invitations(aws):
    invite, accept = "organizations:InviteAccountToOrganization", "organizations:AcceptHandshake"
    cancel, decline, describe = (f"organizations:{name}Handshake" for name in ("Cancel", "Decline", "Describe"))
    bad, new = "InvalidInputException", "new_management"
    for target, reason in [
        ({"Id": "12", "Type": "ACCOUNT"}, "INVALID_PATTERN_TARGET_ID"),
        ({"Id": "nobody", "Type": "EMAIL"}, "INVALID_EMAIL_ADDRESS_TARGET"),
        ({"Id": "o-neworg22222", "Type": "ORGANIZATION"}, "INVALID_PARTY_TYPE_TARGET"),
    ]:
        aws.fails(new, invite, bad, reason, Target=target)
    target = {"Id": BILLING, "Type": "ACCOUNT"}
    aws.fails(new, invite, bad, "MAX_LENGTH_EXCEEDED", loose=True, Target=target, Notes="x" * 1025)
    violated = "HandshakeConstraintViolationException"
    aws.fails(new, invite, violated, "ALREADY_IN_AN_ORGANIZATION", Target={"Id": NEW, "Type": "ACCOUNT"})
    foreigner = {"Id": FOUNDER, "Type": "ACCOUNT"}
    aws.fails(new, invite, violated, "ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD", Target=foreigner)
    for fact, code, reason in [
        ("mailbox", "AccountOwnerNotVerifiedException", None),
        ("payment_method", violated, "PAYMENT_INSTRUMENT_REQUIRED"),
    ]:
        aws.human(NEW, fact, False)
        aws.fails(new, invite, code, reason, Target=target)
        aws.human(NEW, fact, True)
    handshake = aws.ok(new, invite, Target=target, Notes="welcome")["Handshake"]
    assert handshake["Parties"][0] == {"Id": "o-neworg22222", "Type": "ORGANIZATION"}, handshake
    assert (handshake["ExpirationTimestamp"] - handshake["RequestedTimestamp"]).days == 15, handshake
    id = handshake["Id"]
    aws.fails(new, invite, "DuplicateHandshakeException", Target=target)
    member = aws.role("old_management", BILLING)
    for action, keys in [(accept, member), (cancel, new), (decline, member), (describe, member)]:
        aws.fails(keys, action, "HandshakeNotFoundException", HandshakeId="h-0000000000")
    aws.ok(member, describe, HandshakeId=id)
    aws.ok(new, cancel, HandshakeId=id)
    aws.fails(new, cancel, "HandshakeAlreadyInStateException", HandshakeId=id)
    for action in (accept, decline):
        aws.fails(member, action, "InvalidHandshakeTransitionException", HandshakeId=id)
    id = aws.invited("aws+billing@customer.example")
    assert len(aws.ok(member, "organizations:ListHandshakesForAccount")["Handshakes"]) == 2
    aws.ok(member, decline, HandshakeId=id)
    aws.fails(member, decline, "HandshakeAlreadyInStateException", HandshakeId=id)
    aws.fails(new, cancel, "InvalidHandshakeTransitionException", HandshakeId=id)
    aws.fails(member, cancel, "AccessDeniedException", HandshakeId=id)
    assert aws.ok(new, describe, HandshakeId=id)["Handshake"]["State"] == "DECLINED"
    filtered = aws.ok(new, "organizations:ListHandshakesForOrganization", Filter={"ActionType": "INVITE"}, MaxResults=1)
    assert len(filtered["Handshakes"]) == 1 and filtered["NextToken"], filtered
    id = aws.invited(BILLING)
    assert aws.ok(member, accept, HandshakeId=id)["Handshake"]["State"] == "ACCEPTED"
    aws.fails(member, accept, "HandshakeAlreadyInStateException", HandshakeId=id)
    assert aws.ok(member, "organizations:DescribeOrganization")["Organization"]["Id"] == "o-neworg22222"
    found = aws.ok(new, "organizations:DescribeAccount", AccountId=BILLING)["Account"]
    assert (found["JoinedMethod"], found["State"]) == ("INVITED", "ACTIVE"), found
    aws.fails("old_management", "organizations:DescribeAccount", "AccountNotFoundException", AccountId=BILLING)


def acceptance(aws):
    accept = "organizations:AcceptHandshake"
    broken, violated = "ConstraintViolationException", "HandshakeConstraintViolationException"
    aws.fails("old_management", accept, "MasterCannotLeaveOrganizationException", HandshakeId=aws.invited(OLD))
    aws.fails("old_management", "organizations:DescribeHandshake", "HandshakeNotFoundException", HandshakeId="h-0000000000")
    aws.fails(aws.role("old_management", FRESH), accept, broken, "WAIT_PERIOD_ACTIVE", HandshakeId=aws.invited(FRESH))
    reason = "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    aws.fails(aws.role("old_management", WEB), accept, broken, reason, HandshakeId=aws.invited(WEB))
    keys = aws.role("old_management", BILLING, "Narrow")
    dependency = "ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE"
    id = aws.invited(BILLING)
    aws.fails(keys, accept, "AccessDeniedForDependencyException", dependency, HandshakeId=id)
    member = aws.role("old_management", BILLING)
    changes = "ORGANIZATION_MEMBERSHIP_CHANGE_RATE_LIMIT_EXCEEDED"
    aws.control("quota", {"organization": "o-neworg22222", "accounts": 1})
    aws.fails(member, accept, violated, "ACCOUNT_NUMBER_LIMIT_EXCEEDED", HandshakeId=id)
    aws.control("quota", {"organization": "o-neworg22222", "accounts": 50})
    aws.ok(member, accept, HandshakeId=id)
    # One change per day is this world's limit.
    back = aws.invited(BILLING, "old_management")
    aws.fails(member, accept, violated, changes, HandshakeId=back)
    aws.advance("1d")
    aws.ok(aws.role("old_management", BILLING), accept, HandshakeId=back)
    aws.fails("spare", accept, violated, "PAYMENT_INSTRUMENT_REQUIRED", HandshakeId=aws.invited("777788889999"))


def latecomers(aws):
    """Addresses that are invited before there is an account behind them."""
    accept, violated = "organizations:AcceptHandshake", "HandshakeConstraintViolationException"
    ours, theirs = "ours@partner.example", "theirs@partner.example"
    aws.ok("founder", "organizations:CreateOrganization")
    aws.advance("1h")
    invited = {ours: aws.invited(ours), theirs: aws.invited(theirs, "founder")}
    for email, reason in [(ours, "ALREADY_IN_AN_ORGANIZATION"), (theirs, "ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD")]:
        made = aws.ok("new_management", "organizations:CreateAccount", Email=email, AccountName="late")["CreateAccountStatus"]
        # Until the account may leave again, and the organization of the founder may receive it.
        aws.advance("8d" if email == theirs else "1m")
        status = "organizations:DescribeCreateAccountStatus"
        made = aws.ok("new_management", status, CreateAccountRequestId=made["Id"])["CreateAccountStatus"]
        keys = aws.role("new_management", made["AccountId"])
        aws.fails(keys, accept, violated, reason, HandshakeId=invited[email])


def numbers(aws):
    """An organization of two seats at most."""
    invite, violated = "organizations:InviteAccountToOrganization", "HandshakeConstraintViolationException"
    number = "ACCOUNT_NUMBER_LIMIT_EXCEEDED"
    aws.invited(BILLING)
    aws.fails("new_management", invite, violated, number, Target={"Id": DATA, "Type": "ACCOUNT"})
    aws.fails("new_management", "organizations:CreateAccount", "ConstraintViolationException", number, **NEEDS["organizations:CreateAccount"])


def daily(aws):
    """One invitation per day at most."""
    reason = "HANDSHAKE_RATE_LIMIT_EXCEEDED"
    aws.invited(BILLING)
    target = {"Id": DATA, "Type": "ACCOUNT"}
    aws.fails("new_management", "organizations:InviteAccountToOrganization", "HandshakeConstraintViolationException", reason, Target=target)


def enabling(aws):
    reason = "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES"
    target = {"Id": DATA, "Type": "ACCOUNT"}
    aws.fails("new_management", "organizations:InviteAccountToOrganization", "HandshakeConstraintViolationException", reason, Target=target)


# ---- Leaving and moving ----


def leaving(aws):
    leave, remove = "organizations:LeaveOrganization", "organizations:RemoveAccountFromOrganization"
    broken, old = "ConstraintViolationException", "old_management"
    member = aws.role(old, DATA)
    for keys, more, action in [(old, {}, leave), (old, {"AccountId": OLD}, remove)]:
        aws.fails(keys, action, "MasterCannotLeaveOrganizationException", **more)
    both = [(member, leave, {}), (old, remove, {"AccountId": DATA})]
    for fact, reason in [
        ("payment_method", "MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"),
        ("agreement", "ACCOUNT_CANNOT_LEAVE_WITHOUT_EULA"),
        ("phone", "ACCOUNT_CANNOT_LEAVE_WITHOUT_PHONE_VERIFICATION"),
        ("support_plan", "ACCOUNT_CANNOT_LEAVE_ORGANIZATION"),
    ]:
        aws.human(DATA, fact, False)
        for keys, action, more in both:
            aws.fails(keys, action, broken, reason, **more)
        aws.human(DATA, fact, True)
    fresh = aws.role(old, FRESH)
    for keys, action, more in [(fresh, leave, {}), (old, remove, {"AccountId": FRESH})]:
        aws.fails(keys, action, broken, "WAIT_PERIOD_ACTIVE", **more)
    register, deregister = (f"organizations:{name}DelegatedAdministrator" for name in ("Register", "Deregister"))
    one = {"AccountId": DATA, "ServicePrincipal": SERVICE}
    aws.fails(old, register, "AccountNotFoundException", **{**one, "AccountId": NEW})
    aws.fails(old, deregister, "AccountNotFoundException", **{**one, "AccountId": NEW})
    other = {"AccountId": DATA, "ServicePrincipal": "ram.amazonaws.com"}
    aws.fails(old, register, broken, "SERVICE_ACCESS_NOT_ENABLED", **other)
    aws.ok(old, "organizations:EnableAWSServiceAccess", ServicePrincipal=SERVICE)
    assert aws.ok(old, "organizations:ListAWSServiceAccessForOrganization")["EnabledServicePrincipals"]
    aws.fails(old, register, broken, "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", **{**one, "AccountId": OLD})
    aws.fails(old, register, broken, "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", **{**one, "AccountId": CLOSED})
    aws.fails(old, deregister, "AccountNotRegisteredException", **one)
    services = "organizations:ListDelegatedServicesForAccount"
    aws.fails(old, services, "AccountNotRegisteredException", AccountId=DATA)
    aws.fails(old, services, "AccountNotFoundException", AccountId=NEW)
    aws.ok(old, register, **one)
    aws.fails(old, register, "AccountAlreadyRegisteredException", **one)
    for keys, action, more in both:
        aws.fails(keys, action, broken, "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", **more)
    assert DATA in [one["Id"] for one in aws.ok(old, "organizations:ListDelegatedAdministrators")["DelegatedAdministrators"]]
    assert aws.ok(old, services, AccountId=DATA)["DelegatedServices"]
    aws.ok(old, deregister, **one)
    aws.ok(old, "organizations:DisableAWSServiceAccess", ServicePrincipal=SERVICE)
    aws.ok(member, leave)
    aws.fails(member, leave, "AWSOrganizationsNotInUseException")
    aws.fails(old, remove, "AccountNotFoundException", AccountId=DATA)
    aws.ok(old, remove, AccountId=BILLING)


def moving(aws):
    move, new = "organizations:MoveAccount", "new_management"
    aws.ok(aws.role("old_management", BILLING), "organizations:AcceptHandshake", HandshakeId=aws.invited(BILLING))
    place = NEEDS[move]
    aws.fails(new, move, "DestinationParentNotFoundException", **{**place, "DestinationParentId": "ou-ab12-99999999"})
    aws.fails(new, move, "SourceParentNotFoundException", **{**place, "SourceParentId": "ou-ab12-99999999"})
    elsewhere = {**place, "DestinationParentId": "ou-old1-11111111"}
    aws.fails(new, move, "InvalidInputException", "MOVING_ACCOUNT_BETWEEN_DIFFERENT_ROOTS", **elsewhere)
    aws.ok(new, move, **place)
    aws.fails(new, move, "DuplicateAccountException", **place)
    aws.fails(new, move, "AccountNotFoundException", **{**place, "AccountId": DATA})
    assert aws.ok(new, "organizations:ListParents", ChildId=BILLING)["Parents"][0]["Id"] == UNIT
    aws.fails(new, "organizations:ListParents", "ChildNotFoundException", ChildId=DATA)
    assert aws.ok(new, "organizations:ListAccountsForParent", ParentId=UNIT)["Accounts"][0]["Id"] == BILLING
    aws.fails(new, "organizations:ListAccountsForParent", "ParentNotFoundException", ParentId="r-zzzz")
    unit = {"OrganizationalUnitId": UNIT}
    aws.fails(new, "organizations:DeleteOrganizationalUnit", "OrganizationalUnitNotEmptyException", **unit)


# ---- Organizations, accounts, units ----


def organizations(aws):
    create, delete = "organizations:CreateOrganization", "organizations:DeleteOrganization"
    broken = "ConstraintViolationException"
    aws.fails("old_management", delete, "OrganizationNotEmptyException")
    aws.fails("old_management", create, "AlreadyInOrganizationException")
    dependency = "ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE"
    for fact, reason in [
        ("agreement", "ACCOUNT_CREATION_NOT_COMPLETE"),
        ("payment_method", "MASTER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"),
        ("contact", "MASTER_ACCOUNT_MISSING_CONTACT_INFO"),
    ]:
        aws.human(FOUNDER, fact, False)
        aws.fails("founder", create, broken, reason, FeatureSet="ALL")
        aws.human(FOUNDER, fact, True)
    aws.fails("narrow_founder", create, "AccessDeniedForDependencyException", dependency)
    made = aws.ok("founder", create, FeatureSet="ALL")["Organization"]
    assert made["MasterAccountId"] == FOUNDER, made
    target = {"Id": "888899990000", "Type": "ACCOUNT"}
    aws.fails("founder", "organizations:InviteAccountToOrganization", "FinalizingOrganizationException", Target=target)
    aws.fails("founder", "organizations:CreateAccount", "FinalizingOrganizationException", **NEEDS["organizations:CreateAccount"])
    aws.advance("1h")
    aws.ok("founder", "organizations:InviteAccountToOrganization", Target=target)
    aws.ok("founder", delete)
    aws.fails("founder", delete, "AWSOrganizationsNotInUseException")


def transfer(aws):
    aws.fails("new_management", "organizations:DeleteOrganization", "ConstraintViolationException", "ACTIVE_RESPONSIBILITY_TRANSFER_PROCESS")


def accounts(aws):
    create, describe = "organizations:CreateAccount", "organizations:DescribeCreateAccountStatus"
    listed, new = "organizations:ListCreateAccountStatus", "new_management"
    tags = [{"Key": "team", "Value": "1"}]
    status = aws.ok(new, create, Tags=tags, **NEEDS[create])["CreateAccountStatus"]
    assert status["State"] == "IN_PROGRESS", status
    twin = aws.ok(new, create, Email="aws+web@customer.example", AccountName="twin")["CreateAccountStatus"]
    for number in range(3):
        aws.ok(new, create, Email=f"more{number}@partner.example", AccountName="more")
    limited = "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"
    aws.fails(new, create, "ConstraintViolationException", limited, Email="six@partner.example", AccountName="six")
    assert len(aws.ok(new, listed, States=["IN_PROGRESS"])["CreateAccountStatuses"]) == 5
    aws.advance("20s")
    assert aws.ok(new, describe, CreateAccountRequestId=status["Id"])["CreateAccountStatus"]["State"] == "SUCCEEDED"
    twin = aws.ok(new, describe, CreateAccountRequestId=twin["Id"])["CreateAccountStatus"]
    assert twin["FailureReason"] == "EMAIL_ALREADY_EXISTS", twin
    aws.ok(new, listed)
    aws.fails(new, describe, "CreateAccountStatusNotFoundException", CreateAccountRequestId="car-00000000")
    assert len(aws.ok(new, "organizations:ListAccounts")["Accounts"]) == 5
    pages = aws.client("organizations", new).get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 2})
    assert len([one for page in pages for one in page["Accounts"]]) == 5


def units(aws):
    create, delete, describe = (f"organizations:{name}OrganizationalUnit" for name in ("Create", "Delete", "Describe"))
    new = "new_management"
    aws.ok(new, "organizations:ListRoots")
    parent, made = ROOT, []
    for name in "abcde":
        made.append(aws.ok(new, create, ParentId=parent, Name=name, Tags=[{"Key": "a", "Value": "1"}])["OrganizationalUnit"])
        parent = made[-1]["Id"]
    aws.fails(new, create, "ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED", ParentId=parent, Name="f")
    aws.fails(new, create, "DuplicateOrganizationalUnitException", ParentId=ROOT, Name="a")
    aws.fails(new, create, "ParentNotFoundException", ParentId="r-zzzz", Name="a")
    assert aws.ok(new, describe, OrganizationalUnitId=parent)["OrganizationalUnit"]["Name"] == "e"
    assert len(aws.ok(new, "organizations:ListOrganizationalUnitsForParent", ParentId=ROOT)["OrganizationalUnits"]) == 3
    assert len(aws.ok(new, "organizations:ListChildren", ParentId=ROOT, ChildType="ORGANIZATIONAL_UNIT")["Children"]) == 3
    for action, more in [("ListChildren", {"ChildType": "ACCOUNT"}), ("ListOrganizationalUnitsForParent", {})]:
        aws.fails(new, f"organizations:{action}", "ParentNotFoundException", ParentId="r-old1", **more)
    aws.ok(new, delete, OrganizationalUnitId=parent)
    for action in (delete, describe):
        aws.fails(new, action, "OrganizationalUnitNotFoundException", OrganizationalUnitId=parent)
    tag, untag, tags = "organizations:TagResource", "organizations:UntagResource", "organizations:ListTagsForResource"
    aws.ok(new, tag, ResourceId=UNIT, Tags=[{"Key": "team", "Value": "1"}])
    assert aws.ok(new, tags, ResourceId=UNIT)["Tags"] == [{"Key": "team", "Value": "1"}]
    aws.ok(new, untag, ResourceId=UNIT, TagKeys=["team"])
    for action in (tag, untag, tags):
        aws.fails(new, action, "TargetNotFoundException", **{**NEEDS[action], "ResourceId": DATA})
    many = [{"Key": str(number), "Value": ""} for number in range(51)]
    aws.fails(new, tag, "ConstraintViolationException", "MAX_TAG_LIMIT_EXCEEDED", ResourceId=UNIT, Tags=many)
    policies = "organizations:ListPoliciesForTarget"
    assert [one["Name"] for one in aws.ok(new, policies, TargetId=ROOT, Filter=SCP)["Policies"]] == ["FullAWSAccess"]
    aws.fails(new, policies, "TargetNotFoundException", TargetId=DATA, Filter=SCP)


def thousands(aws):
    """2000 units and 5000 users, which is as many as AWS allows."""
    aws.fails("new_management", "organizations:CreateOrganizationalUnit", "ConstraintViolationException", "OU_NUMBER_LIMIT_EXCEEDED", ParentId=ROOT, Name="one more")
    aws.fails("u17", "iam:CreateUser", "LimitExceeded", UserName="one-more")


# ---- IAM and STS ----


def sessions(aws):
    assume, new = "sts:AssumeRole", "new_management"
    who = aws.ok("old_management", "sts:GetCallerIdentity")
    assert who["Arn"] == f"arn:aws:iam::{OLD}:user/mover", who
    careful = f"arn:aws:iam::{NEW}:role/Careful"
    for more in ({}, {"ExternalId": "x-1"}):
        aws.fails(new, assume, "AccessDenied", RoleArn=careful, RoleSessionName="boto3", **more)
    aws.fails(new, assume, "ValidationError", loose=True, RoleArn=careful, RoleSessionName="boto3", DurationSeconds=60000)
    aws.fails(new, assume, "MalformedInput", loose=True, RoleArn=careful, RoleSessionName="boto3", DurationSeconds="soon")
    key, secret, token = aws.role("old_management", BILLING)
    assert aws.ok((key, secret, token), "sts:GetCallerIdentity")["Account"] == BILLING
    aws.fails((key, secret, "wrong"), "sts:GetCallerIdentity", "InvalidClientTokenId")
    aws.advance("1h")
    aws.fails((key, secret, token), "sts:GetCallerIdentity", "ExpiredToken")


def users(aws):
    keys, user = "old_management", {"UserName": "breakglass"}
    create, get, delete = "iam:CreateUser", "iam:GetUser", "iam:DeleteUser"
    attach, detach, attached = "iam:AttachUserPolicy", "iam:DetachUserPolicy", "iam:ListAttachedUserPolicies"
    make, drop, listed = "iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys"
    for action in every("ValidationError"):
        if action.startswith("iam:") and action not in simulator_more.NEEDS:
            aws.fails(keys, action, "ValidationError", loose=True, UserName="a b")
    one = {"UserName": "nobody"}
    for action, more in [
        (get, {}), (delete, {}), (attach, {"PolicyArn": ADMIN}), (detach, {"PolicyArn": ADMIN}), (attached, {}), (make, {}),
        (listed, {}), (drop, {"AccessKeyId": "AKIA0000000000000000"}),
    ]:
        aws.fails(keys, action, "NoSuchEntity", **one, **more)
    none = "arn:aws:iam::aws:policy/NoneSuch"
    aws.fails(keys, create, "NoSuchEntity", **user, PermissionsBoundary=none)
    aws.fails(keys, create, "InvalidInput", **user, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    tags = [{"Key": "team", "Value": "1"}]
    made = aws.ok(keys, create, **user, Path="/emergency/", PermissionsBoundary=ADMIN, Tags=tags)["User"]
    assert made["Arn"] == f"arn:aws:iam::{OLD}:user/emergency/breakglass" and made["Tags"] == tags, made
    assert aws.ok(keys, get, **user)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == ADMIN
    aws.fails(keys, create, "EntityAlreadyExists", **user)
    for action in (attach, detach):
        aws.fails(keys, action, "InvalidInput", **user, PolicyArn="not:an:arn:but:long:enough")
    aws.fails(keys, attach, "NoSuchEntity", **user, PolicyArn=none)
    service = "arn:aws:iam::aws:policy/aws-service-role/AWSOrganizationsServiceTrustPolicy"
    aws.fails(keys, attach, "PolicyNotAttachable", **user, PolicyArn=service)
    known = "AdministratorAccess ReadOnlyAccess PowerUserAccess AWSOrganizationsFullAccess AWSOrganizationsReadOnlyAccess IAMFullAccess IAMReadOnlyAccess SecurityAudit ViewOnlyAccess IAMUserChangePassword".split()
    for name in known[:10]:
        aws.ok(keys, attach, **user, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    aws.fails(keys, attach, "LimitExceeded", **user, PolicyArn="arn:aws:iam::aws:policy/IAMUserSSHKeys")
    page = aws.ok(keys, attached, **user, MaxItems=6)
    assert page["IsTruncated"] and len(page["AttachedPolicies"]) == 6, page
    assert len(aws.ok(keys, attached, **user, Marker=page["Marker"])["AttachedPolicies"]) == 4
    aws.fails(keys, attached, "ValidationError", **user, Marker="x")
    first, second = (aws.ok(keys, make, **user)["AccessKey"] for _ in range(2))
    aws.fails(keys, make, "LimitExceeded", **user)
    assert len(aws.ok(keys, listed, **user)["AccessKeyMetadata"]) == 2
    own = first["AccessKeyId"], first["SecretAccessKey"], None
    assert aws.ok(own, "sts:GetCallerIdentity")["Arn"].endswith(":user/emergency/breakglass")
    aws.fails(keys, delete, "DeleteConflict", **user)
    for key in (first, second):
        aws.ok(keys, drop, **user, AccessKeyId=key["AccessKeyId"])
    aws.fails(keys, drop, "NoSuchEntity", **user, AccessKeyId=first["AccessKeyId"])
    aws.fails(own, "sts:GetCallerIdentity", "InvalidClientTokenId")
    for name in known[:10]:
        aws.ok(keys, detach, **user, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    aws.fails(keys, detach, "NoSuchEntity", **user, PolicyArn=ADMIN)
    aws.ok(keys, delete, **user)
    assert aws.ok(keys, get)["User"]["UserName"] == "mover"


def instead(text, *pairs):
    for before, after in pairs:
        assert before in text, before
        text = text.replace(before, after)
    return text


def two_thousand_units():
    units = "".join(f'[[organizations.organizational_units]]\nid = "ou-ab12-{number:08}"\nname = "u{number}"\n' for number in range(1998))
    head = 'id = "ou-ab12-22222222"\nname = "Data"\n'
    return instead(BASE + MORE, (head, head + units))


def five_thousand_users():
    each = '[[principals]]\nprofile = "u{0}"\naccount = "888899990000"\nkind = "user"\nname = "u{0}"\n'
    return "\n" + "".join(each.format(number) for number in range(5000))


NEWORG = 'id = "o-neworg22222"\n'
OLD_UNIT = 'id = "ou-old1-22222222"\nname = "Data"\n'
DELEGATED = instead(
    BASE + MORE,
    (OLD_UNIT, f'{OLD_UNIT}[[organizations.delegated_administrators]]\naccount = "{WEB}"\nservice = "{SERVICE}"\n'),
)
SHARED = [keys_and_signatures, faults_of_the_world, rights, parameters]
WORLDS = [
    (SHARED, {"base": DELEGATED}),
    ([invitations], {}),
    ([acceptance], {"base": DELEGATED, "settings": "membership_changes = 1\naccept_needs_payment = true"}),
    ([latecomers], {}),
    ([numbers], {"base": instead(BASE + MORE, (NEWORG + 'management = "222222222222"\nroot = "r-ab12"\ncreated = "30d"\naccount_quota = 50', NEWORG + 'management = "222222222222"\nroot = "r-ab12"\ncreated = "30d"\naccount_quota = 2'))}),
    ([daily], {"base": instead(BASE + MORE, ("daily_invites = 100", "daily_invites = 1"))}),
    ([enabling], {"base": instead(BASE + MORE, (NEWORG, NEWORG + "enabling_all_features = true\n"))}),
    ([leaving], {}),
    ([moving], {}),
    ([organizations], {}),
    ([transfer], {"base": instead(BASE + MORE, (NEWORG, NEWORG + "responsibility_transfer = true\n"))}),
    ([accounts], {}),
    ([units], {}),
    ([thousands], {"base": two_thousand_units(), "more": five_thousand_users()}),
    ([sessions, users], {}),
    *[([part], where) for part, where in simulator_more.worlds(BASE + MORE, instead)],
]


class EveryOperationAndEveryError(unittest.TestCase):
    maxDiff = None

    def test_boto3_sees_them_all(self):
        for parts, where in WORLDS:
            with self.subTest([part.__name__ for part in parts]), world(**where) as aws:
                for part in parts:
                    part(aws)
        self.told()
        missing = [
            f"{action} {row['code']} {row['reason'] or ''} {row['status']}".replace("  ", " ")
            for action, rows in Aws.TABLE.items()
            for row in rows
            if (row["code"], row["reason"]) not in Aws.COVERED[action]
        ]
        self.assertEqual(missing, [], "errors that the simulator can answer and nobody asked for")
        self.assertEqual([action for action in Aws.TABLE if "ok" not in Aws.COVERED[action]], [])
        self.assertEqual(self.left_out(), [])

    def told(self):
        widest = max(map(len, Aws.TABLE))
        pairs = 0
        for action, rows in Aws.TABLE.items():
            own = {(row["code"], row["reason"]) for row in rows}
            pairs += len(own)
            got = len(own & Aws.COVERED[action])
            print(f"{action:<{widest}}  {got:>2} of {len(own):>2} errors{'' if got == len(own) else '   <-- not all'}")
        by_order = sum(row["ordered"] for rows in Aws.TABLE.values() for row in rows)
        print(f"{len(Aws.TABLE)} operations, {pairs} errors of operations ({by_order} only by order of a world), {Aws.CHECKED} answers checked")

    def left_out(self):
        """Members that AWS's examples show and no answer of the simulator had."""
        found = []
        loader = botocore.session.get_session().get_component("data_loader")
        for service, version in [("organizations", "2016-11-28"), ("iam", "2010-05-08"), ("sts", "2011-06-15")]:
            # Newer operations have no examples.
            examples = loader.load_data(f"{service}/{version}/examples-1")["examples"]
            for action in Aws.TABLE:
                for example in examples.get(action.split(":")[1], []) if action.startswith(service + ":") else []:
                    wanted = paths(example.get("output", {})) - Aws.SEEN[action] - NOT_GIVEN.keys()
                    found += [f"{action} {member}" for member in sorted(wanted)]
        return sorted(set(found))


if __name__ == "__main__":
    unittest.main()
