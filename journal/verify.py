#!/usr/bin/env python3
"""A second verifier of Countersign's bundles, for auditors: Python's standard library and `ssh-keygen`, nothing else.

It reads a bundle (`countersign export`) by journal/FORMAT.md; the number in each heading is the section there. The
first rule that is broken ends it: INVALID, with the entry and the code of section 9. It writes nothing but a temporary
file for `ssh-keygen`. Left to `countersign verify`: CS0813, CS0815, CS0816, CS0820, CS0822, CS0823, CS0835, CS0839,
CS0842, CS0843, CS0844, CS0851, CS0856, CS0860, CS0890; each only as far as LEFT and `--help` say."""
import argparse, base64, collections, functools, hashlib, itertools, json, re, subprocess, sys, tempfile, tomllib
from datetime import datetime

LEFT = {
    "CS0813": "whether plan, people file and operations have all that they must: it reads what its own rules need",
    "CS0815": "keys that anybody can make", "CS0816": "trust files, and so WITNESSED", "CS0890": "kept heads: DIVERGED",
    "CS0820": "the plan's templates, and how far one request reaches", "CS0822": "a request's clocks",
    "CS0823": "why a settlement ended", "CS0835": "the plan's templates", "CS0839": "confirmations",
    "CS0842": "words that settle a doubt", "CS0843": "words of those who do a task", "CS0844": "holds",
    "CS0851": "whether every step is done, or taken back, as the result says", "CS0856": "sessions and endpoints",
    "CS0860": "whose signatures an amendment or a change of people needs, and what it may change"}

class Refused(Exception):
    """A rule is broken: its code."""

def need(rule, code):
    if not rule:
        raise Refused(code)

# --- Bytes and values (1) ---
STEP = re.compile("([a-z][a-z0-9_]*)(?::([A-Za-z0-9._-]{1,64}))?/([a-z][a-z0-9_]*)(?:/undo/([a-z][a-z0-9_]*))?")

def integer(text):
    need(len(text) < 18 and abs(int(text)) < 2**53, "CS0801")
    return int(text)

def sha(data): return hashlib.sha256(data).digest()
def written(value): return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

@functools.lru_cache(1 << 16)
def canonical(data, line=False):
    """The value of canonical JSON. It is written anew only to refuse bytes that are not canonical."""
    code, keys = "CS0801" if line else "CS0813", []
    try:
        value = json.loads(data.decode(), parse_int=integer, parse_float=integer, parse_constant=integer,
            object_pairs_hook=lambda pairs: keys.extend(key for key, _ in pairs) or dict(pairs))
        brackets = re.sub(rb'"(?:[^"\\]|\\.)*"|[^][{}]', b"", data)
        depth = max(itertools.accumulate(1 if byte in b"[{" else -1 for byte in brackets), default=0)
        need(written(value) == data and depth <= (8 if line else 64), code)
    except (ValueError, RecursionError):
        raise Refused(code) from None
    need(not line or len(data) <= 65536 and all(map(text_of("[a-z0-9_]{1,64}"), keys)), code)
    return value

