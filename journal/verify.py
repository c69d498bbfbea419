#!/usr/bin/env python3
"""A second verifier of Countersign's bundles, for auditors: Python's standard library and `ssh-keygen`, nothing else.

It reads a bundle (`countersign export`) by journal/FORMAT.md; the number in each heading is the section there. The
first rule that is broken ends it: INVALID, with the entry and the code of section 9. It writes nothing but a temporary
file for `ssh-keygen`. What it leaves to `countersign verify` is listed in LEFT, by code, and by `--help`."""
import argparse, base64, collections, functools, hashlib, itertools, json, re, subprocess, sys, tempfile, tomllib
from datetime import datetime, timezone

LEFT = {
    "CS0813": "whether plan and people file have all that they must: it reads what its own rules need",
    "CS0815": "rehearsal keys in a run that is no rehearsal",
    "CS0816": "trust files (and so WITNESSED)", "CS0890": "kept heads (and so DIVERGED)", "CS0822": "a request's clocks",
    "CS0820": "what the plan lets one ask for together, and for which operation", "CS0835": "expressions in operations",
    "CS0839": "confirmations", "CS0842": "what is settled by word", "CS0843": "the words of a task's performers",
    "CS0851": "whether steps came to the result", "CS0856": "sessions and endpoints", "CS0861": "who may break the glass",
    "CS0860": "whose signatures an amendment or a change of people needs",}

class Refused(Exception):
    """A rule is broken: its code, why, and the entry."""

def need(rule, code, why):
    if not rule:
        raise Refused(code, why, None)

# --- Bytes and values (1) ---
NAME, KEY = "[a-z][a-z0-9_]*", "[A-Za-z0-9._-]{1,64}"
STEP = f"({NAME})(?::({KEY}))?/({NAME})(?:/undo/({NAME}))?"

def integer(text):
    need(len(text) < 18 and abs(int(text)) < 2**53, "CS0801", "a number that is no such integer")
    return int(text)

