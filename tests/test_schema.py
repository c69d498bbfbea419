"""The schemas of `countersign schema` against every file of the repository: what the reader takes, they take; what is
wrong in shape, they refuse. Then the same with Taplo, the validator inside the TOML editors."""

import json
import os
import pathlib
import subprocess
import tempfile
import tomllib
import unittest

from jsonschema import Draft7Validator

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ["COUNTERSIGN_BIN"]
TAPLO = os.environ["COUNTERSIGN_TEST_TAPLO"]
BROKEN = ROOT / "tests/fixtures/broken"
# Codes of shape that a schema can know of; the others need the whole file, or another one.
SHAPE = {"CS0103", "CS0104", "CS0105", "CS0106", "CS0109", "CS0111"}


def run(*words, cwd=ROOT):
    return subprocess.run([PROGRAM, *words], cwd=cwd, capture_output=True, text=True, check=False)


def schema(*words):
    done = run("schema", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(path):
    return tomllib.loads(path.read_text())


def faults(which, document):
    # Dates of TOML are text to a schema.
    return [error.message for error in Draft7Validator(which).iter_errors(json.loads(json.dumps(document, default=str)))]


class Schemas(unittest.TestCase):
    def setUp(self):
        self.runbook, self.people, self.world = schema("runbook"), schema("people"), schema("world")

    def test_they_are_schemas(self):
        for one in (self.runbook, self.people, self.world):
            Draft7Validator.check_schema(one)

    def test_good_files_pass(self):
        kinds = ROOT / "tests/fixtures/kinds"
        books = [*ROOT.glob("runbooks/*.toml"), ROOT / "tests/fixtures/good/everything.toml", *kinds.glob("*.toml")]
        seen = {"people": 0, "values": 0, "runbook": 0}
        for path in books:
            if path.name.endswith("people.toml"):
                kind, which = "people", self.people
            elif path.name.endswith(".values.toml"):
                kind, which = "values", schema("values", str(path).replace(".values", ""))
            else:
                kind, which = "runbook", self.runbook
            seen[kind] += 1
            self.assertEqual(faults(which, read(path)), [], path)
        self.assertGreaterEqual(min(seen.values()), 1, seen)
        worlds = [*ROOT.glob("runbooks/worlds/*.toml"), *kinds.glob("worlds/*.toml")]
        for path in worlds:
            self.assertEqual(faults(self.world, read(path)), [], path)

    def test_files_of_broken_shape_fail(self):
        """Each broken runbook or people file with an error of shape is refused; the messages of the reader say which."""
        seen = 0
        for expected in sorted(BROKEN.glob("*.expected")):
            path = expected.with_suffix(".toml")
            codes = {part.split("]")[0] for part in expected.read_text().split("error[")[1:]}
            if not codes & SHAPE or not path.exists() or path.name.startswith(("values_", "world")):
                continue
            # Below `with` stand AWS's names, of which the schema knows none.
            if path.name == "key_below_with.toml":
                continue
            try:
                document = read(path)
            except tomllib.TOMLDecodeError:
                continue
            seen += 1
            which = self.people if path.name.startswith("people_") else self.runbook
            self.assertNotEqual(faults(which, document), [], f"{path.name}: {codes}")
        self.assertGreaterEqual(seen, 10)

    def test_files_without_errors_of_shape_pass_even_where_check_refuses_them(self):
        """What is wrong in meaning only is not the schema's."""
        seen = 0
        for name in ("no_way_back", "no_anchor", "hazards", "unknown_action", "long_waits"):
            path = BROKEN / f"{name}.toml"
            self.assertEqual(faults(self.runbook, read(path)), [], name)
            seen += 1
        self.assertEqual(seen, 5)

    def test_broken_values_fail(self):
        which = schema("values", "runbooks/move_member_accounts.toml")
        good = read(ROOT / "runbooks/move_member_accounts.values.toml")
        self.assertEqual(faults(which, good), [])
        row = good["accounts"][0]
        for change in (
            {"old_management": "1111"},
            {"old_management": 111111111111},
            {"no_such": "x"},
            {"accounts": [{**row, "id": "x"}]},
            {"accounts": [{key: value for key, value in row.items() if key != "name"}]},
            {"accounts": [{**row, "more": 1}]},
        ):
            self.assertNotEqual(faults(which, {**good, **change}), [], change)

    def test_broken_worlds_fail(self):
        for text in ("acounts = []", "[clock]\nkind = 'slow'", "[[faults]]\non = '*'\nkind = 'gone'", "[[accounts]]\nid = '1'"):
            self.assertNotEqual(faults(self.world, tomllib.loads("schema = 1\n" + text)), [], text)

    def test_the_types_are_those_of_the_reader(self):
        """Each type's pattern takes and refuses what `check` takes and refuses as a default."""
        samples = {
            "account_id": ["111122223333", "1111", "11112222333a"],
            "organization_id": ["o-oldorg11111", "o-UPPER11111", "o-"],
            "root_id": ["r-ab12", "r-", "r-ab"],
            "ou_id": ["ou-ab12-11111111", "ou-ab12", "ou-ab12-1"],
            "policy_id": ["p-FullAWSAccess", "p-1"],
            "handshake_id": ["h-examplehandshakeid111", "h-1"],
            "arn": ["arn:aws:iam::111122223333:mfa/carol", "arn:aws", "arn:aws:iam::1:a b"],
            "email": ["a@example.com", "a@b", "a b@example.com", "@example.com"],
            "role_name": ["Admin", "a/b", ""],
            "duration": ["4d", "1h30m", "4 days", "5"],
            "integer": [3, "3", True],
            "boolean": [True, "true", 1],
        }
        pairs = [(kind, value) for kind, values in samples.items() for value in values]
        head = "schema = 1\n[runbook]\nname = 'x'\n[roles]\nr = {}\n[[stages]]\nid = 's'\n[[stages.steps]]\nid = 't'\n"
        head += "kind = 'manual'\nperformer = 'r'\nmutates = false\ninstructions = 'Look'\n[parameters]\n"
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "x.toml").write_text(head + "".join(f"p{at} = {{ type = '{kind}' }}\n" for at, (kind, _) in enumerate(pairs)))
            which = json.loads(run("schema", "values", "x.toml", cwd=place).stdout)
            defaults = (f"p{at} = {{ type = '{kind}', default = {json.dumps(value)} }}\n" for at, (kind, value) in enumerate(pairs))
            (place / "x.toml").write_text(head + "".join(defaults))
            found = json.loads(run("check", "x.toml", "--format", "json", cwd=place).stdout)
        first = head.count("\n") + 1
        refused = {one["line"] - first for one in found if one["severity"] == "error"}
        self.assertGreater(len(refused), 10)
        for at, (kind, value) in enumerate(pairs):
            one = which["properties"][f"p{at}"]
            self.assertEqual(bool(faults(one, value)), at in refused, (kind, value))