def clock(text, form="T.{8}[.][0-9]{3}Z"):
    """Milliseconds since 1970 of a time of this form; None where it is none."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000) if re.fullmatch("[0-9-]{10}" + form,
            text) else None
    except (TypeError, ValueError):
        return None

def seconds(text): return clock(text, "T[0-9:]{8}Z")
def covers_of(step): return f"undo {step.split('/undo/')[0]}" if "/undo/" in step else step

def covered(pattern, step):
    """Whether what is covered holds this step. A pattern with `*` never covers an undo."""
    place = step.split("/")[0]
    wide = (f"{place}/*", f"{place.split(':')[0]}:*/*" if ":" in place else f"{place}/*")
    return pattern in (step, covers_of(step)) or "/undo/" not in step and pattern in wide

# --- Forms: S text, D digest, T time, N number, P step, B boolean; `?` or null, `*` a list of, `|` one of these ---
def text_of(pattern): return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None
def members(text): return dict(member.split() for member in text.split(", "))

ERROR, SIGNED = members("code S, reason S, message S, class S"), members("statement S, signature S, key S")
FORMS = {
    "S": lambda v: isinstance(v, str), "N": lambda v: type(v) is int and v >= 0, "B": lambda v: isinstance(v, bool),
    "D": text_of("[0-9a-f]{64}"), "X": text_of("[0-9a-f]{32}"), "P": text_of(STEP), "T": lambda v: clock(v) is not None,
    "texts": lambda v: isinstance(v, dict) and all(isinstance(one, str) for one in v.values()),
    "counts": lambda v: isinstance(v, dict) and all(FORMS["N"](one) for one in v.values()),
    "error": lambda v: shaped(ERROR, v), "signed": lambda v: shaped(SIGNED, v), "any": lambda v: True,
    # In statements, where every value is text:
    "number": text_of("0|[1-9][0-9]{0,15}"), "numbers": text_of("([0-9]+( [0-9]+)*)?"),
    "time": lambda v: seconds(v) is not None, "root": text_of("[A-Za-z0-9+/]{43}="),
    "digest": text_of("sha256:[0-9a-f]{64}"), "digest?": text_of("(sha256:[0-9a-f]{64})?")}

def fits(form, value):
    if form in FORMS or form[-1] not in "?*":
        return FORMS[form](value) if form in FORMS else isinstance(value, str) and value in form.split("|")
    if form[-1] == "?":
        return value is None or fits(form[:-1], value)
    return isinstance(value, list) and all(fits(form[:-1], one) for one in value)

def shaped(forms, value):
    return isinstance(value, dict) and value.keys() == forms.keys() and all(fits(forms[name], value[name]) for name
        in forms)

# --- Entry (2), entry kinds (5) ---
ENTRY = members("at T, by S?, data any, epoch N, kind S, mono N, prev D, run X, seq N, v N")
# A member has the same form wherever its name stands, but for those that say another behind a `:`.
FORM = {name: form for form, names in {
    "S": "host program random session account arn session_kind endpoint why code stage hold covers performer summary "
         "role at_step side to root result statement signature key machine", "S?": "item request_id date",
    "N": "count proved attempt try request intended took_ms size", "N?": "first", "N*": "again consumes", "P": "step",
    "D": "runbook values plan operation operations", "D?": "people_signatures items object output", "B": "began",
    "T": "approve_by run_by", "T?": "until send_by", "S*": "people sides differs", "P*": "steps", "error?": "error",
    "do|undo": "direction", "live|simulated|rehearsal": "mode", "approval|settle": "what", "texts": "paths",
    "done|not_done|cannot_tell": "reading", "answer|probe|word|executor": "found", "signed*": "statements",
    "counts": "counts"}.items() for name in names.split()}
KINDS = {kind: {name: form or FORM[name] for name, _, form in (member.partition(":") for member in text.split())}
         for kind, text in {
    "run_opened": "runbook values plan people:D people_signatures mode program host random paths",
    "session_opened": "session account arn session_kind endpoint", "stage_entered": "stage items count",
    "anchor_set": "stage item object:D proved", "anchor_refused": "stage item why object", "signed_off": "people why",
    "anchor_regained": "stage item object:D differs", "hold_began": "hold", "hold_ended": "hold", "resumed": "why",
    "hold_proved": "hold object", "paused": "why code", "checkpoint": "size root", "waited": "step began until",
    "asked": "covers operations attempt performer summary again approve_by run_by what",
    "request_ended": "request why:consumed|denied|expired|amended|people_changed|rollback_started|handed_over|"
                     "performer_changed|new_attempt|anchor_changed",
    "intended": "step direction attempt try operation request:N? consumes first send_by",
    "outcome": "step direction attempt intended:N? result:done|failed|not_done|in_doubt|secret_lost output request_id "
               "date error took_ms found", "observed": "step direction intended side reading object:D",
    "verified": "step direction sides object", "skipped": "stage item step:S? why", "rollback_started": "to steps",
    "waiting": "what:approval|confirmation|task|answer|settle|performer|session|time|aws|go_on at_step role people "
               "until why", "amended": "runbook plan statements", "people_changed": "people:D statements",
    "run_closed": "result counts", "signed_on": "statement signature key machine",
    **dict.fromkeys(("approval", "said", "break_glass", "handed_over", "witness"), "statement signature key")}.items()}

@functools.lru_cache(1 << 16)
def entry_of(line):
    entry = canonical(line, True)
    need(shaped(ENTRY, entry) and entry["v"] == 1 and shaped(KINDS.get(entry["kind"], {"": ""}), entry["data"]),
         "CS0801")
    return entry

# --- Chain and tree (3) ---
def root_of(leaves, nodes, at, count):
    if count > 1 and (at, count) not in nodes:
        left = 1 << ((count - 1).bit_length() - 1)
        nodes[at, count] = sha(b"\1" + root_of(leaves, nodes, at, left)
            + root_of(leaves, nodes, at + left, count - left))
    return nodes[at, count] if count > 1 else leaves[at]

# --- Signed statements (4) ---
HEAD = members("run X, mode live|simulated|rehearsal, size number, root root, runbook digest, plan digest, "
    "people digest")
TAIL = members("person S, party S, role S, nonce X, signed-at time, reason S")
TYPES = {kind: members(text) for kind, text in {
    "approval": "decision approve|deny|revoke, request number, request-leaf digest, covers S, operations digest, "
                "attempt number, performer S, summary S, again numbers, approve-by time, run-by time",
    "signed_on": "epoch number, machine S", "change": "new-runbook digest, new-plan digest, new-people digest",
    "said": "what confirmed|task|answer|evidence|settled|note|go-on, covers S, attempt number, object digest?",
    "break_glass": "covers S, operations digest, attempt number", "handed_over": "to S", "witness": "result S",
    "people": "people digest"}.items()}
NAMES = {"signed_on": "sign-on", "handed_over": "hand-over", "break_glass": "break-glass"}

def unescaped(raw):
    """The text of a line's value; only its one escaped form is accepted."""
    text = re.sub(r"\\(?:\\|u\{([0-9a-f]{1,6})\})", lambda found: chr(int(found[1], 16)) if found[1] else "\\", raw)
    again = "".join(r"\\" if c == "\\" else c if " " <= c <= "~" else "\\u{%x}" % ord(c) for c in text)
    need(again == raw and not re.search("[\ud800-\udfff]", text), "CS0806")
    return text

