"""The program as it is, against moto, an AWS that others wrote: the SDK's requests, signatures and all, are
understood there, and the effects are seen there by another client (boto3). Differences: docs/moto.md."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import foreign
import moto_and_simulator
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"  # moto's own
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


class People:
    """A folder with a journal, a runbook, and two people who have keys; one of them has AWS credentials."""

    def __init__(self, at, endpoint, access_key):
        self.at, self.endpoint = at, endpoint
        text = "schema = 1\n"
        for name, party, role in [("alice", "partner", "admin"), ("bob", "customer", "security")]:
            (at / name).mkdir()
            key = at / name / "key"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key], check=True)
            public = key.with_suffix(".pub").read_text().strip()
            text += f'[people.{name}]\nname = "{name} example"\nparty = "{party}"\nroles = ["{role}"]\nkeys = ["{public}"]\n'
        self.credentials = at / "alice" / "credentials"
        self.credentials.write_text(
            f"[admin]\naws_access_key_id = {access_key['AccessKeyId']}\n"
            f"aws_secret_access_key = {access_key['SecretAccessKey']}\n"
        )
        (at / "runbooks").mkdir()
        (at / "runbooks" / "people.toml").write_text(text)

    def run(self, who, *words, **environment):
        settings = {
            "COUNTERSIGN_PERSON": who,
            "COUNTERSIGN_KEY": str(self.at / who / "key"),
            "COUNTERSIGN_JOURNAL": str(self.at / "journal.db"),
            "HOME": str(self.at / who),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.at / who / "credentials"),
            "AWS_ENDPOINT_URL": self.endpoint,
            **environment,
        }
        return subprocess.run(
            [foreign.PROGRAM, *words],
            cwd=self.at,
            env=foreign.bare_environment(**settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=foreign.PATIENCE,
        )


class MotoPlaysARunbook(unittest.TestCase):
    def setUp(self):
        # The first requests, without keys, make the administrator; from then on moto checks every signature.
        self.moto = foreign.Moto(sys.executable, 3)
        self.addCleanup(self.moto.stop)
        iam = foreign.client("iam", self.moto.endpoint, "none", "none")
        iam.create_user(UserName="admin")
        iam.attach_user_policy(UserName="admin", PolicyArn=ADMIN)
        self.key = iam.create_access_key(UserName="admin")["AccessKey"]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.people = People(Path(folder.name), self.moto.endpoint, self.key)
        runbook = foreign.ROOT / "tests" / "fixtures" / "moto" / "organization.toml"
        (self.people.at / "runbooks" / "organization.toml").write_text(runbook.read_text())

    def does(self, status, who, *words, **environment):
        said = self.people.run(who, *words, **environment)
        self.assertEqual(said.returncode, status, f"{words}\n{said.stdout}\n{said.stderr}")
        return said

    def as_admin(self, service):
        return foreign.client(service, self.moto.endpoint, self.key["AccessKeyId"], self.key["SecretAccessKey"])

    def test_moto_checks_signatures(self):
        """Else it would prove nothing that it takes the program's."""
        sts = foreign.client("sts", self.moto.endpoint, self.key["AccessKeyId"], "x" * 40)
        with self.assertRaises(ClientError) as refused:
            sts.get_caller_identity()
        self.assertEqual(refused.exception.response["Error"]["Code"], "SignatureDoesNotMatch")

    def test_the_whole_runbook(self):
        self.signed()
        self.open(4)
        approved = []
        while (status := self.status())["state"] != "done":
            waited = status["waiting_for"][0]
            # A point of no return is confirmed by its performer too.
            who = "alice" if waited["what"] == "confirmation" else "bob"
            self.assertEqual(waited["people"], [who], waited)
            if who == "bob":
                approved.append(f"{waited['stage']}/{waited['step']}")
            self.does(0, who, *waited["command"].split()[1:])
            self.give_the_role_its_rights()
            self.seat("resume")
        self.assertEqual(approved, ["organization/create", "tree/account", "tree/place", "user/policy"])
        self.closed()
        self.effects_in_moto()

    def status(self):
        return json.loads(self.does(0, "alice", "status", "--format", "json").stdout)

    def give_the_role_its_rights(self):
        """AWS gives administrator's rights to the role of a created account; moto gives it none (docs/moto.md)."""
        organizations = self.as_admin("organizations")
        made = [one["Id"] for one in organizations.list_accounts()["Accounts"] if one["Id"] != ACCOUNT]
        for account in made:
            self.moto.forgive(1)
            iam = foreign.client("iam", self.moto.endpoint, "none", "none")
            iam.meta.events.register("before-sign", lambda request, **_: request.headers.add_header("x-moto-account-id", account))
            iam.attach_role_policy(RoleName="OrganizationAccountAccessRole", PolicyArn=ADMIN)

    def signed(self):
        for who in ("alice", "bob"):
            self.does(0, who, "people", "sign", "runbooks/people.toml", "--simulated")

    def seat(self, *words):
        return self.people.run("alice", *words, "--simulated", "--session", "management=profile:admin")

    def open(self, status):
        said = self.seat("run", "runbooks/organization.toml")
        self.assertEqual(said.returncode, status, f"{said.stdout}\n{said.stderr}")
        return said

    def closed(self):
        verdict = json.loads(self.does(0, "alice", "verify", "--format", "json").stdout)
        self.assertEqual((verdict["verdict"], verdict["mode"]), ("CLOSED", "simulated"))
        self.does(0, "alice", "export", "-o", "out.countersign")
        said = self.does(0, "alice", "verify", "out.countersign")
        self.assertIn("CLOSED", said.stdout)

    def effects_in_moto(self):
        organizations = self.as_admin("organizations")
        self.assertEqual(organizations.describe_organization()["Organization"]["MasterAccountId"], ACCOUNT)
        root = organizations.list_roots()["Roots"][0]["Id"]
        units = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
        self.assertEqual([unit["Name"] for unit in units], ["Workloads"])
        tags = organizations.list_tags_for_resource(ResourceId=units[0]["Id"])["Tags"]
        self.assertEqual(tags, [{"Key": "team", "Value": "platform"}])
        accounts = organizations.list_accounts_for_parent(ParentId=units[0]["Id"])["Accounts"]
        self.assertEqual([(one["Name"], one["Email"]) for one in accounts], [("first", "aws+first@partner.example")])
        self.assertEqual(len(organizations.list_accounts()["Accounts"]), 2)
        # The key that went into the profile opens the member account, as the user that was made there.
        profile = self.people.credentials.read_text().split("[break-glass]")[1]
        pairs = dict(line.split(" = ") for line in profile.splitlines() if " = " in line)
        keys = pairs["aws_access_key_id"], pairs["aws_secret_access_key"]
        arn = foreign.client("sts", self.moto.endpoint, *keys).get_caller_identity()["Arn"]
        self.assertEqual(arn, f"arn:aws:iam::{accounts[0]['Id']}:user/break-glass")
        iam = foreign.client("iam", self.moto.endpoint, *keys)
        attached = iam.list_attached_user_policies(UserName="break-glass")["AttachedPolicies"]
        self.assertEqual([policy["PolicyName"] for policy in attached], ["ReadOnlyAccess"])
        self.assertEqual(len(iam.list_access_keys(UserName="break-glass")["AccessKeyMetadata"]), 1)
        # What nobody allowed is refused there: moto checked the policies as well.
        with self.assertRaises(iam.exceptions.ClientError) as refused:
            iam.create_user(UserName="another")
        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDenied")
        # The secret is nowhere but in the profile.
        for file in self.people.at.rglob("*"):
            if file.is_file() and file != self.people.credentials:
                self.assertNotIn(keys[1].encode(), file.read_bytes(), file)


class MotoAndTheSimulator(unittest.TestCase):
    maxDiff = None

    def test_the_differences_are_those_of_the_page(self):
        world = (foreign.ROOT / "tests" / "fixtures" / "moto" / "world.toml").read_text()
        simulator = foreign.Simulator(world)
        self.addCleanup(simulator.stop)
        moto = foreign.Moto(sys.executable, 1_000_000)
        self.addCleanup(moto.stop)
        keys = "AKIASIMULATEDMOTO001", "simulated-secret-of-the-administrator-00"
        ours = moto_and_simulator.questions(simulator.endpoint, keys, ACCOUNT)
        theirs = moto_and_simulator.questions(moto.endpoint, ("none", "none"), ACCOUNT)
        found = [(question, theirs[question], ours[question]) for question in ours]
        page = (foreign.ROOT / "docs" / "moto.md").read_text()
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
        self.assertEqual(found, [tuple(row[:3]) for row in rows[2:]])
        for question, moto_says, simulator_says, aws in rows[2:]:
            self.assertEqual(moto_says == simulator_says, aws == "", f"{question}: a difference needs AWS's words")


if __name__ == "__main__":
    unittest.main()
