#!/usr/bin/env python3
"""A second verifier of Countersign's bundles, for auditors: Python's standard library and `ssh-keygen`, nothing else.

It reads a bundle (`countersign export`) by journal/FORMAT.md; the number in each heading is the section there. The
first rule that is broken ends it: INVALID, with the entry and the code of section 9. It writes nothing but a temporary
file for `ssh-keygen`. LEFT, below, is what it leaves to `countersign verify`; `--help` prints it.
"""
import argparse, base64, functools, hashlib, itertools, json, re, subprocess, sys, tempfile, tomllib
from datetime import datetime, timezone

LEFT = {
    "CS0813": "the whole schema of plan and people file: only what the rules below need of it is looked at",
    "CS0815": "keys that anybody can compute, made for rehearsals, in a run that is none",
    "CS0816": "keys of a trust file, and so WITNESSED: this verifier says CLOSED",
    "CS0835": "what expressions in an operation came to: only literal parts are compared",
    "CS0860": "whose signatures an amendment needs, and what it must leave alone",
    "CS0890": "a kept head, and so DIVERGED",
}

class Refused(Exception):
    def __init__(self, code, why):
        super().__init__(why)
        self.code, self.why, self.entry = code, why, None

def need(rule, code, why):
    if not rule:
        raise Refused(code, why)

# --- Bytes and values (1) ---
HEX64, NAME, STEP = "[0-9a-f]{64}", "[a-z][a-z0-9_]*", r"(\w+)(?::([A-Za-z0-9._-]{1,64}))?/(\w+)(?:/undo/(\w+))?"

def integer(text):
    need(len(text) < 18 and abs(int(text)) < 2**53, "CS0801", f"{text[:30]} is no such integer")
    return int(text)

def walk(value, depth=0):
    """Every value inside of `value`, itself too, with the depth of nesting at which it stands."""
    yield value, depth
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(inner, depth + 1)

@functools.lru_cache(1 << 16)
def canonical(data, line=False):
    """The value of canonical JSON bytes. It writes the value anew only to refuse bytes that are not canonical."""
    try:
        value = json.loads(data.decode(), parse_int=integer, parse_float=integer, parse_constant=integer)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused("CS0801" if line else "CS0813", "not canonical JSON") from None
    inside = list(walk(value))
    deepest = max(depth + isinstance(one, (dict, list)) for one, depth in inside)
    keys = [key for one, _ in inside if isinstance(one, dict) for key in one]
    plain = not line or len(data) <= 65536 and all(re.fullmatch("[a-z0-9_]{1,64}", key) for key in keys)
    need(again == data and deepest <= (8 if line else 64) and plain, "CS0801" if line else "CS0813", "not canonical JSON")
    return value

def clock(text, form="%Y-%m-%dT%H:%M:%S.%fZ"):
    """Milliseconds since 1970; None where `text` is not a time of this very form (form None: any of RFC 3339)."""
    wanted = {None: r".*\d([Zz]|[+-]\d\d:\d\d)", "%Y-%m-%dT%H:%M:%SZ": r"[\d-]{10}T[\d:]{8}Z"}
    try:
        if not isinstance(text, str) or not re.fullmatch(wanted.get(form, r"[\d-]{10}T[\d:]{8}\.\d{3}Z"), text, re.A):
            return None
        moment = datetime.strptime(text, form).replace(tzinfo=timezone.utc) if form else datetime.fromisoformat(text)
        return round(moment.timestamp() * 1000)
    except ValueError:
        return None

def seconds(text):
    return clock(text, "%Y-%m-%dT%H:%M:%SZ")

def covers_of(step):
    return f"undo {step.split('/undo/')[0]}" if "/undo/" in step else step

def covered(pattern, step):
    """Whether what a request or statement covers holds this step. A pattern with `*` never covers an undo."""
    place = step.split("/")[0]
    wide = (f"{place}/*", f"{place.split(':')[0]}:*/*" if ":" in place else f"{place}/*")
    return pattern == covers_of(step) or "/undo/" not in step and pattern in wide

# --- Forms of values: S any text, D digest, T time, N number, P step, B boolean; `?` or null, `*` a list, `|` one of ---
FORMS = {
    "S": lambda v: isinstance(v, str), "N": lambda v: type(v) is int and v >= 0, "B": lambda v: isinstance(v, bool),
    "D": lambda v: isinstance(v, str) and re.fullmatch(HEX64, v), "T": lambda v: clock(v) is not None,
    "P": lambda v: isinstance(v, str) and re.fullmatch(STEP, v, re.A), "X": lambda v: re.fullmatch("[0-9a-f]{32}", v),
    "texts": lambda v: isinstance(v, dict) and all(isinstance(one, str) for one in v.values()),
    "counts": lambda v: isinstance(v, dict) and all(FORMS["N"](one) for one in v.values()),
    "error": lambda v: shaped(members("code S, reason S, message S, class S"), v),
    "signed": lambda v: shaped(members("statement S, signature S, key S"), v),
    # In statements, where every value is text:
    "number": lambda v: re.fullmatch("0|[1-9][0-9]{0,15}", v), "numbers": lambda v: re.fullmatch("(\\d+( \\d+)*)?", v),
    "digest": lambda v: re.fullmatch("sha256:" + HEX64, v), "digest?": lambda v: not v or FORMS["digest"](v),
    "time": lambda v: seconds(v) is not None, "root": lambda v: re.fullmatch("[A-Za-z0-9+/]{43}=", v),
}