@functools.lru_cache(1 << 14)
def fields(kind, statement):
    """The values of a statement's lines; refuses every text but the one in which it is written."""
    forms, (first, *lines) = {**(HEAD if kind != "people" else {}), **TYPES[kind], **TAIL}, statement.split("\n")
    need(len(statement) <= 4096 and first == f"countersign {NAMES.get(kind, kind)} v1" and len(lines) == len(forms) + 1
         and not lines[-1], "CS0806")
    split = [line.partition(": ") for line in lines[:-1]]
    said = {key: unescaped(value) for key, _, value in split}
    need(all(key == line[0] and line[1] and fits(forms[key], line[2]) for key, line in zip(forms, split))
         and len(said.get("summary", "")) <= 400, "CS0806")
    return said

def unbase64(text):
    data = base64.b64decode(text)
    need(base64.b64encode(data).decode() == text, "CS0806")
    return data

def strong(point):
    """A point of edwards25519 in its one encoding, and not of small order."""
    y, p = int.from_bytes(point, "little") % 2**255, 2**255 - 19
    odd = int("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7", 16)
    return y < p and y not in (0, 1, p - 1, odd, p - odd)

@functools.lru_cache(1 << 15)
def accepted(namespace, statement, signature):
    """Whether OpenSSH takes the signature. Cached, because it takes its time."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(signature)
        file.flush()
        call = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", file.name]
        return subprocess.run(call, input=statement.encode(), capture_output=True).returncode == 0

def good(key, namespace, statement, signature):
    """Refuses all but a good signature by this key; gives the flags byte of a security key."""
    kind, armour = key.split(" ")[0].encode(), signature.split("\n")
    def ssh(data): return len(data).to_bytes(4, "big") + data
    body = "".join(armour[1:-2])
    data = unbase64(body)
    heads = [b"SSHSIG\0\0\0\1" + b"".join(map(ssh, (unbase64(key.split(" ")[1]), namespace.encode(), b"", hashed)))
        for hashed in (b"sha512", b"sha256")]
    need(armour == ["-----BEGIN SSH SIGNATURE-----", *re.findall(".{1,70}", body), "-----END SSH SIGNATURE-----", ""]
         and data.startswith(tuple(heads)), "CS0806")
    proper = data[len(heads[0]) + 4 + len(ssh(kind)) + 4:][:64]
    need(b"25519" not in kind or strong(proper[:32]) and int.from_bytes(proper[32:], "little") < 2**252
         + 27742317777372353535851937790883648493, "CS0806")
    need(accepted(namespace, statement, signature), "CS0806")
    return data[-5] if kind[:2] == b"sk" else 0

# --- Objects (6) ---
OPERATION = members("covers S, step P, direction do|undo, attempt N, performer S, operation any")

@functools.lru_cache(1 << 10)
def people_of(data):
    """The people file: by id the party, the roles and the keys; and who may break the glass."""
    file = tomllib.loads(data.decode())
    people = {who: (one["party"], set(one["roles"]), [" ".join(line.split()[:2]) for line in one["keys"]]) for who, one
        in file["people"].items()}
    keys = [key for *_, own in people.values() for key in own]
    need(file["schema"] == 1 and len(set(keys)) == len(keys) and all(key.split()[0]
         in ("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com") for key in keys),
         "CS0813")
    return people, file.get("break_glass", {"people": []})["people"]

def joint(step): return step["body"]["manual"]["performers"] if "manual" in step["body"] else []
def is_open(work): return work["ended"] in (None, "in_doubt")

def seated(demands, voices):
    """Whether these people fill different places: of a demand's `count`, `from_parties` take one of each party (8)."""
    def room(count, spread, some):
        return len(some) - min(spread, count, len({voice["party"] for voice in some})) <= max(count - spread, 0)
    able = [[at for at, one in enumerate(demands) if voice["role"] == one["role"]] for voice in voices]
    return any(all(room(one["count"], one["from_parties"], [voice for voice, seat in zip(voices, seats) if seat == at])
        for at, one in enumerate(demands)) for seats in itertools.product(*able))