class Editors(unittest.TestCase):
    """Taplo reads the `#:schema` line of each file, as Even Better TOML does."""

    def lint(self, folder, names):
        words = [TAPLO, "lint", "--no-auto-config", *map(str, names)]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def test_a_new_repository_is_linted_offline(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("init", folder).returncode, 0)
            root = pathlib.Path(folder)
            files = sorted(path.relative_to(root) for path in (root / "runbooks").rglob("*.toml"))
            self.assertEqual(len(files), 4)
            code, said = self.lint(folder, files)
            self.assertEqual(code, 0, said)
            for name, old, new in (
                ("move_account.toml", 'kinds = ["role", "user"]', 'kinds = ["rolle"]'),
                ("move_account.values.toml", '"111122223333"', '"1111"'),
                ("people.toml", "party =", "partei ="),
                ("worlds/move_account.toml", 'kind = "user"', 'kind = "person"'),
            ):
                path = root / "runbooks" / name
                good = path.read_text()
                self.assertIn(old, good)
                path.write_text(good.replace(old, new, 1))
            code, said = self.lint(folder, files)
            self.assertNotEqual(code, 0)
            for word in ("rolle", '"1111"', "partei", '"person"'):
                self.assertIn(word, said)


if __name__ == "__main__":
    unittest.main()