def fits(form, value):
    if form in FORMS:
        return bool(FORMS[form](value))
    if form[-1] == "?":
        return value is None or fits(form[:-1], value)
    if form[-1] == "*":
        return isinstance(value, list) and all(fits(form[:-1], one) for one in value)
    return isinstance(value, str) and value in form.split("|")

def members(text):
    return dict(member.split() for member in text.split(", "))

def shaped(forms, value):
    return isinstance(value, dict) and value.keys() == forms.keys() and all(fits(forms[m], value[m]) for m in forms)

# --- Entry (2), entry kinds (5) ---
ENTRY = members("at T, by S?, epoch N, kind S, mono N, prev D, run X, seq N, v N")
SIGNED, ABOUT = "statement S, signature S, key S", "step P, direction do|undo"
KINDS = {kind: members(text) for kind, text in {
    "run_opened": "runbook D, values D, plan D, people D, people_signatures D?, mode live|simulated|rehearsal, program S, "
                  "host S, random S, paths texts",
    "signed_on": SIGNED + ", machine S", "signed_off": "people S*, why S",
    "session_opened": "session S, account S, arn S, session_kind S, endpoint S",
    "stage_entered": "stage S, items D?, count N", "anchor_set": "stage S, item S?, object D, proved N",
    "anchor_refused": "stage S, item S?, why S, object D?", "anchor_regained": "stage S, item S?, object D, differs S*",
    "hold_began": "hold S", "hold_proved": "hold S, object D?", "hold_ended": "hold S",
    "asked": "covers S, operations D, attempt N, performer S, summary S, again N*, approve_by T, run_by T, "
             "what approval|settle",
    "approval": SIGNED, "said": SIGNED, "break_glass": SIGNED, "handed_over": SIGNED, "witness": SIGNED,
    "request_ended": "request N, why consumed|denied|expired|amended|people_changed|rollback_started|handed_over|"
                     "performer_changed|new_attempt|anchor_changed",
    "intended": ABOUT + ", attempt N, try N, operation D, request N?, consumes N*, first N?, send_by T?",
    "outcome": ABOUT + ", attempt N, intended N?, result done|failed|not_done|in_doubt|secret_lost, output D?, "
               "request_id S?, date S?, error error?, took_ms N, found answer|probe|word|executor",
    "observed": ABOUT + ", intended N, side S, reading done|not_done|cannot_tell, object D",
    "verified": ABOUT + ", sides S*, object D?", "skipped": "stage S, item S?, step S?, why S",
    "waiting": "what approval|confirmation|task|answer|settle|performer|session|time|aws|go_on, at_step S, role S, "
               "people S*, until T?, why S",
    "waited": "step P, began B, until T?", "paused": "why S, code S", "resumed": "why S",
    "rollback_started": "to S, steps P*", "amended": "runbook D, plan D, statements signed*",
    "people_changed": "people D, statements signed*", "checkpoint": "size N, root S", "run_closed": "result S, counts counts",
}.items()}

@functools.lru_cache(1 << 16)
def entry_of(line):
    entry = dict(canonical(line, True))
    data = entry.pop("data", None)
    need(shaped(ENTRY, entry) and entry["v"] == 1, "CS0801", "not the members of an entry")
    need(shaped(KINDS.get(entry["kind"], {}), data), "CS0801", f"not the members of {entry['kind'][:40]}")
    return {**entry, "data": data}

# --- Chain and tree (3) ---
def sha(data):
    return hashlib.sha256(data).digest()

class Tree:
    def __init__(self):
        self.leaves, self.nodes = [], {}

    def node(self, at, count):
        if count == 1:
            return self.leaves[at]
        if (at, count) not in self.nodes:
            left = 1 << ((count - 1).bit_length() - 1)
            self.nodes[at, count] = sha(b"\1" + self.node(at, left) + self.node(at + left, count - left))
        return self.nodes[at, count]

# --- Signed statements (4) ---
HEAD = members("run X, mode live|simulated|rehearsal, size number, root root, runbook digest, plan digest, people digest")
TAIL = members("person S, party S, role S, nonce X, signed-at time, reason S")
TYPES = {kind: members(text) for kind, text in {
    "approval": "decision approve|deny|revoke, request number, request-leaf digest, covers S, operations digest, "
                "attempt number, performer S, summary S, again numbers, approve-by time, run-by time",
    "sign-on": "epoch number, machine S", "change": "new-runbook digest, new-plan digest, new-people digest",
    "said": "what confirmed|task|answer|evidence|settled|note|go-on, covers S, attempt number, object digest?",
    "hand-over": "to S", "break-glass": "covers S, operations digest, attempt number", "witness": "result S",
}.items()}

def unescaped(raw):
    """The text of a line's value; only its one escaped form is accepted."""
    text = re.sub(r"\\(?:\\|u\{([0-9a-f]{2,6})\})", lambda m: chr(int(m[1], 16)) if m[1] else "\\", raw)
    again = "".join(r"\\" if c == "\\" else c if " " <= c <= "~" else "\\u{%x}" % ord(c) for c in text)
    need(again == raw and not re.search("[\ud800-\udfff]", text), "CS0806", "not the one escaped form")
    return text