# --- The rules (8, 9): entry by entry, what the history has come to, and whether this entry may follow ---
class Run:
    def __init__(self, run, lines, objects):
        self.run, self.lines, self.objects, self.leaves, self.nodes, self.force = run, lines, objects, [], {}, []
        self.kinds, self.said, self.glass, self.used, self.on, self.holds = [], [], [], set(), set(), set()
        self.entered, self.anchors, self.requests, self.works, self.floor, self.rollbacks = {}, {}, {}, {}, 0, 0
        self.closed, self.successor, self.before, self.witnessed = None, None, None, set()
    def verify(self):
        """Goes through all entries; gives the code of the first broken rule, or None."""
        try:
            for self.seq, line in enumerate(self.lines):
                self.entry(self.seq, line)
            need(len(self.lines) > 1, "CS0805")
        except Refused as error:
            return error.args[0]
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            return "CS0813"  # what a rule needs is not of its form
    def entry(self, seq, line):
        entry = entry_of(line)
        kind, data, before = entry["kind"], entry["data"], self.before or entry
        need((entry["run"], entry["seq"], entry["prev"]) == (self.run, seq, self.leaves[-1].hex() if seq else "0" * 64),
             "CS0802")
        need(entry["at"] >= before["at"], "CS0803")
        need((kind == "run_opened") == (seq == 0) and (seq != 1 or kind == "signed_on" and entry["by"] == before["by"]),
             "CS0805")
        need(not self.closed or kind in ("witness", "checkpoint"), "CS0852")
        new = entry["epoch"] > before["epoch"]
        need(not self.successor or new and kind == "signed_on" and entry["by"] == self.successor, "CS0853")
        need(entry["epoch"] == before["epoch"] or new and kind == "signed_on", "CS0804")
        self.by, self.now, self.before = entry["by"], clock(entry["at"]), entry
        self.on = set() if new else self.on
        self.floor = max(self.floor, self.now)
        rule = getattr(self, {"said": "word"}.get(kind, kind), lambda *_: None)
        rule(data, *([self.voice(kind, data)] if "signature" in data else []))
        self.kinds.append(kind)
        self.leaves.append(sha(b"\0" + line))
        self.force.append((self.runbook, self.plan_digest, self.people_digest))
    def object(self, digest):
        need(digest in self.objects, "CS0812")
        return self.objects.get(digest, b"")
    def root(self, size): return base64.b64encode(root_of(self.leaves, self.nodes, 0, size)).decode()
    def voice(self, kind, data, known=()):
        """A signed statement: its history, its person, its signature (4)."""
        said = dict(fields(kind, data["statement"]))
        if kind != "people":
            size = int(said["size"])
            need(1 <= size <= self.seq and said["root"] == self.root(size) and (said["run"], said["mode"])
                 == (self.run, self.mode) and tuple(said[name][7:] for name in ("runbook", "plan", "people"))
                 == self.force[size - 1], "CS0807")
            need(seconds(said["signed-at"]) <= self.now + 120_000, "CS0811")
            self.floor = max(self.floor, seconds(said["signed-at"]))
        need(kind in ("people", "change") or said["person"] == self.by, "CS0810")
        owners = [people[said["person"]] for people in known or [self.people] if said["person"] in people]
        party, roles, _ = next((one for one in owners if data["key"] in one[2]), (None, (), ()))
        need(said["party"] == party and (said["role"] in roles or not said["role"]), "CS0808")
        need(not {data["statement"], said["nonce"]} & self.used, "CS0809")
        self.used |= {data["statement"], said["nonce"]}
        flags = good(data["key"], f"{NAMES.get(kind, kind)}-v1@countersign", data["statement"], data["signature"])
        return {**said, "flags": flags, "seq": self.seq, "at": seconds(said["signed-at"])}

    # Digests in force, and the seat.
    def in_force(self, runbook, plan, people):
        self.runbook, self.plan_digest, self.people_digest = runbook, plan, people
        self.object(runbook)
        self.plan, (self.people, self.breakers) = canonical(self.object(plan)), people_of(self.object(people))
        need(self.plan["plan"] == 1 and self.plan["runbook"] == runbook, "CS0813")
        self.parties = {role["party"] for role in self.plan["roles"].values()} - {""}
        self.stages, self.steps = {stage["id"]: stage for stage in self.plan["stages"][::-1]}, {}
        for stage, step in ((stage["id"], step) for stage in self.plan["stages"] for step in stage["steps"]):
            for undo, one in [(None, step)] + [(one["id"], one) for one in step["back"]["undo"]]:
                self.steps.setdefault((stage, step["id"], undo), one)
    def run_opened(self, data):
        self.starter, self.mode = self.by, data["mode"]
        self.in_force(data["runbook"], data["plan"], data["people"])
        self.object(data["values"])
        need((self.plan["values"], self.plan["people"]) == (data["values"], data["people"]), "CS0813")
        need(self.by in self.people, "CS0805")
        free, digest = self.mode == "rehearsal" or len(self.parties) < 2, data["people_signatures"]
        need(digest in self.objects or free and digest is None, "CS0814")
        signed = [self.voice("people", one) for one in canonical(self.objects[digest])["signatures"]] if digest else []
        need(all(one["people"][7:] == data["people"] for one in signed)
             and (free or self.parties <= {one["party"] for one in signed}), "CS0814")
    def signed_on(self, data, said):
        need(int(said["epoch"]) == self.before["epoch"], "CS0804")
        need(said["machine"] == data["machine"], "CS0810")
        self.on, self.successor = self.on | {self.by}, None
    def signed_off(self, data): self.on = self.on - set(data["people"])
    def ends(self):
        """Of the entries that end every request (8)."""
        for request in self.requests.values():
            request["ended"] = True
    def rollback_started(self, _):
        self.rollbacks += 1
        self.ends()
    def handed_over(self, _, said):
        need(self.by in self.on, "CS0838")
        self.successor = said["to"]
        self.ends()
    def amended(self, data):
        force = tuple(data.get(name, old) for name, old in zip(("runbook", "plan", "people"), self.force[-1]))
        known = [self.people, people_of(self.object(force[2]))[0]]
        for said in [self.voice("change", one, known) for one in data["statements"]]:
            need((said["new-runbook"][7:], said["new-plan"][7:], said["new-people"][7:]) == force, "CS0860")
        self.ends()
        self.in_force(*force)
    people_changed = amended
    def break_glass(self, _, said):
        need(self.by in self.breakers and self.by not in self.on and said["reason"].strip(), "CS0861")
        self.glass.append(said)

    # Stages, places, steps, anchors.
    def stage(self, data):
        need(data["stage"] in self.stages, "CS0830")
        return self.stages[data["stage"]]
    def stage_entered(self, data):
        stage, items = self.stage(data), [{"key": None, "value": None}]
        items = canonical(self.object(data["items"])) if data["items"] else items
        need(all(item.keys() == {"key", "value"} for item in items), "CS0813")
        need((data["items"] is None) == (stage["for_each"] is None) and data["count"] == len(items)
             and (not data["items"] or stage["items"] in (None, items)), "CS0830")
        self.entered[data["stage"]] = [item["key"] for item in items]
    def place(self, data):
        need(self.stage(data) and data["item"] in self.entered.get(data["stage"], ()), "CS0830")
        return data["stage"] + (f":{data['item']}" if data["item"] else "")
    skipped, anchor_refused, anchor_regained = stage, place, place
    def anchor_set(self, data):
        place, anchor = self.place(data), self.stage(data)["anchor"]
        need(anchor and data["proved"] == len(anchor["prove"]), "CS0831")
        for request in self.requests.values() if self.anchors.get(place, data["object"]) != data["object"] else ():
            request["void"].add(place)
        self.anchors[place] = data["object"]
    def step(self, name, code="CS0830", anchored=False):
        """A step of the plan, at a place that was entered; for a changing one its anchor stands."""
        stage, item, step, undo = STEP.fullmatch(name).groups()
        need((stage, step, undo) in self.steps and item in self.entered.get(stage, ()), code)
        found = self.steps[stage, step, undo]
        need(not (anchored and found["mutates"] and self.stages[stage]["anchor"]) or name.split("/")[0] in self.anchors,
             "CS0831")
        return found
    def verified(self, data): self.step(data["step"])
    waited = verified
    def hold_began(self, data): self.holds.add(data["hold"])
    def hold_ended(self, data): self.holds.discard(data["hold"])

    # Requests and decisions.
    def asked(self, data):
        settle, covers, attempt = data["what"] == "settle", data["covers"], data["attempt"]
        open_now = [{"step": name} for name, work in sorted(self.works.items()) if is_open(work)
                    and work["attempt"] == attempt and covers in (name, covers_of(name))]
        listed = open_now[:1] if settle else canonical(self.object(data["operations"]))
        need(listed and data["performer"] in self.on and all(seq in self.requests for seq in data["again"])
             and self.object(data["operations"]), "CS0820")
        steps = [self.step(one["step"], "CS0820", True) for one in listed]
        for one, step in zip(listed, steps):
            need(step["approvals"] == steps[0]["approvals"] and self.people[data["performer"]][1]
                 & {step["performer"], *joint(step)}, "CS0820")
            wanted = covers_of(one["step"]), data["performer"], attempt, "undo" if "/undo/" in one["step"] else "do"
            need(settle or shaped(OPERATION, one) and covered(covers, one["step"])
                 and (one["covers"], one["performer"], one["attempt"], one["direction"]) == wanted, "CS0820")
        self.requests[self.seq] = {"data": data, "listed": listed, "demands": steps[0]["approvals"], "void": set(),
            "voices": [], "ended": False, "spent": set(), "approve": clock(data["approve_by"]),
            "run_by": clock(data["run_by"])}
    def barred(self, request, who):
        """Whether somebody may not approve: a performer, who opened the run, who holds roles that are apart (8)."""
        words = [one["covers"] for one in self.said if one["person"] == who and one["what"] not in ("note", "go-on")]
        return (who == request["data"]["performer"] or self.plan["exclude_starter"] and who == self.starter
                or any(covered(word, one["step"]) for word in words for one in request["listed"])
                or any(len(self.people[who][1] & set(apart)) > 1 for apart in self.plan["apart"]))
    def decided(self, request):
        """The approvals that grant it, the earliest that fill all places, and until when they do; or None (8)."""
        voices, kept = [voice for voice in request["voices"] if not self.barred(request, voice["person"])], []
        revoked = {voice["person"] for voice in voices if voice["decision"] == "revoke"}
        for voice in voices:
            counts = voice["decision"] == "approve" and voice["person"] not in revoked
            kept += [voice] if counts and seated(request["demands"], kept + [voice]) else []
        if len(kept) < sum(max(one["count"], one["from_parties"]) for one in request["demands"]):
            return None
        after = min((one["run_within"] for one in request["demands"]), default=0)
        run_by = min([request["run_by"]] + [max(one["at"] for one in kept) + after for _ in kept[:1]])
        return [voice["seq"] for voice in kept], run_by
    def approval(self, _, said):
        seq, request, who = int(said["request"]), self.requests.get(int(said["request"])), said["person"]
        need(request and not request["ended"] and int(said["size"]) > seq, "CS0821")
        data, approves, demands = request["data"], said["decision"] == "approve", request["demands"]
        wanted = {**data, "request-leaf": "sha256:" + self.leaves[seq].hex(), "attempt": str(data["attempt"]),
                  "operations": "sha256:" + data["operations"], "again": " ".join(map(str, data["again"])),
                  "approve-by": data["approve_by"][:19] + "Z", "run-by": data["run_by"][:19] + "Z"}
        need(all(said[name] == wanted[name] for name in said.keys() & wanted.keys()), "CS0821")
        need(said["role"] in [one["role"] for one in demands] and not self.barred(request, who), "CS0821")
        need(self.floor <= request["approve" if approves else "run_by"], "CS0821")
        proof = self.plan["roles"][said["role"]]["proof"]
        need(not approves or proof == "signature" or proof == "user_verified" and said["flags"] & 5 == 5, "CS0821")
        need([one["decision"] for one in request["voices"] if one["person"] == who]
             == (["approve"] if said["decision"] == "revoke" else []), "CS0821")
        request["voices"].append(said)
        request["ended"] = said["decision"] == "deny"
    def request_ended(self, data):
        request = self.requests.get(data["request"])
        need(request, "CS0823")
        denied, decided = any(voice["decision"] == "deny" for voice in request["voices"]), self.decided(request)
        late = self.floor > request["approve"] or decided and self.floor > decided[1]
        true = {"denied": denied, "expired": late and not (denied and self.floor <= request["approve"])}
        need(true.get(data["why"], True), "CS0823")
        request["ended"] = request["ended"] or data["why"] != "consumed"

    # What people say, operations, outcomes.
    def word(self, _, said):
        need(bool(said["object"]) != (said["what"] in ("note", "go-on")), "CS0810")
        self.said.append(said)
    def intended(self, data):
        name, last, attempt = data["step"], self.works.get(data["step"]), data["attempt"]
        step, undo = self.step(name, anchored=True), "/undo/" in name
        forward = self.works.get(name.split("/undo/")[0]) if undo else {"attempt": 0}
        need((data["direction"] == "undo") == undo and forward, "CS0830")
        need(not last or not is_open(last), "CS0832")
        before, again = last["attempt"] if last else 0, data["try"] != 1
        nothing = last and (last["ended"] == "not_done" and last["found"] != "word" or last["ended"] == "secret_lost")
        most = max(forward["attempt"], before + 1) + self.rollbacks
        need(nothing and (last["attempt"], last["try"] + 1, last["first"]) == (attempt, data["try"], data["first"])
             if again else data["first"] is None and before < attempt <= most, "CS0837")
        roles = self.people[self.by][1] if self.by in self.on else set()
        users = self.plan["sessions"].get(step["session"], {}).get("used_by") if step["mutates"] else None
        need(roles & {step["performer"], *joint(step)} and (not users or roles & set(users)), "CS0838")
        operation, request, run_by = canonical(self.object(data["operation"])), self.requests.get(data["request"]), None
        if again:
            paid, run_by = self.requests.get(last["request"]), last["run_by"]
            need(not data["consumes"] and data["request"] in (None, last["request"]), "CS0834")
            need(last["operation"] == data["operation"], "CS0835")
            need(not paid or not paid["ended"], "CS0833")
            need(run_by is None or self.floor <= run_by, "CS0836")
        elif step["approvals"] or data["consumes"] or data["request"] is not None:
            run_by = self.paid(data, step, request, operation)
        send_by = clock(data["send_by"]) if data["send_by"] else None
        need(send_by <= min(self.now + 31_000, run_by or send_by) if send_by else "command" not in step["body"]
             and step["body"] not in ("action", "read"), "CS0836")
        self.works[name] = {**data, "first": last["first"] if again else self.seq, "seq": self.seq, "run_by": run_by,
            "ended": None, "request": last["request"] if again else data["request"]}
    def paid(self, data, step, request, operation):
        """Until when an attempt may run on the approvals that it spends, each once (8)."""
        name, asked = data["step"], request and request["data"]
        need(request and step["approvals"] and asked["what"] == "approval" and not request["ended"]
             and ("/undo/" in name or name.split("/")[0] not in request["void"]), "CS0833")
        slots = [one["operation"] for one in request["listed"] if (one["step"], one["attempt"])
            == (name, data["attempt"])]
        need(slots, "CS0833")
        need(slots[0] == operation or len(request["listed"]) > 1 and "${" in str(slots[0]), "CS0835")
        need(name not in request["spent"], "CS0834")
        request["spent"].add(name)
        decided = self.decided(request)
        if not decided:
            glass = {said["party"] for said in self.glass if int(said["attempt"]) == data["attempt"]
                and covered(said["covers"], name) and said["operations"][7:] == asked["operations"]}
            need(glass and (not step["back"]["point_of_no_return"] or self.parties <= glass), "CS0833")
            need(self.floor <= request["approve"], "CS0836")
            return request["run_by"]
        need(decided[0] == data["consumes"], "CS0833")
        need(self.floor <= decided[1], "CS0836")
        return decided[1]
    def outcome(self, data):
        step, work = self.step(data["step"]), self.works.get(data["step"])
        need((data["direction"] == "undo") == ("/undo/" in data["step"]), "CS0830")
        if data["intended"] is None:
            need(not step["mutates"], "CS0840")
        else:
            need(work and (work["seq"], work["attempt"]) == (data["intended"], data["attempt"]), "CS0841")
            by_hand = "/undo/" in data["step"] and (work["ended"], data["result"], data["found"]) == ("failed", "done", "word")
            need(by_hand or is_open(work) and work["ended"] != data["result"], "CS0841")
            work.update(ended=data["result"], found=data["found"])
        date = clock(data["date"], "[Tt ].*([Zz]|[+-][0-9:]{5})") if data["date"] is not None else 0
        need(date is not None, "CS0841")
        self.floor = max(self.floor, date)
    def observed(self, data):
        work = self.step(data["step"]) and self.works.get(data["step"])
        need(work and work["seq"] == data["intended"] and is_open(work), "CS0841")

    # The end.
    def checkpoint(self, data):
        need(1 <= data["size"] <= self.seq and data["root"] == self.root(data["size"]), "CS0854")
    def run_closed(self, data):
        need(not any(map(is_open, self.works.values())) and (not self.holds or data["result"] == "abandoned"), "CS0850")
        performing = {role for stage in self.plan["stages"] for one in stage["steps"] for role in joint(one)
            or [one["performer"]]}
        word = [one for one in self.said if (one["what"], one["covers"], one["seq"])
            == ("note", "abandon", self.seq - 1)]
        need(data["counts"] == dict(collections.Counter(self.kinds))
             and (data["result"] in ("done", "rolled_back") or data["result"] == "abandoned" and word
             and word[0]["role"] in performing), "CS0851")
        self.closed = (data["result"], self.seq)
    def witness(self, _, said):
        need(self.closed and said["result"] == self.closed[0] and int(said["size"]) > self.closed[1], "CS0851")
        self.witnessed.add(said["party"])

