"""The same questions to any AWS: the same boto3 script for moto and for the simulator. Each gives a word or two:
`done`, an error's code (and reason), or what was seen."""

import foreign
from botocore.exceptions import ClientError

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def outcome(call, see=lambda answer: "done"):
    try:
        return see(call())
    except ClientError as error:
        code, reason = error.response["Error"]["Code"], error.response.get("Reason")
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 500:
            return "HTTP status 500"
        return f"{code} {reason}" if reason else code


def questions(endpoint, keys, account):
    """Asks as an administrator of an account that is in no organization yet; gives answer by question."""
    clients = {name: foreign.client(name, endpoint, *keys) for name in ("organizations", "iam", "sts")}
    aws, iam, sts = clients["organizations"], clients["iam"], clients["sts"]
    seen = {}
    seen["DescribeOrganization, in none"] = outcome(lambda: aws.describe_organization())
    seen["CreateOrganization"] = outcome(lambda: aws.create_organization())
    seen["CreateOrganization, again"] = outcome(lambda: aws.create_organization())
    root = aws.list_roots()["Roots"][0]["Id"]
    unit = aws.create_organizational_unit(ParentId=root, Name="a")["OrganizationalUnit"]["Id"]
    seen["CreateOrganizationalUnit, of the same name"] = outcome(lambda: aws.create_organizational_unit(ParentId=root, Name="a"))
    foreign.settle(endpoint, "1h")

    def create(email):
        made = aws.create_account(Email=email, AccountName="x")["CreateAccountStatus"]
        foreign.settle(endpoint, "1m")
        last = aws.describe_create_account_status(CreateAccountRequestId=made["Id"])["CreateAccountStatus"]
        return made["State"], last

    at_once, made = create("first@example.com")
    seen["CreateAccount, state at once"] = at_once
    seen["CreateAccount, state later"] = made["State"]
    member = made["AccountId"]
    seen["CreateAccount, an address that is in use"] = create("first@example.com")[1].get("FailureReason", "done")
    move = {"AccountId": member, "SourceParentId": unit, "DestinationParentId": root}
    seen["MoveAccount, from where it is not"] = outcome(lambda: aws.move_account(**{**move, "DestinationParentId": unit}))
    if aws.list_parents(ChildId=member)["Parents"][0]["Id"] == root:
        aws.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit)
    seen["MoveAccount, to where it is"] = outcome(lambda: aws.move_account(AccountId=member, SourceParentId=unit, DestinationParentId=unit))
    seen["DeleteOrganizationalUnit, with an account in it"] = outcome(lambda: aws.delete_organizational_unit(OrganizationalUnitId=unit))
    seen["DescribeAccount, of an unknown one"] = outcome(lambda: aws.describe_account(AccountId="999999999999"))
    target = {"Id": "111122223333", "Type": "ACCOUNT"}
    seen["InviteAccountToOrganization"] = outcome(lambda: aws.invite_account_to_organization(Target=target))
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    inside = sts.assume_role(RoleArn=role, RoleSessionName="boto3")["Credentials"]
    inside = inside["AccessKeyId"], inside["SecretAccessKey"], inside["SessionToken"]
    other = f"arn:aws:iam::{member}:role/NoSuchRole"
    seen["AssumeRole, of a role that is not there"] = outcome(lambda: sts.assume_role(RoleArn=other, RoleSessionName="boto3"))
    below = foreign.client("organizations", endpoint, *inside)
    seen["ListAccounts, by a member"] = outcome(lambda: below.list_accounts(), lambda answer: f"{len(answer['Accounts'])} accounts")
    seen["LeaveOrganization, by a new account"] = outcome(lambda: below.leave_organization())
    seen["RemoveAccountFromOrganization, of the management account"] = outcome(lambda: aws.remove_account_from_organization(AccountId=account))
    seen["DeleteOrganization, with members"] = outcome(lambda: aws.delete_organization())
    seen["RemoveAccountFromOrganization, of a new account"] = outcome(lambda: aws.remove_account_from_organization(AccountId=member))
    users(iam, seen)
    return seen


def users(iam, seen):
    who = {"UserName": "u"}
    seen["GetUser, unknown"] = outcome(lambda: iam.get_user(**who))
    made = iam.create_user(**who, Path="/emergency/")["User"]
    seen["CreateUser, ARN"] = made["Arn"].split(":", 5)[5]
    seen["CreateUser, again"] = outcome(lambda: iam.create_user(**who))
    seen["CreateUser, in other letters"] = outcome(lambda: iam.create_user(UserName="U"))
    seen["AttachUserPolicy, unknown"] = outcome(lambda: iam.attach_user_policy(**who, PolicyArn=f"{ADMIN}X"))
    iam.attach_user_policy(**who, PolicyArn=ADMIN)
    seen["AttachUserPolicy, again"] = outcome(lambda: iam.attach_user_policy(**who, PolicyArn=ADMIN))
    key = iam.create_access_key(**who)["AccessKey"]["AccessKeyId"]
    iam.create_access_key(**who)
    seen["CreateAccessKey, a third"] = outcome(lambda: iam.create_access_key(**who))
    seen["DeleteUser, with keys"] = outcome(lambda: iam.delete_user(**who))
    seen["DeleteAccessKey"] = outcome(lambda: iam.delete_access_key(**who, AccessKeyId=key))
    seen["DeleteAccessKey, again"] = outcome(lambda: iam.delete_access_key(**who, AccessKeyId=key))
    seen["DetachUserPolicy"] = outcome(lambda: iam.detach_user_policy(**who, PolicyArn=ADMIN))
    seen["DetachUserPolicy, again"] = outcome(lambda: iam.detach_user_policy(**who, PolicyArn=ADMIN))