@functools.lru_cache(1 << 14)
def fields(kind, statement):
    """The values of a statement's lines; refuses every text but the one in which a statement is written."""
    forms = {"people": "digest", **TAIL} if kind == "people" else {**HEAD, **TYPES[kind], **TAIL}
    first, *lines = statement.split("\n")
    need(len(statement) <= 4096 and first == f"countersign {kind} v1" and len(lines) == len(forms) + 1 and not lines[-1],
         "CS0806", f"no statement of type {kind}")
    split = [line.partition(": ") for line in lines[:-1]]
    right = [key == line[0] and line[1] and fits(forms[key], line[2]) for key, line in zip(forms, split)]
    said = {key: unescaped(value) for key, _, value in split}
    need(all(right) and len(said.get("summary", "")) <= 400, "CS0806", f"a line of the {kind} is not of its form")
    return said

def strings(data, count):
    """SSH's wire form: so many strings, and what is left behind them."""
    out = []
    for _ in range(count):
        size = int.from_bytes(data[:4], "big")
        need(len(data) >= 4 + size, "CS0806", "bytes are missing")
        out, data = out + [data[4:4 + size]], data[4 + size:]
    return *out, data

def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = None
    need(data is not None and base64.b64encode(data).decode() == text, "CS0806", "base64 not in its one form")
    return data

def strong(point):
    """Bytes of a point of edwards25519, in its one encoding and not of small order."""
    y, p = int.from_bytes(point, "little") % 2**255, 2**255 - 19
    odd = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7
    need(len(point) == 32 and y < p and y not in (0, 1, p - 1, odd, p - odd), "CS0806", "a weak point or another encoding")

KEYS = {"ssh-ed25519": 2, "sk-ssh-ed25519@openssh.com": 3, "sk-ecdsa-sha2-nistp256@openssh.com": 4}

@functools.lru_cache(1 << 12)
def key_of(line):
    """The bytes of a key `type base64`."""
    kind, _, text = line.partition(" ")
    need(kind in KEYS, "CS0806", "a key of a type that is not accepted")
    blob = unbase64(text)
    name, *parts, rest = strings(blob, KEYS[kind])
    need(name == kind.encode() and not rest, "CS0806", "not a key of its type")
    need(KEYS[kind] < 3 or re.fullmatch(b"ssh:[!-~]*", parts[-1]), "CS0806", "a security key of another application")
    need(KEYS[kind] < 4 or parts[0] == b"nistp256" and len(parts[1]) == 65 and parts[1][0] == 4, "CS0806", "another curve")
    if KEYS[kind] < 4:
        strong(parts[0])
    return blob

@functools.lru_cache(1 << 15)
def good(key, namespace, statement, signature):
    """Refuses all but a good signature; gives the flags of a security key. Cached, because OpenSSH takes its time."""
    blob, kind, armour = key_of(key), key.split(" ")[0], signature.split("\n")
    need(armour[0] == "-----BEGIN SSH SIGNATURE-----" and armour[-2:] == ["-----END SSH SIGNATURE-----", ""]
         and re.findall(".{1,70}", "".join(armour[1:-2])) == armour[1:-2], "CS0806", "not armoured as ssh-keygen does it")
    data = unbase64("".join(armour[1:-2]))
    by, space, reserved, algorithm, inner, rest = strings(data[10:], 5)
    need(data[:10] == b"SSHSIG\0\0\0\1" and (by, space) == (blob, namespace.encode()) and not reserved + rest
         and algorithm in (b"sha512", b"sha256"), "CS0806", "another key, namespace or form of signature")
    name, proper, rest = strings(inner, 2)
    need(name == kind.encode() and len(rest) == (0 if KEYS[kind] == 2 else 5), "CS0806", "a signature of another type")
    if KEYS[kind] < 4:
        strong(proper[:32])
        need(int.from_bytes(proper[32:], "little") < 2**252 + 0x14def9dea2f79cd65812631a5cf5d3ed and len(proper) == 64,
             "CS0806", "a signature in another encoding")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(signature)
        file.flush()
        call = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", file.name]
        need(subprocess.run(call, input=statement.encode(), capture_output=True).returncode == 0, "CS0806", "a bad signature")
    return rest[0] if rest else 0

# --- Objects (6) ---
@functools.lru_cache(1 << 10)
def people_of(data):
    """The people file: by id party, roles and keys' bytes; and who may break the glass."""
    file = tomllib.loads(data.decode())
    people = {who: (one["party"], set(one["roles"]), {key_of(" ".join(line.split()[:2])) for line in one["keys"]})
              for who, one in file["people"].items()}
    keys = [key for *_, keys in people.values() for key in keys]
    need(file["schema"] == 1 and len(set(keys)) == len(keys), "CS0813", "a people file in which a key has two owners")
    return people, file.get("break_glass", {}).get("people", [])

def templated(template, value):
    """Whether a template's literal parts are in `value`: everything but what stands for a `${...}`."""
    if isinstance(template, str) and "${" in template:
        parts = re.split(r"\$\{[^}]*\}", template)
        return parts == ["", ""] or isinstance(value, str) and bool(re.fullmatch(".*".join(map(re.escape, parts)), value, re.S))
    if isinstance(template, dict) and isinstance(value, dict):
        return template.keys() == value.keys() and all(templated(template[key], value[key]) for key in template)
    if isinstance(template, list) and isinstance(value, list):
        return len(template) == len(value) and all(map(templated, template, value))
    return template == value and type(template) is type(value)