# --- Bundle (7), verdict (10) ---
def run_of(data):
    (head, *lines), objects, last = [*data.split(b"\n"), b"x"][:-1] or [b""], {}, ""
    need(lines and lines.pop() == b"", "CS0801")
    head, count = canonical(head, True), sum(not line.startswith(b'{"base64":') for line in lines)
    need(isinstance(head, dict) and fits("X", head.get("run")) and head == {"bundle": 1, "run": head["run"]}, "CS0801")
    for line in map(canonical, lines[count:]):
        need(shaped(members("base64 S, sha256 D"), line) and line["sha256"] > last, "CS0801")
        last = line["sha256"]
        objects[last] = unbase64(line["base64"])
        need(sha(objects[last]).hex() == last, "CS0812")
    return Run(head["run"], lines[:count], objects)

def verdict(data):
    """What `countersign verify` says where it has no trust file and no kept head."""
    try:
        run = run_of(data)
    except (Refused, ValueError) as error:
        return {"verdict": "INVALID", "code": error.args[0] if isinstance(error, Refused) else "CS0801"}
    if code := run.verify():
        return {"verdict": "INVALID", "code": code, "entry": run.seq}
    return {"verdict": "CLOSED" if run.closed else "OPEN", "entries": len(run.lines), "break_glass": bool(run.glass),
            "unreconciled": bool(run.glass) and not (run.closed and run.parties <= run.witnessed)}

def main():
    left = "Left to `countersign verify`:\n" + "".join(f"  {code}  {what}\n" for code, what in LEFT.items())
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0], epilog=left, formatter_class=form)
    parser.add_argument("bundle", type=argparse.FileType("rb"), help="a file that `countersign export` has written")
    parser.add_argument("--json", action="store_true", help="the verdict as one line of JSON")
    args = parser.parse_args()
    found = verdict(args.bundle.read())
    print(json.dumps(found) if args.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    sys.exit({"INVALID": 6, "OPEN": 4}.get(found["verdict"], 4 if found.get("unreconciled") else 0))

if __name__ == "__main__":
    main()