def written(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

@functools.lru_cache(1 << 16)
def canonical(data, line=False):
    """The value of canonical JSON. It is written anew only to refuse bytes that are not canonical."""
    code, keys = "CS0801" if line else "CS0813", []
    try:
        value = json.loads(data.decode(), parse_int=integer, parse_float=integer, parse_constant=integer,
                           object_pairs_hook=lambda pairs: keys.extend(key for key, _ in pairs) or dict(pairs))
        bare = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", data)
        depth = max(itertools.accumulate((byte in b"[{") - (byte in b"]}") for byte in bare), default=0)
        need(written(value) == data and depth <= (8 if line else 64), code, "not canonical JSON, or nested too deep")
    except (ValueError, RecursionError):
        raise Refused(code, "not canonical JSON", None) from None
    need(not line or len(data) <= 65536 and all(map(text_of("[a-z0-9_]{1,64}"), keys)), code, "too long, or a key of no line")
    return value

def clock(text, form="T.{8}[.][0-9]{3}Z"):
    """Milliseconds since 1970 of a time of this form; None where it is none."""
    try:
        moment = datetime.fromisoformat(text) if re.fullmatch("[0-9-]{10}" + form, text) else None
        return moment and round(moment.timestamp() * 1000)
    except (TypeError, ValueError):
        return None

def seconds(text):
    return clock(text, "T[0-9:]{8}Z")

def covers_of(step):
    return f"undo {step.split('/undo/')[0]}" if "/undo/" in step else step

def covered(pattern, step):
    """Whether what is covered holds this step. A pattern with `*` never covers an undo."""
    place = step.split("/")[0]
    wide = (f"{place}/*", f"{place.split(':')[0]}:*/*" if ":" in place else f"{place}/*")
    return pattern == covers_of(step) or "/undo/" not in step and pattern in wide

# --- Forms: S text, D digest, T time, N number, P step, B boolean; `?` or null, `*` a list of, `|` one of these words ---
def text_of(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None

FORMS = {
    "S": lambda v: isinstance(v, str), "N": lambda v: type(v) is int and v >= 0, "B": lambda v: isinstance(v, bool),
    "D": text_of("[0-9a-f]{64}"), "X": text_of("[0-9a-f]{32}"), "P": text_of(STEP), "T": lambda v: clock(v) is not None,
    "texts": lambda v: isinstance(v, dict) and all(isinstance(one, str) for one in v.values()),
    "counts": lambda v: isinstance(v, dict) and all(FORMS["N"](one) for one in v.values()),
    "error": lambda v: shaped(members("code S, reason S, message S, class S"), v), "signed": lambda v: shaped(members(SIGNED), v),
    # In statements, where every value is text:
    "number": text_of("0|[1-9][0-9]{0,15}"), "numbers": text_of("([0-9]+( [0-9]+)*)?"), "time": lambda v: seconds(v) is not None,
    "digest": text_of("sha256:[0-9a-f]{64}"), "digest?": text_of("(sha256:[0-9a-f]{64})?"), "root": text_of("[A-Za-z0-9+/]{43}="),
}

def fits(form, value):
    if form in FORMS or form[-1] not in "?*":
        return FORMS[form](value) if form in FORMS else isinstance(value, str) and value in form.split("|")
    if form[-1] == "?":
        return value is None or fits(form[:-1], value)
    return isinstance(value, list) and all(fits(form[:-1], one) for one in value)

def members(text):
    return dict(member.split() for member in text.split(", "))

def shaped(forms, value):
    return isinstance(value, dict) and value.keys() == forms.keys() and all(fits(forms[name], value[name]) for name in forms)

# --- Entry (2), entry kinds (5) ---
ENTRY = members("at T, by S?, data S?, epoch N, kind S, mono N, prev D, run X, seq N, v N")
SIGNED, ABOUT = "statement S, signature S, key S", "step P, direction do|undo, "
KINDS = {kind: members(text) for kind, text in {
    "run_opened": "runbook D, values D, plan D, people D, people_signatures D?, mode live|simulated|rehearsal, program S, "
                  "host S, random S, paths texts",
    "signed_on": SIGNED + ", machine S", "signed_off": "people S*, why S", "resumed": "why S",
    "session_opened": "session S, account S, arn S, session_kind S, endpoint S",
    "stage_entered": "stage S, items D?, count N", "anchor_set": "stage S, item S?, object D, proved N",
    "anchor_refused": "stage S, item S?, why S, object D?", "anchor_regained": "stage S, item S?, object D, differs S*",
    "hold_began": "hold S", "hold_proved": "hold S, object D?", "hold_ended": "hold S", "paused": "why S, code S",
    "asked": "covers S, operations D, attempt N, performer S, summary S, again N*, approve_by T, run_by T, what approval|settle",
    "approval": SIGNED, "said": SIGNED, "break_glass": SIGNED, "handed_over": SIGNED, "witness": SIGNED,
    "request_ended": "request N, why consumed|denied|expired|amended|people_changed|rollback_started|handed_over|"
                     "performer_changed|new_attempt|anchor_changed",
    "intended": ABOUT + "attempt N, try N, operation D, request N?, consumes N*, first N?, send_by T?",
    "outcome": ABOUT + "attempt N, intended N?, result done|failed|not_done|in_doubt|secret_lost, output D?, "
               "request_id S?, date S?, error error?, took_ms N, found answer|probe|word|executor",
    "observed": ABOUT + "intended N, side S, reading done|not_done|cannot_tell, object D",
    "verified": ABOUT + "sides S*, object D?", "skipped": "stage S, item S?, step S?, why S",
    "waiting": "what approval|confirmation|task|answer|settle|performer|session|time|aws|go_on, at_step S, role S, "
               "people S*, until T?, why S", "waited": "step P, began B, until T?",
    "rollback_started": "to S, steps P*", "amended": "runbook D, plan D, statements signed*", "checkpoint": "size N, root S",
    "people_changed": "people D, statements signed*", "run_closed": "result S, counts counts",}.items()}

@functools.lru_cache(1 << 16)
def entry_of(line):
    entry = canonical(line, True)
    need(isinstance(entry, dict) and shaped(ENTRY, {**entry, "data": None}) and entry["v"] == 1, "CS0801", "no entry's members")
    need(shaped(KINDS.get(entry["kind"], {}), entry.get("data")), "CS0801", "not a known kind's members")
    return entry

# --- Chain and tree (3) ---
def sha(data):
    return hashlib.sha256(data).digest()

def root_of(leaves, nodes, at, count):
    if count > 1 and (at, count) not in nodes:
        left = 1 << ((count - 1).bit_length() - 1)
        nodes[at, count] = sha(b"\1" + root_of(leaves, nodes, at, left) + root_of(leaves, nodes, at + left, count - left))
    return nodes[at, count] if count > 1 else leaves[at]

# --- Signed statements (4) ---
HEAD = members("run X, mode live|simulated|rehearsal, size number, root root, runbook digest, plan digest, people digest")
TAIL = members("person S, party S, role S, nonce X, signed-at time, reason S")
TYPES = {kind: members(text) for kind, text in {
    "approval": "decision approve|deny|revoke, request number, request-leaf digest, covers S, operations digest, "
                "attempt number, performer S, summary S, again numbers, approve-by time, run-by time",
    "signed_on": "epoch number, machine S", "change": "new-runbook digest, new-plan digest, new-people digest",
    "said": "what confirmed|task|answer|evidence|settled|note|go-on, covers S, attempt number, object digest?",
    "handed_over": "to S", "break_glass": "covers S, operations digest, attempt number", "witness": "result S", "people": "people digest",}.items()}
NAMES = {"signed_on": "sign-on", "handed_over": "hand-over", "break_glass": "break-glass"}

OPERATION = members("covers S, step P, direction do|undo, attempt N, performer S, operation S")

def unescaped(raw):
    """The text of a line's value; only its one escaped form is accepted."""
    text = re.sub(r"\\(?:\\|u\{([0-9a-f]{1,6})\})", lambda found: chr(int(found[1], 16)) if found[1] else "\\", raw)
    again = "".join(r"\\" if c == "\\" else c if " " <= c <= "~" else "\\u{%x}" % ord(c) for c in text)
    need(again == raw and not re.search("[\ud800-\udfff]", text), "CS0806", "not the one escaped form")
    return text

@functools.lru_cache(1 << 14)
def fields(kind, statement):
    """The values of a statement's lines; refuses every text but the one in which it is written."""
    forms, (first, *lines) = {**(HEAD if kind != "people" else {}), **TYPES[kind], **TAIL}, statement.split("\n")
    need(len(statement) <= 4096 and first == f"countersign {NAMES.get(kind, kind)} v1" and len(lines) == len(forms) + 1
         and not lines[-1], "CS0806", f"no statement of the type for {kind}")
    split = [line.partition(": ") for line in lines[:-1]]
    said = {key: unescaped(value) for key, _, value in split}
    need(all(key == line[0] and line[1] and fits(forms[key], line[2]) for key, line in zip(forms, split))
         and len(said.get("summary", "")) <= 400, "CS0806", "a line that is not of its form")
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
    data = base64.b64decode(text)
    need(base64.b64encode(data).decode() == text, "CS0806", "base64 that is not in its one form")
    return data

def strong(point):
    """A point of edwards25519 in its one encoding, and not of small order."""
    y, p, odd = int.from_bytes(point, "little") % 2**255, 2**255 - 19, int(
        "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7", 16)
    need(len(point) == 32 and y < p and y not in (0, 1, p - 1, odd, p - odd), "CS0806", "a weak point or another encoding")

PARTS = {"ssh-ed25519": 2, "sk-ssh-ed25519@openssh.com": 3, "sk-ecdsa-sha2-nistp256@openssh.com": 4}

@functools.lru_cache(1 << 12)
def key_of(line):
    """The bytes of a key `type base64`."""
    kind, _, text = line.partition(" ")
    need(kind in PARTS, "CS0806", "a key of a type that is not accepted")
    blob, count = unbase64(text), PARTS[kind]
    name, *parts, rest = strings(blob, count)
    need(name == kind.encode() and not rest and (count < 3 or re.fullmatch(b"ssh:[!-~]*", parts[-1])), "CS0806", "its bytes")
    if count < 4:
        strong(parts[0])
    else:
        need(parts[0] == b"nistp256" and len(parts[1]) == 65 and parts[1][0] == 4, "CS0806", "a point of another kind")
    return blob

@functools.lru_cache(1 << 15)
def good(key, namespace, statement, signature):
    """Refuses all but a good signature; gives the flags of a security key. Cached, because OpenSSH takes its time."""
    blob, kind, armour = key_of(key), key.split(" ")[0].encode(), signature.split("\n")
    body = "".join(armour[1:-2])
    need(armour == ["-----BEGIN SSH SIGNATURE-----", *re.findall(".{1,70}", body), "-----END SSH SIGNATURE-----", ""],
         "CS0806", "not armoured as ssh-keygen does it")
    data = unbase64(body)
    by, space, reserved, algorithm, inner, rest = strings(data[10:], 5)
    name, proper, flags = strings(inner, 2)
    need(data[:10] == b"SSHSIG\0\0\0\1" and (by, space, reserved + rest, name) == (blob, namespace.encode(), b"", kind)
         and algorithm in (b"sha512", b"sha256") and len(flags) == (5 if kind[:2] == b"sk" else 0),
         "CS0806", "a signature of another form, by another key, or for another namespace")
    if b"ed25519" in kind:
        strong(proper[:32])
        order = 2**252 + 27742317777372353535851937790883648493
        need(len(proper) == 64 and int.from_bytes(proper[32:], "little") < order, "CS0806", "a signature's other encoding")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(signature)
        file.flush()
        call = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", file.name]
        need(subprocess.run(call, input=statement.encode(), capture_output=True).returncode == 0, "CS0806", "a bad signature")
    return flags[0] if flags else 0

# --- Objects (6) ---
@functools.lru_cache(1 << 10)
def people_of(data):
    """The people file: by id the party, the roles and the keys."""
    file = tomllib.loads(data.decode())
    people = {who: (one["party"], set(one["roles"]), [key_of(" ".join(line.split()[:2])) for line in one["keys"]])
              for who, one in file["people"].items()}
    keys = [key for *_, own in people.values() for key in own]
    need(file["schema"] == 1 and len(set(keys)) == len(keys), "CS0813", "a people file in which a key has two owners")
    return people

def filled(demands, voices):
    """Whether each demand has its people from its parties, one person filling one place in all (8)."""
    if not demands:
        return not voices
    first, *others = demands
    able = [voice for voice in voices if voice["role"] == first["role"]]
    return first["from_parties"] <= first["count"] and any(
        len({voice["party"] for voice in some}) >= first["from_parties"] and filled(others, [v for v in voices if v not in some])
        for some in itertools.combinations(able, first["count"]))

# --- The rules (8, 9): entry by entry, what the history has come to, and whether this entry may follow ---
class Run:
    def __init__(self, run, lines, objects):
        self.run, self.lines, self.objects, self.leaves, self.nodes, self.force, self.kinds = run, lines, objects, [], {}, [], []
        self.floor, self.later, self.rollbacks, self.used, self.on, self.holds, self.spent = 0, [0], 0, set(), set(), set(), set()
        self.stages, self.anchors, self.requests, self.begun = {}, {}, {}, {}
        self.said, self.glass, self.closed, self.successor, self.before = [], [], None, None, None

    def verify(self):
        for seq, line in enumerate(self.lines):
            try:
                self.entry(seq, line)
            except Refused as error:
                raise Refused(*error.args[:2], seq) from None
            except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
                raise Refused("CS0813", f"what it needs is not of its form: {error!r}"[:200], seq) from None
        need(len(self.lines) > 1, "CS0805", "the run does not open with two entries")

    def entry(self, seq, line):
        entry = entry_of(line)
        kind, data, before = entry["kind"], entry["data"], self.before or entry
        need((entry["run"], entry["seq"], entry["prev"]) == (self.run, seq, self.leaves[-1].hex() if seq else "0" * 64),
             "CS0802", "the chain is broken")
        need(entry["at"] >= before["at"], "CS0803", "time goes back")
        need((kind == "run_opened") == (seq == 0) and (seq != 1 or kind == "signed_on" and entry["by"] == before["by"]),
             "CS0805", "the run does not open as it must, or opens twice")
        need(not self.closed or kind in ("witness", "checkpoint"), "CS0852", f"{kind} after run_closed")
        new = entry["epoch"] > before["epoch"]
        need(not self.successor or new and kind == "signed_on" and entry["by"] == self.successor, "CS0853", "after handed_over")
        need(entry["epoch"] == before["epoch"] or new and kind == "signed_on", "CS0804", "its epoch")
        self.on, self.seq, self.by, self.now, self.before = set() if new else self.on, seq, entry["by"], clock(entry["at"]), entry
        self.floor, self.later = max(self.floor, self.now, *self.later), [0]
        getattr(self, {"said": "word"}.get(kind, kind), lambda *_: None)(data, *([self.voice(kind, data)] if "signature" in data else []))
        self.kinds.append(kind)
        self.leaves.append(sha(b"\0" + line))
        self.force.append((self.runbook, self.plan_digest, self.people_digest))

    def object(self, digest):
        need(digest in self.objects, "CS0812", f"the object {digest} is missing")
        return self.objects[digest]

    def root(self, size):
        return base64.b64encode(root_of(self.leaves, self.nodes, 0, size)).decode()

    def voice(self, kind, data, people=None):
        """A signed statement: its signature, its history, its person (4)."""
        text = data["statement"]
        said = {**fields(kind, text), "flags": good(data["key"], f"{NAMES.get(kind, kind)}-v1@countersign", text, data["signature"])}
        size = int(said.get("size", 0))
        need(kind == "people" or 1 <= size <= self.seq and said["root"] == self.root(size) and (said["run"], said["mode"]) == (self.run, self.mode)
             and tuple(said[name][7:] for name in ("runbook", "plan", "people")) == self.force[size - 1],
             "CS0807", "a statement over another history, or under other digests in force")
        need(kind in ("people", "change") or said["person"] == self.by, "CS0810", "an entry in another's name")
        party, roles, keys = (people or self.people).get(said["person"], (None, (), ()))
        need(said["party"] == party and key_of(data["key"]) in keys and (said["role"] in roles or not said["role"]),
             "CS0808", "person, party, role or key are not the people file's")
        need(not {text, said["nonce"]} & self.used, "CS0809", "a statement or nonce is used twice")
        need(seconds(said["signed-at"]) <= self.now + 120_000, "CS0811", "its clock is ahead")
        self.used |= {text, said["nonce"]}
        self.later.append(seconds(said["signed-at"]))
        return said

    # Digests in force, and the seat.
    def in_force(self, runbook, plan, people):
        self.runbook, self.plan_digest, self.people_digest = runbook, plan, people
        self.object(runbook)
        self.plan, self.people = canonical(self.object(plan)), people_of(self.object(people))
        need(self.plan["plan"] == 1 and self.plan["runbook"] == runbook, "CS0813", "a plan for another runbook")

    def run_opened(self, data):
        self.starter, self.mode = self.by, data["mode"]
        self.in_force(data["runbook"], data["plan"], data["people"])
        self.object(data["values"])
        need((self.plan["values"], self.plan["people"]) == (data["values"], data["people"]), "CS0813", "another plan")
        parties = {party for party, *_ in self.people.values()}
        if self.mode != "rehearsal" and len(parties) > 1:
            need(data["people_signatures"] in self.objects, "CS0814", "nobody has signed the people file")
            signed = [self.voice("people", one) for one in canonical(self.object(data["people_signatures"]))["signatures"]]
            need({one["party"] for one in signed} >= parties and {one["people"][7:] for one in signed} == {data["people"]},
                 "CS0814", "not every party has signed the people file")

    def signed_on(self, data, said):
        need(int(said["epoch"]) == self.before["epoch"], "CS0804", "a sign-on for another epoch")
        need(said["machine"] == data["machine"], "CS0810", "another machine than its entry's")
        self.on, self.successor = self.on | {self.by}, None

    def signed_off(self, data): self.on = self.on - set(data["people"])

    def ends(self, data, said=None):
        """Of the entries that end every request (8)."""
        self.rollbacks, self.successor = self.rollbacks + (said is None), said and said["to"]
        for request in self.requests.values():
            request["ended"] = True

    rollback_started = handed_over = ends

    def amended(self, data):
        force = data.get("runbook", self.runbook), data.get("plan", self.plan_digest), data.get("people", self.people_digest)
        signed = [self.voice("change", one, people_of(self.object(force[2]))) for one in data["statements"]]
        need(all(tuple(said[f"new-{name}"][7:] for name in ("runbook", "plan", "people")) == force for said in signed),
             "CS0860", "signed for another change")
        self.ends(data, {"to": None})
        self.in_force(*force)

    people_changed = amended

    # Stages, items, steps, anchors, holds.
    def stage(self, name):
        need(name in (stage["id"] for stage in self.plan["stages"]), "CS0830", "the plan has no such stage")
        return next(stage for stage in self.plan["stages"] if stage["id"] == name)

    def stage_entered(self, data):
        stage, items = self.stage(data["stage"]), canonical(self.object(data["items"])) if data["items"] else [{"key": None}]
        need((data["items"] is None) == (stage["for_each"] is None) and data["count"] == len(items)
             and (not data["items"] or stage["items"] in (None, items)), "CS0830", "items that are not the plan's")
        self.stages[stage["id"]] = [item["key"] for item in items]

    def step(self, name, code="CS0830"):
        """A step of the run: its stage, and itself in the plan."""
        stage, item, step, undo = re.fullmatch(STEP, name).groups()
        need(item in self.stages.get(stage, []), code, f"{name} is of no stage or item that was entered")
        found = [one for one in self.stage(stage)["steps"] if one["id"] == step]
        found = [one for one in found[0]["back"]["undo"] if one["id"] == undo] if found and undo else found
        need(found, code, f"the plan has no step {name}")
        need(not found[0]["mutates"] or not self.stage(stage)["anchor"] or name.split("/")[0] in self.anchors or code == "",
             "CS0831", f"{name} before its anchor")
        return found[0]

    def anchor_set(self, data):
        anchor, place = self.stage(data["stage"])["anchor"], data["stage"] + (f":{data['item']}" if data["item"] else "")
        need(anchor and data["proved"] == len(anchor["prove"]), "CS0831", "an anchor without all its proofs")
        for request in self.requests.values() if self.anchors.get(place, data["object"]) != data["object"] else ():
            request["void"].add(place)
        self.anchors[place] = data["object"]

    def hold_began(self, data): self.holds.add(data["hold"])
    def hold_ended(self, data): self.holds.discard(data["hold"])

    # Requests and decisions.
    def asked(self, data):
        listed = [{"step": data["covers"]}] if data["what"] == "settle" else canonical(self.object(data["operations"]))
        steps = [self.step(one["step"], "CS0820") for one in listed]
        for one, step in zip(listed, steps) if data["what"] == "approval" else ():
            need(shaped(OPERATION, {**one, "operation": ""}), "CS0813", "operations of another form")
            need(step["approvals"] == steps[0]["approvals"] and covered(data["covers"], one["step"]) and (one["covers"], one["performer"],
                 one["attempt"], one["direction"]) == (covers_of(one["step"]), data["performer"], data["attempt"],
                 "undo" if "/undo/" in one["step"] else "do"), "CS0820", "it does not say what it asks for")
        need(data["performer"] in self.on and all(step["performer"] in self.people[data["performer"]][1] for step in steps)
             and all(seq in self.requests and self.requests[seq]["ended"] and self.requests[seq]["data"]["covers"]
                     == data["covers"] for seq in data["again"]), "CS0820", "its performer or predecessors")
        self.requests[self.seq] = {"data": data, "listed": listed, "demands": steps[0]["approvals"], "void": set(), "voices": [],
                                   "ended": False, "approve": clock(data["approve_by"]), "run_by": clock(data["run_by"])}

    def barred(self, request, who):
        """Whether somebody may not approve: a performer, who opened the run, who holds roles that must be apart (8)."""
        performs = {said["person"] for said in self.said if said["what"] in ("confirmed", "task", "answer", "evidence")
                    and any(covered(said["covers"], one["step"]) for one in request["listed"])}
        return (who in performs | {request["data"]["performer"]} or self.plan["exclude_starter"] and who == self.starter
                or any(len(self.people[who][1] & set(apart)) > 1 for apart in self.plan["apart"]))

    def approval(self, _, said):
        seq, request = int(said["request"]), self.requests.get(int(said["request"]))
        need(request and not request["ended"] and int(said["size"]) > seq, "CS0821", "no open request")
        data, approves, voices = request["data"], said["decision"] == "approve", request["voices"]
        wanted = {**data, "request-leaf": "sha256:" + self.leaves[seq].hex(), "operations": "sha256:" + data["operations"],
                  "attempt": str(data["attempt"]), "again": " ".join(map(str, data["again"])),
                  "approve-by": data["approve_by"][:19] + "Z", "run-by": data["run_by"][:19] + "Z"}
        need(all(said[name] == wanted[name] for name in said.keys() & wanted.keys()), "CS0821", "not what the request says")
        need(said["role"] in (one["role"] for one in request["demands"]) and not self.barred(request, said["person"]),
             "CS0821", "by somebody or in a role that may not approve it")
        need(max(seconds(said["signed-at"]), self.floor) <= request["approve" if approves else "run_by"], "CS0821", "too late")
        proof = self.plan["roles"][said["role"]]["proof"]
        need(not approves or proof == "signature" or proof == "user_verified" and said["flags"] & 5 == 5, "CS0821", "no proof")
        need([voice["decision"] for voice in voices if voice["person"] == said["person"]]
             == (["approve"] if said["decision"] == "revoke" else []), "CS0821", "decided before, or nothing to revoke")
        voices.append({**said, "seq": self.seq})
        request["ended"] = said["decision"] == "deny"

    def request_ended(self, data):
        request = self.requests.get(data["request"])
        need(request and (data["why"] != "denied" or any(voice["decision"] == "deny" for voice in request["voices"]))
             and (data["why"] != "expired" or self.floor > request["approve"]), "CS0823", "no request, or not ended so")
        request["ended"] = request["ended"] or data["why"] != "consumed"

    # What people say, operations, outcomes.
    def break_glass(self, _, said):
        self.glass.append((said["covers"], said["operations"][7:], int(said["attempt"])))

    def word(self, _, said):
        need(bool(said["object"]) != (said["what"] in ("note", "go-on")), "CS0810", "a word without its object, or with one")
        self.said.append(said)

    def intended(self, data):
        name, before = data["step"], self.begun.get(data["step"], [])
        step, forward = self.step(name), self.begun.get(name.split("/undo/")[0], [])
        need((data["direction"] == "undo") == ("/undo/" in name) and (forward or "/undo/" not in name), "CS0830", "its direction")
        last = before[-1] if before else {"attempt": 0, "result": "failed"}
        need(last["result"] not in (None, "in_doubt"), "CS0832", "its last operation is open")
        roles = self.people[self.by][1] if self.by in self.on else set()
        users = self.plan["sessions"].get(step["session"], {}).get("used_by") if step["mutates"] else None
        need(step["performer"] in roles and (not users or roles & set(users)), "CS0838", "begun by somebody who may not")
        tries = [one for one in before if one["attempt"] == data["attempt"]]
        most = max([last["attempt"] + 1] + [one["attempt"] for one in forward if "/undo/" in name]) + self.rollbacks
        need(data["try"] == len(tries) + 1 and data["first"] == (tries[0]["seq"] if tries else None) and (last["result"] in (
            "not_done", "secret_lost") and last["found"] != "word" if tries else last["attempt"] < data["attempt"] <= most),
             "CS0837", "attempts or tries do not count up, or something may have happened")
        operation, limit, first = canonical(self.object(data["operation"])), self.now + 31_000, tries[0] if tries else data
        need(first["operation"] == data["operation"], "CS0835", "another operation in a later try")
        if step["approvals"] or data["request"] is not None or data["consumes"]:
            limit = min(limit, self.granted(data, first, self.requests.get(first["request"]), operation))
        send_by = clock(data["send_by"]) if data["send_by"] else 0
        machine = isinstance(step["body"], str) or "command" in step["body"]
        need(max(self.floor, send_by) <= limit and (send_by or not machine), "CS0836", "begun, or to be sent, too late")
        self.begun[name] = before + [{**data, "seq": self.seq, "result": None, "found": None}]

    def granted(self, data, first, request, operation):
        """Whether an attempt spends the approvals that it needs, each once (8); until when it may begin."""
        name, asked = data["step"], request and request["data"]
        need(request and asked["what"] == "approval" and request["demands"] and (first is not data or not request["ended"])
             and name.split("/")[0] not in request["void"], "CS0833", "no request, or one that has ended")
        slots = [one for one in request["listed"] if (one["step"], one["attempt"]) == (name, data["attempt"])]
        need(slots, "CS0833", "a request for something else")
        need(slots[0]["operation"] == operation or len(request["listed"]) > 1 and "${" in str(slots[0]["operation"]),
             "CS0835", "not the operation that was approved")
        slot = (self.leaves.index(self.leaves[first["request"]]), name)
        need(slot not in self.spent if first is data else not data["consumes"], "CS0834", "approvals spent twice")
        self.spent.add(slot)
        revoked = {voice["person"] for voice in request["voices"] if voice["decision"] == "revoke"}
        chosen = [voice for voice in request["voices"] if voice["seq"] in first["consumes"] and voice["decision"] == "approve"
                  and voice["person"] not in revoked and not self.barred(request, voice["person"])]
        glass = (asked["covers"], asked["operations"], asked["attempt"]) in self.glass
        need(len(chosen) == len(first["consumes"]) and (glass or filled(request["demands"], chosen)), "CS0833", "not granted")
        until = [seconds(voice["signed-at"]) + min(one["run_within"] for one in request["demands"]) for voice in chosen]
        return min(request["run_by"], max(until, default=request["run_by"]))

    def outcome(self, data):
        need(data["intended"] is not None or not self.step(data["step"])["mutates"], "CS0840", "of what was never begun")
        date = clock(data["date"], "[Tt ].*([Zz]|[+-][0-9:]{5})") if data["date"] is not None else 0
        need(date is not None, "CS0841", "a date that is none")
        self.later.append(date)
        if data["intended"] is not None:
            found = [one for one in self.begun.get(data["step"], []) if one["seq"] == data["intended"]]
            need(found and (found[0]["attempt"], found[0]["direction"]) == (data["attempt"], data["direction"])
                 and (found[0]["result"] in (None, "in_doubt") != data["result"]
                      or "/undo/" in data["step"] and found[0] is self.begun[data["step"]][-1] and found[0]["result"] == "failed"
                      and (data["found"], data["result"]) == ("word", "done")), "CS0841", "of no open operation")
            found[0].update(result=data["result"], found=data["found"])

    # The end.
    def checkpoint(self, data):
        need(1 <= data["size"] <= self.seq and data["root"] == self.root(data["size"]), "CS0854", "not the root")

    def run_closed(self, data):
        need(not self.holds and all(one["result"] not in (None, "in_doubt") for some in self.begun.values() for one in some),
             "CS0850", "an operation is open or in doubt, or a hold is not released")
        need(data["counts"] == dict(collections.Counter(self.kinds)) and data["result"] in ("done", "rolled_back", "abandoned"),
             "CS0851", "its counts are not true, or no such result")
        self.closed = (data["result"], self.seq)

    def witness(self, _, said):
        need(self.closed and said["result"] == self.closed[0] and int(said["size"]) > self.closed[1], "CS0851", "another result")

# --- Bundle (7), verdict (10) ---
def run_of(data):
    (head, *lines), objects, last = [*data.split(b"\n"), b"x"][:-1] or [b""], {}, ""
    need(lines and lines.pop() == b"", "CS0801", "the newline at the end is missing")
    head, count = canonical(head, True), sum(not line.startswith(b'{"base64":') for line in lines)
    need(isinstance(head, dict) and fits("X", head.get("run")) and head == {"bundle": 1, "run": head["run"]}, "CS0801", "no bundle")
    for line in map(canonical, lines[count:]):
        need(shaped(members("base64 S, sha256 D"), line) and line["sha256"] > last, "CS0801", "not an object in its place")
        last = line["sha256"]
        objects[last] = unbase64(line["base64"])
        need(sha(objects[last]).hex() == last, "CS0812", "an object with another digest")
    return Run(head["run"], lines[:count], objects)

def verdict(data):
    """What `countersign verify` says where it has no trust file and no kept head."""
    try:
        run = run_of(data)
        run.verify()
    except (Refused, ValueError) as error:
        code, why, entry = error.args if isinstance(error, Refused) else ("CS0801", str(error), None)
        return {"verdict": "INVALID", "code": code, "entry": entry, "why": why}
    return {"verdict": "CLOSED" if run.closed else "OPEN", "entries": len(run.lines), "break_glass": bool(run.glass)}

def main():
    left = "Left to `countersign verify`:\n" + "".join(f"  {code}  {what}\n" for code, what in LEFT.items())
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0], epilog=left, formatter_class=form)
    parser.add_argument("bundle", help="a file that `countersign export` has written")
    parser.add_argument("--json", action="store_true", help="the verdict as one line of JSON")
    args = parser.parse_args()
    with open(args.bundle, "rb") as file:
        found = verdict(file.read())
    print(json.dumps(found) if args.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    sys.exit({"INVALID": 6, "OPEN": 4}.get(found["verdict"], 4 if found["break_glass"] else 0))

if __name__ == "__main__":
    main()