def filled(demands, voices):
    """Whether each demand has its people from its parties, one person filling one place in all (8)."""
    if not demands:
        return True
    first, *others = demands
    able = [voice for voice in voices if voice["role"] in first["role"].split("|")]
    return first["from_parties"] <= first["count"] and any(
        len({voice["party"] for voice in chosen}) >= first["from_parties"]
        and filled(others, [voice for voice in voices if voice not in chosen])
        for chosen in itertools.combinations(able, first["count"]))

# --- The rules (8, 9) ---
class Run:
    def __init__(self, run, lines, objects):
        self.run, self.lines, self.objects, self.tree, self.entries, self.force = run, lines, objects, Tree(), [], []
        self.floor, self.epoch, self.dates = 0, 0, [0, 0]
        self.used, self.on, self.stages, self.anchors, self.requests, self.holds = set(), set(), {}, {}, {}, set()
        self.begun, self.last, self.said, self.skips, self.spent, self.glass = {}, {}, [], set(), set(), []
        self.closed = self.successor = None

    def verify(self):
        for seq, line in enumerate(self.lines):
            try:
                self.entry(seq, line)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
                error = Refused("CS0813", f"an object that it needs is not of its form: {error!r}"[:200])
                error.entry = seq
                raise error from None
            except Refused as error:
                error.entry = seq
                raise
        need(len(self.lines) > 1, "CS0805", "the run does not open with two entries")

    def entry(self, seq, line):
        entry = entry_of(line)
        kind, data, at, by = entry["kind"], entry["data"], clock(entry["at"]), entry["by"]
        prev = self.tree.leaves[-1].hex() if seq else "0" * 64
        need((entry["run"], entry["seq"], entry["prev"]) == (self.run, seq, prev), "CS0802", "the chain is broken")
        need(not seq or at >= clock(self.entries[-1]["at"]), "CS0803", "time goes back")
        need((kind == "run_opened") == (seq == 0) and (seq != 1 or kind == "signed_on" and by == self.entries[0]["by"]),
             "CS0805", "the run does not open as it must, or opens twice")
        need(not self.closed or kind in ("witness", "checkpoint"), "CS0852", f"{kind} after run_closed")
        need(not self.successor or kind == "signed_on" and by == self.successor, "CS0853", f"{kind} after handed_over")
        new = entry["epoch"] > self.epoch
        need(entry["epoch"] >= self.epoch and (seq < 2 or not new or kind == "signed_on"), "CS0804", "the epoch")
        if new and seq > 1:
            self.on = set()
        self.floor, self.epoch, self.now, self.seq, self.by = max(self.floor, at), entry["epoch"], at, seq, by
        self.entries.append(entry)
        self.statement = self.voice(kind.replace("_", "-"), data) if data.keys() >= {"statement", "key"} else None
        getattr(self, {"said": "word"}.get(kind, kind), lambda _: None)(data)
        self.floor, self.dates = max(self.floor, *self.dates), [0, 0]
        self.tree.leaves.append(sha(b"\0" + line))
        self.force.append((self.runbook, self.plan_digest, self.people_digest))

    def object(self, digest):
        data = self.objects.get(digest)
        need(data is not None, "CS0812", f"the object {digest} is missing")
        return data

    def root(self, size):
        return base64.b64encode(self.tree.node(0, size)).decode()

    def voice(self, kind, data, people=None):
        """A signed statement in an entry: its signature, its history, its person (4)."""
        kind = {"signed-on": "sign-on", "handed-over": "hand-over"}.get(kind, kind)
        text, key = data["statement"], data["key"]
        said = {**fields(kind, text), "flags": good(key, f"{kind}-v1@countersign", text, data["signature"])}
        if kind != "people":
            size = int(said["size"])
            need(1 <= size <= self.seq and (self.seq > 1 or size == 1) and said["root"] == self.root(size)
                 and (said["run"], said["mode"]) == (self.run, self.mode), "CS0807", "a statement over another history")
            force = tuple(said[name][7:] for name in ("runbook", "plan", "people"))
            need(force == self.force[size - 1], "CS0807", "a statement under other digests in force")
            need(people or said["person"] == self.by, "CS0810", "an entry in another's name")
        party, roles, keys = (people or self.people).get(said["person"], (None, (), ()))
        need(said["party"] == party and key_of(key) in keys and (said["role"] in roles or not said["role"]),
             "CS0808", "person, party, role or key are not the people file's")
        need(not {text, said["nonce"]} & self.used, "CS0809", "a statement or nonce is used twice")
        self.used |= {text, said["nonce"]}
        need(seconds(said["signed-at"]) <= self.now + 120_000, "CS0811", "its clock is ahead")
        self.dates.append(seconds(said["signed-at"]))
        return said

    # Opening, seat, sessions, changes.
    def in_force(self, runbook, plan, people):
        self.runbook, self.plan_digest, self.people_digest = runbook, plan, people
        self.object(runbook)
        self.plan, (self.people, self.glaziers) = canonical(self.object(plan)), people_of(self.object(people))
        steps = [(step, undo) for stage in self.plan["stages"] for step in stage["steps"] for undo in step["back"]["undo"]]
        steps = [step for stage in self.plan["stages"] for step in stage["steps"]] + [undo for _, undo in steps]
        for step in steps:
            text = json.dumps(step["template"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            need(step["template_digest"] == hashlib.sha256(text.encode()).hexdigest(), "CS0813", "an altered template")
        need(self.plan["plan"] == 1 and self.plan["runbook"] == runbook, "CS0813", "a plan for another runbook")

    def run_opened(self, data):
        self.starter, self.mode = self.by, data["mode"]
        self.in_force(data["runbook"], data["plan"], data["people"])
        self.object(data["values"])
        need((self.plan["values"], self.plan["people"]) == (data["values"], data["people"]), "CS0813", "another plan")
        parties = {party for party, *_ in self.people.values()}
        if self.mode != "rehearsal" and len(parties) > 1:
            need(self.objects.get(data["people_signatures"]), "CS0814", "nobody has signed the people file")
            signed = [self.voice("people", one) for one in canonical(self.object(data["people_signatures"]))["signatures"]]
            need({one["party"] for one in signed} >= parties and {one["people"][7:] for one in signed} == {data["people"]},
                 "CS0814", "not every party has signed the people file")

    def signed_on(self, data):
        said = self.statement
        need(int(said["epoch"]) == self.epoch, "CS0804", "a sign-on for another epoch")
        need(said["machine"] == data["machine"], "CS0810", "another machine")
        self.on, self.successor = self.on | {self.by}, None

    def signed_off(self, data):
        self.on = self.on - set(data["people"])

    def session_opened(self, data):
        session = self.plan["sessions"].get(data["session"])
        need(session and (not session["kinds"] or data["session_kind"] in session["kinds"]), "CS0856", "not a session of the plan")
        aws = r"https://[a-z0-9.-]+\.(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)(:443)?/?"
        need(self.mode != "live" or re.fullmatch(aws, data["endpoint"]), "CS0856", "an endpoint that is not AWS's")

    def handed_over(self, data):
        self.successor = self.statement["to"]
        self.end_requests()

    def rollback_started(self, data):
        self.end_requests()

    def end_requests(self):
        for request in self.requests.values():
            request["ended"] = True

    def amended(self, data):
        self.change(data, data["runbook"], data["plan"], self.people_digest)

    def people_changed(self, data):
        self.change(data, self.runbook, self.plan_digest, data["people"])

    def change(self, data, runbook, plan, people):
        new, _ = people_of(self.object(people))
        signed = [self.voice("change", one, {**new, **self.people}) if "runbook" in data else self.voice("change", one, new)
                  for one in data["statements"]]
        for said in signed:
            force = tuple(said[name][7:] for name in ("new-runbook", "new-plan", "new-people"))
            need(force == (runbook, plan, people), "CS0860", "signed for another change")
        who = {said["person"] for said in signed}
        same = {one for one in who if new.get(one) == self.people.get(one)}
        need("runbook" in data or {new[one][0] for one in same} >= {party for party, *_ in self.people.values()}
             and who >= {one for one in new if new[one] != self.people.get(one)}, "CS0860", "a signature is missing")
        self.end_requests()
        self.in_force(runbook, plan, people)

    # Stages, anchors, holds.
    def stage_entered(self, data):
        stage = self.stage(data["stage"])
        need((data["items"] is None) == (stage["for_each"] is None), "CS0830", "items of a stage that has none, or none")
        items = None if data["items"] is None else canonical(self.object(data["items"]))
        need(items is None or stage["items"] in (None, items), "CS0830", "items that are not the plan's")
        self.stages[stage["id"]] = [None] if items is None else [item["key"] for item in items]
        need(data["count"] == len(self.stages[stage["id"]]), "CS0830", "another count of items")

    def stage(self, name):
        found = [stage for stage in self.plan["stages"] if stage["id"] == name]
        need(found, "CS0830", f"the plan has no stage {name[:40]}")
        return found[0]

    def step(self, name, code="CS0830"):
        """Stage, item, step in the plan, and the step that it takes back or is."""
        stage, item, step, undo = re.fullmatch(STEP, name, re.A).groups()
        need(item in self.stages.get(stage, [None] if not item else []), code, f"{name} is of no stage or item of the run")
        stage = self.stage(stage)
        found = [one for one in stage["steps"] if one["id"] == step]
        exact = [one for one in (found[0]["back"]["undo"] if undo else found) if one["id"] == (undo or step)] if found else []
        need(exact, code, f"the plan has no step {name}")
        return stage, item, exact[0], found[0]

    def anchor_set(self, data):
        anchor = self.stage(data["stage"])["anchor"]
        need(anchor and data["proved"] == len(anchor["prove"]), "CS0831", "an anchor without all its proofs")
        place = data["stage"] + (f":{data['item']}" if data["item"] else "")
        if self.anchors.get(place, data["object"]) != data["object"]:
            for request in self.requests.values():
                request["void"].add(place)
        self.anchors[place] = data["object"]

    def anchored(self, name, stage, step):
        need(not step["mutates"] or not stage["anchor"] or name.split("/")[0] in self.anchors,
             "CS0831", f"{name} before the anchor of its stage stands")

    def hold_began(self, data):
        self.holds.add(data["hold"])

    def hold_ended(self, data):
        self.holds.discard(data["hold"])

    # Requests and decisions.
    def asked(self, data):
        if data["what"] == "settle":
            self.object(data["operations"])
            name = data["covers"]
            stage, item, step, forward = self.step(name, "CS0820")
            listed, demands = [{"step": name}], step["approvals"]
            if not forward["back"]["point_of_no_return"] and demands:
                demands = [{"role": "|".join(one["role"] for one in demands), "count": 1, "from_parties": 1,
                            "within": min(one["within"] for one in demands),
                            "run_within": min(one["run_within"] for one in demands)}]
        else:
            listed = canonical(self.object(data["operations"]))
            need(isinstance(listed, list) and listed, "CS0813", "no list of operations")
            demands = self.together(data, listed)
        need(data["performer"] in self.on, "CS0820", "its performer is not signed on")
        for seq in data["again"]:
            before = self.requests.get(seq)
            need(before and before["data"]["covers"] == data["covers"] and before["ended"], "CS0820", "no predecessor")
        within = min((one["within"] for one in demands), default=0)
        run_within = min((one["run_within"] for one in demands), default=0)
        approve_by, run_by = clock(data["approve_by"]), clock(data["run_by"])
        need(approve_by <= self.now + within + 1000 and run_by <= approve_by + run_within + 1000, "CS0822", "too long")
        self.requests[self.seq] = {"data": data, "listed": listed, "demands": demands, "approve_by": approve_by, "void": set(),
                                   "run_by": run_by, "run_within": run_within, "voices": [], "ended": False}

    def together(self, data, listed):
        """What the plan demands for operations that are asked for in one request."""
        form = members("covers S, step P, direction do|undo, attempt N, performer S")
        steps = [self.step(one["step"], "CS0820") for one in listed if fits("P", one["step"])]
        demands, performer = steps[0][2]["approvals"], steps[0][2]["performer"]
        reach = min(("step", "item", "stage").index(one["per"]) for one in demands) if demands else 2
        for one, (stage, item, step, forward) in zip(listed, steps, strict=True):
            need(shaped(form, {key: one[key] for key in one if key != "operation"}), "CS0813", "operations of another form")
            need(one["covers"] == covers_of(one["step"]) and covered(data["covers"], one["step"])
                 and one["performer"] == data["performer"] and (one["direction"] == "undo") == ("/undo/" in one["step"])
                 and one["attempt"] == data["attempt"], "CS0820", "the request does not say what it asks for")
            need(templated(step["template"], one["operation"]), "CS0820", "an operation that is not the plan's")
            need((step["approvals"], step["performer"]) == (demands, performer), "CS0820", "steps of different approvals")
            need(len(listed) == 1 or not step["back"]["point_of_no_return"], "CS0820", "a point of no return stands alone")
            wide = 0 if "/undo/" in data["covers"] + one["step"] else reach
            need(wide == 2 or len({covers_of(o["step"]) if not wide else o["step"].split("/")[0] for o in listed}) == 1,
                 "CS0820", "it reaches too far")
            self.anchored(one["step"], stage, step)
        need(len({one["step"] for one in listed}) == len(listed), "CS0820", "a step twice")
        need(performer in self.people[data["performer"]][1], "CS0820", "the performer does not hold the role")
        return demands

    def performers(self, request):
        """Who performs what a request covers: they approve none of it (8)."""
        names = [one["step"] for one in request["listed"]]
        return {request["data"]["performer"]} | {
            said["person"] for said in self.said
            if said["what"] in ("confirmed", "task", "answer", "evidence") and any(covered(said["covers"], n) for n in names)}

    def barred(self, request, who):
        roles = self.people[who][1]
        return (who in self.performers(request) or self.plan["exclude_starter"] and who == self.starter
                or any(len(roles & set(apart)) > 1 for apart in self.plan["apart"]))

    def approval(self, _):
        said = self.statement
        request = self.requests.get(int(said["request"]))
        need(request and not request["ended"] and int(said["size"]) > int(said["request"]), "CS0821", "no open request")
        data, role, decision = request["data"], said["role"], said["decision"]
        again = " ".join(map(str, data["again"]))
        times = [clock(data[name]) // 1000 == seconds(said[name.replace("_", "-")]) // 1000 for name in ("approve_by", "run_by")]
        need(said["request-leaf"][7:] == self.tree.leaves[int(said["request"])].hex()
             and said["operations"][7:] == data["operations"] and int(said["attempt"]) == data["attempt"] and all(times)
             and (said["covers"], said["performer"], said["summary"], said["again"])
             == (data["covers"], data["performer"], data["summary"], again), "CS0821", "it is not what the request says")
        need(any(role in one["role"].split("|") for one in request["demands"]), "CS0821", "a role that is not asked for")
        need(not self.barred(request, said["person"]), "CS0821", "somebody who may not approve this")
        until = request["approve_by"] if decision == "approve" else request["run_by"]
        need(max(seconds(said["signed-at"]), self.floor) <= until, "CS0821", "too late")
        proof = self.plan["roles"][role]["proof"]
        need(decision != "approve" or proof == "signature" or proof == "user_verified" and said["flags"] & 5 == 5,
             "CS0821", "without the proof that its role demands")
        earlier = [voice["decision"] for voice in request["voices"] if voice["person"] == said["person"]]
        need(earlier == (["approve"] if decision == "revoke" else []), "CS0821", "decided before, or nothing to revoke")
        request["voices"].append({**said, "seq": self.seq})
        request["ended"] = request["ended"] or decision == "deny"

    def standing(self, request):
        """The approvals that count now."""
        revoked = {voice["person"] for voice in request["voices"] if voice["decision"] == "revoke"}
        return [voice for voice in request["voices"] if voice["decision"] == "approve" and voice["person"] not in revoked
                and not self.barred(request, voice["person"])]

    def request_ended(self, data):
        request = self.requests.get(data["request"], {"voices": [], "approve_by": self.now, "run_by": self.now})
        denied = any(voice["decision"] == "deny" for voice in request["voices"])
        need(data["why"] != "denied" or denied, "CS0823", "nobody has denied it")
        need(data["why"] != "expired" or self.floor > request["approve_by"], "CS0823", "it has not expired")
        request["ended"] = True

    def break_glass(self, _):
        said = self.statement
        need(said["person"] in self.glaziers and said["person"] not in self.on and said["reason"].strip(), "CS0861",
             "break-glass by somebody who may not, or without a reason")
        self.glass.append((said["covers"], said["operations"][7:], int(said["attempt"])))

    def word(self, _):
        said = self.statement
        need(bool(said["object"]) != (said["what"] in ("note", "go-on")), "CS0810", "a word without its object, or with one")
        self.said.append(said)

    # Operations.
    def intended(self, data):
        name, seq, request = data["step"], self.seq, self.requests.get(data["request"])
        stage, item, step, forward = self.step(name)
        undo, before = "/undo/" in name, self.begun.get(name, [])
        need((data["direction"] == "undo") == undo and (not undo or name.split("/undo/")[0] in self.begun), "CS0830", "direction")
        self.anchored(name, stage, step)
        last = before[-1] if before else {"attempt": 0, "try": 0, "result": "failed"}
        need(last["result"] not in (None, "in_doubt"), "CS0832", "its last operation is open")
        roles = self.people.get(self.by, (None, set()))[1]
        users = self.plan["sessions"].get(step["session"], {"used_by": []})["used_by"]
        need(self.by in self.on and step["performer"] in roles and (not users or roles & set(users)), "CS0838", "by whom")
        first = [one for one in before if one["attempt"] == data["attempt"]]
        need(data["attempt"] == last["attempt"] + (not first) and data["try"] == len(first) + 1
             and data["first"] == (first[0]["seq"] if first else None)
             and (not first or last["result"] == "not_done"), "CS0837", "attempts or tries do not count up")
        operation, limit = canonical(self.object(data["operation"])), self.now + 30_000
        need(templated(step["template"], operation) and (not first or first[0]["operation"] == data["operation"]),
             "CS0835", "not the plan's operation, or another in a later try")
        if step["approvals"] or data["request"] is not None:
            limit = min(limit, self.granted(data, name, request, first, operation))
        need(not data["consumes"] or request, "CS0833", "approvals of no request")
        send_by = clock(data["send_by"]) if data["send_by"] else None
        need(self.floor <= limit and (send_by is None if "manual" in step["body"] else send_by and send_by <= limit),
             "CS0836", "begun or to be sent too late")
        asked = request["data"]["operations"] if request else data["operation"]
        need(not step["confirm"] or any(said["what"] == "confirmed" and said["person"] == self.by and covered(said["covers"], name)
             and int(said["attempt"]) == data["attempt"] and said["object"][7:] == asked for said in self.said),
             "CS0839", "without its performer's confirmation")
        self.begun[name] = before + [{**data, "seq": seq, "result": None}]

    def granted(self, data, name, request, first, operation):
        """Whether the approvals that an operation spends are those that it needs; until when it may begin."""
        need(request and request["data"]["what"] == "approval" and (not request["ended"] or first)
             and name.split("/")[0] not in request["void"], "CS0833", "no request, or one that has ended")
        asked = [one for one in request["listed"] if one["step"] == name and one["attempt"] == data["attempt"]]
        need(asked, "CS0833", "a request for something else")
        need(templated(asked[0]["operation"], operation), "CS0835", "not the operation that was approved")
        spent, consumes = {(seq, name) for seq in data["consumes"]}, data["consumes"]
        need(not spent & self.spent and (not first or not consumes), "CS0834", "approvals spent twice")
        self.spent |= spent
        chosen = [voice for voice in self.standing(request) if voice["seq"] in (first[0]["consumes"] if first else consumes)]
        waived = (request["data"]["covers"], request["data"]["operations"], request["data"]["attempt"]) in self.glass
        need(len(chosen) == len((first[0] if first else data)["consumes"]) and (waived or filled(request["demands"], chosen)
             and len(chosen) == sum(one["count"] for one in request["demands"])), "CS0833", "not granted by these approvals")
        return min([request["run_by"]] + [seconds(voice["signed-at"]) + request["run_within"] for voice in chosen][-1:])

    def operation(self, data):
        """The operation that an outcome or observation is about."""
        found = [one for one in self.begun.get(data["step"], []) if one["seq"] == data["intended"]]
        need(found and found[0]["direction"] == data["direction"] and found[0]["result"] in (None, "in_doubt")
             and data.get("attempt", found[0]["attempt"]) == found[0]["attempt"], "CS0841", "of no open operation")
        return found[0]

    def observed(self, data):
        self.operation(data)

    def outcome(self, data):
        stage, item, step, forward = self.step(data["step"])
        need(data["intended"] is not None or not step["mutates"], "CS0840", "an outcome of what was never begun")
        date = clock(data["date"], None) if data["date"] else 0
        need(date is not None, "CS0841", "a date that is none")
        self.dates.append(date)
        body, done = step["body"], data["result"] == "done"
        people = body.get("manual", {"performers": []})["performers"] or [step["performer"]] if isinstance(body, dict) else []
        what = next((word for key, word in (("manual", "task"), ("ask", "answer")) if key in body), None)
        words = {said["person"] for said in self.said if said["what"] == what and covered(said["covers"], data["step"])
                 and int(said["attempt"]) == data["attempt"]}
        need(not what or not done or all(any(role in self.people[who][1] for who in words if who in self.people)
                                         for role in people), "CS0843", "without its performers' signed word")
        if data["found"] == "word" and not what:
            need(any(r["data"]["what"] == "settle" and r["data"]["covers"] == data["step"] and not r["ended"]
                     and r["data"]["attempt"] == data["attempt"] and filled(r["demands"], self.standing(r)) and
                     canonical(self.object(r["data"]["operations"]))["result"] == data["result"]
                     for r in self.requests.values()), "CS0842", "settled by word without a granted settlement")
        if data["intended"] is not None:
            self.operation(data)["result"] = data["result"]
        self.last[data["step"]] = data["result"]

    def skipped(self, data):
        self.skips.add((data["stage"], data["item"], data["step"]))

    # The end.
    def checkpoint(self, data):
        need(1 <= data["size"] <= self.seq and data["root"] == self.root(data["size"]), "CS0854", "not the root")

    def steps(self):
        """Each step that is to be done, and whether it is."""
        for stage in self.plan["stages"]:
            for item in self.stages.get(stage["id"], [None]):
                for step in stage["steps"]:
                    place = stage["id"] + (f":{item}" if item else "")
                    skipped = {(stage["id"], None, None), (stage["id"], item, None), (stage["id"], item, step["id"])} & self.skips
                    name = f"{place}/{step['id']}"
                    undone = [self.last.get(f"{name}/undo/{one['id']}") == "done" for one in step["back"]["undo"]]
                    if not skipped:
                        yield step, self.last.get(name) == "done", any(undone)

    def run_closed(self, data):
        open_ = [one for some in self.begun.values() for one in some if one["result"] in (None, "in_doubt")]
        need(not open_ and not self.holds, "CS0850", "an operation is open or in doubt, or a hold is not released")
        kinds = [entry["kind"] for entry in self.entries[:-1]]
        need(data["counts"] == {kind: kinds.count(kind) for kind in kinds}, "CS0851", "counts that are not true")
        need(data["result"] in ("done", "rolled_back", "abandoned"), "CS0851", "no such result")
        need(data["result"] != "done" or all(done and not undone for _, done, undone in self.steps()), "CS0851", "not done")
        need(data["result"] != "rolled_back" or not any(step["mutates"] and done and step["back"]["undo"] and not undone
             for step, done, undone in self.steps()), "CS0851", "a step still stands")
        self.closed = data["result"]

    def witness(self, _):
        need(self.closed and self.statement["result"] == self.closed, "CS0851", "a witness of another result")

# --- Bundle (7) ---
def bundle_of(data):
    lines, objects, last = data.split(b"\n"), {}, ""
    need(lines.pop() == b"" and lines, "CS0801", "the newline at the end is missing")
    head = canonical(lines[0], True)
    need(isinstance(head, dict) and head == {"bundle": 1, "run": head.get("run")} and fits("X", head["run"]), "CS0801", "no bundle")
    count = next((at for at, line in enumerate(lines) if line.startswith(b'{"base64":')), len(lines))
    for line in lines[count:]:
        one = canonical(line)
        need(shaped(members("base64 S, sha256 D"), one) and one["sha256"] > last, "CS0801", "not an object line in its place")
        last, content = one["sha256"], unbase64(one["base64"])
        need(hashlib.sha256(content).hexdigest() == last, "CS0812", "an object with another digest")
        objects[last] = content
    return Run(head["run"], lines[1:count], objects)

def verdict(data):
    """What `countersign verify` says, without a trust file and a kept head (10)."""
    try:
        run = bundle_of(data)
        run.verify()
    except Refused as error:
        return {"verdict": "INVALID", "code": error.code, "entry": error.entry, "why": error.why}
    return {"verdict": "CLOSED" if run.closed else "OPEN", "entries": len(run.lines), "break_glass": bool(run.glass)}

def main():
    about = "Left to `countersign verify`:\n" + "".join(f"  {code}  {what}\n" for code, what in LEFT.items())
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], epilog=about, formatter_class=form)
    parser.add_argument("bundle", help="a file that `countersign export` has written")
    parser.add_argument("--json", action="store_true", help="the verdict as one line of JSON")
    args = parser.parse_args()
    with open(args.bundle, "rb") as file:
        found = verdict(file.read())
    print(json.dumps(found) if args.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    sys.exit({"INVALID": 6, "OPEN": 4}.get(found["verdict"], 4 if found["break_glass"] else 0))

if __name__ == "__main__":
    main()
