#!/usr/bin/env python3
"""A second verifier of Countersign's bundles, for auditors: Python's standard library and `ssh-keygen`, nothing else.

It reads a bundle (`countersign export`) by journal/FORMAT.md; the number in each heading is the section there. The
first rule that is broken ends it: INVALID, with the entry and the code of section 9. It writes nothing but a temporary
file for `ssh-keygen`. Left to `countersign verify`, as far as said here: CS0813 members of plan, people and operations
that no rule here reads; CS0815 keys that anybody can make; CS0816 trust files, and so WITNESSED; CS0820 templates, and
how far a request reaches; CS0822 a request's clocks; CS0823 why a request ended; CS0835 templates; CS0839
confirmations; CS0842 words that settle a doubt; CS0843 words of those who do a task; CS0844 holds; CS0851 whether every
step is done, or taken back, as the result says; CS0856 sessions, endpoints; CS0860 who signs a change of runbook or
people, and what it may change; CS0890 kept heads: DIVERGED."""
import argparse, base64, collections, functools, hashlib, itertools, json, re, subprocess, sys, tempfile, tomllib
from datetime import datetime

LEFT = re.findall("CS08[0-9]{2}", __doc__)

class Refused(Exception):
    """A rule is broken: its code."""

def need(rule, code):
    if not rule: raise Refused(code)

# --- Bytes and values (1) ---
STEP = re.compile("([a-z][a-z0-9_]*)(?::([A-Za-z0-9._-]{1,64}))?/([a-z][a-z0-9_]*)(?:/undo/([a-z][a-z0-9_]*))?")
def sha(data): return hashlib.sha256(data).digest()
def covers_of(step): return f"undo {step.split('/undo/')[0]}" if "/undo/" in step else step
def seconds(text): return clock(text, "T[0-9:]{8}Z")

def integer(text):
    need(len(text) < 18 and abs(int(text)) < 2**53, "CS0801")
    return int(text)

@functools.lru_cache(1 << 16)
def canonical(data, line=False):
    """The value of canonical JSON. It is written anew only to refuse bytes that are not canonical."""
    code, keys, number = "CS0801" if line else "CS0813", [], dict.fromkeys(("parse_int", "parse_float"), integer)
    try:
        value = json.loads(data.decode(), parse_constant=integer, **number,
            object_pairs_hook=lambda pairs: keys.extend(key for key, _ in pairs) or dict(pairs))
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        nesting = (1 if byte in b"[{" else -1 for byte in re.sub(rb'"(?:[^"\\]|\\.)*"|[^][{}]', b"", data))
        need(again == data and max(itertools.accumulate(nesting), default=0) <= (8 if line else 64), code)
    except (ValueError, RecursionError):
        raise Refused(code) from None
    need(not line or len(data) <= 65536 and all(map(text_of("[a-z0-9_]{1,64}"), keys)), code)
    return value

def clock(text, form="T.{8}[.][0-9]{3}Z"):
    """Milliseconds since 1970 of a time of this form; None where it is none."""
    try: return round(datetime.fromisoformat(re.fullmatch("[0-9-]{10}" + form, text)[0]).timestamp() * 1000)
    except (TypeError, ValueError): return None

def covered(pattern, step):
    """Whether what is covered holds this step. A pattern with `*` never covers an undo."""
    place = step.split("/")[0]
    wide = f"{place}/*", f"{place.split(':')[0]}:*/*" if ":" in place else f"{place}/*"
    return pattern in (step, covers_of(step)) or "/undo/" not in step and pattern in wide

# --- Forms: S text, D digest, T time, N number, P step; `?` or null, `*` a list of, `%` an object of, `|` one of ---
def text_of(pattern): return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None
def members(text): return dict(member.split() for member in text.split(", "))
def table(text): return dict(" ".join(row.split()).split(": ", 1) for row in text.split(";"))

FORMS = {"S": lambda v: isinstance(v, str), "N": lambda v: type(v) is int and v >= 0, "any": lambda v: True,
    "bool": lambda v: isinstance(v, bool), "D": text_of("[0-9a-f]{64}"), "X": text_of("[0-9a-f]{32}"),
    "T": lambda v: clock(v) is not None, "P": text_of(STEP), "signed": lambda v: shaped(members(SIGNED), v),
    "error": lambda v: shaped(members("code S, reason S, message S, class S"), v),
    # In statements, where every value is text:
    "number": text_of("0|[1-9][0-9]{0,15}"), "numbers": text_of("([0-9]+( [0-9]+)*)?"),
    "time": lambda v: seconds(v) is not None, "root": text_of("[A-Za-z0-9+/]{43}="),
    "digest": text_of("sha256:[0-9a-f]{64}"), "object": text_of("(sha256:[0-9a-f]{64})?")}

def fits(form, value):
    if form in FORMS or form[-1] not in "?*%":
        return FORMS[form](value) if form in FORMS else isinstance(value, str) and value in form.split("|")
    if form[-1] == "?": return value is None or fits(form[:-1], value)
    return (isinstance(value, list if form[-1] == "*" else dict)
        and all(fits(form[:-1], one) for one in (value.values() if form[-1] == "%" else value)))

def shaped(forms, value):
    return isinstance(value, dict) and value.keys() == forms.keys() and all(fits(forms[name], value[name])
        for name in forms)

# --- Entry (2), entry kinds (5) ---
# A member has the same form wherever its name stands, but for those that say another behind a `:`.
FORM = {name: form for form, names in table("""S: host program random session account arn session_kind endpoint why code
    stage hold covers performer summary role at_step side to root result statement signature key machine; N?: first;
    S?: item request_id date; N: count proved attempt try request intended took_ms size; N*: again consumes; P: step;
    D: runbook values plan operation operations; D?: people_signatures items object output; S%: paths; P*: steps;
    T: approve_by run_by; T?: until send_by; S*: people sides differs; error?: error; N%: counts; signed*: statements;
    do|undo: direction; live|simulated|rehearsal: mode; approval|settle: what; done|not_done|cannot_tell: reading;
    answer|probe|word|executor: found; bool: began""").items() for name in names.split()}
SIGNED = "statement S, signature S, key S"
KINDS = {kind: {name: form or FORM[name] for name, _, form in (member.partition(":") for member in names.split())}
    for kinds, names in table("""run_opened: runbook values plan people:D people_signatures mode program host random
    paths; session_opened: session account arn session_kind endpoint; stage_entered: stage items count;
    anchor_set: stage item object:D proved; anchor_refused: stage item why object; resumed: why; signed_off: people why;
    anchor_regained: stage item object:D differs; hold_began hold_ended: hold; hold_proved: hold object;
    paused: why code; checkpoint: size root; waited: step began until; rollback_started: to steps;
    asked: covers operations attempt performer summary again approve_by run_by what; run_closed: result counts;
    request_ended: request why:consumed|denied|expired|amended|people_changed|rollback_started|handed_over|"""
    """performer_changed|new_attempt|anchor_changed; intended: step direction attempt try operation request:N?
    consumes first send_by; outcome: step direction attempt intended:N? output request_id date error took_ms found
    result:done|failed|not_done|in_doubt|secret_lost; observed: step direction intended side reading object:D;
    verified: step direction sides object; skipped: stage item step:S? why; waiting: at_step role people until why
    what:approval|confirmation|task|answer|settle|performer|session|time|aws|go_on; amended: runbook plan statements;
    people_changed: people:D statements; signed_on: statement signature key machine;
    approval said break_glass handed_over witness: statement signature key""").items() for kind in kinds.split()}
ENTRY = members("at T, by S?, data any, epoch N, kind S, mono N, prev D, run X, seq N, v N")

# --- Chain and tree (3) ---
def root_of(leaves, nodes, at, count):
    if count > 1 and (at, count) not in nodes:
        left = 1 << ((count - 1).bit_length() - 1)
        halves = root_of(leaves, nodes, at, left), root_of(leaves, nodes, at + left, count - left)
        nodes[at, count] = sha(b"\1" + b"".join(halves))
    return nodes[at, count] if count > 1 else leaves[at]

# --- Signed statements (4) ---
HEAD = "run X, mode live|simulated|rehearsal, size number, root root, runbook digest, plan digest, people digest, "
TYPES = table("""approval: decision approve|deny|revoke, request number, request-leaf digest, covers S,
    operations digest, attempt number, performer S, summary S, again numbers, approve-by time, run-by time;
    witness: result S; hand-over: to S; decline: to S;
    said: what confirmed|task|answer|evidence|settled|note|go-on, covers S, attempt number, object object;
    break-glass: covers S, operations digest, attempt number; sign-on: epoch number, machine S;
    change: new-runbook digest, new-plan digest, new-people digest; people: people digest""")
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
    forms = members((HEAD if kind != "people" else "") + TYPES[kind]
        + ", person S, party S, role S, nonce X, signed-at time, reason S")
    first, *lines = statement.split("\n")
    need(len(statement) <= 4096 and first == f"countersign {kind} v1" and lines and lines.pop() == "", "CS0806")
    lines = [line.partition(": ") for line in lines]
    said = {key: unescaped(text) for key, _, text in lines}
    need([line[:2] for line in lines] == [(key, ": ") for key in forms] and shaped(forms, said)
        and len(said.get("summary", "")) <= 400, "CS0806")
    return said

def unbase64(text):
    data = base64.b64decode(text)
    need(base64.b64encode(data).decode() == text, "CS0806")
    return data

def strong(proper):
    """Whether an Ed25519 signature is in its one encoding, and its point not of small order."""
    y, p, s = int.from_bytes(proper[:32], "little") % 2**255, 2**255 - 19, int.from_bytes(proper[32:], "little")
    odd = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7
    return y < p and y not in (0, 1, p - 1, odd, p - odd) and s < 2**252 + 27742317777372353535851937790883648493

@functools.lru_cache(1 << 15)
def accepted(namespace, statement, signature):
    """Whether OpenSSH takes the signature. Cached, because it takes its time."""
    with tempfile.NamedTemporaryFile(buffering=0) as file:
        file.write(signature.encode())
        call = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", file.name]
        return subprocess.run(call, input=statement.encode(), capture_output=True).returncode == 0

def good(key, namespace, statement, signature):
    """Refuses all but a good signature by this key; gives the flags byte of a security key."""
    def ssh(data): return len(data).to_bytes(4, "big") + data
    (kind, blob), body = key.split(" "), "".join(signature.split("\n")[1:-2])
    data, before = unbase64(body), b"".join(map(ssh, (unbase64(blob), namespace.encode(), b"")))
    heads = tuple(b"SSHSIG\0\0\0\1" + before + ssh(hashed) for hashed in (b"sha512", b"sha256"))
    lines = ["-----BEGIN SSH SIGNATURE-----", *re.findall(".{1,70}", body), "-----END SSH SIGNATURE-----", ""]
    need("\n".join(lines) == signature and data.startswith(heads), "CS0806")
    proper = data[len(heads[0]) + 4 + len(ssh(kind.encode())) + 4:][:64]
    need(("25519" not in kind or strong(proper)) and accepted(namespace, statement, signature), "CS0806")
    return data[-5] if kind[:2] == "sk" else 0

# --- Objects (6) ---
OPERATION = members("covers S, step P, direction do|undo, attempt N, performer S, operation any")
KEYS = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")

@functools.lru_cache(1 << 10)
def people_of(data):
    """The people file: by id the party, the roles and the keys; and who may break the glass."""
    file = tomllib.loads(data.decode())
    people = {who: (one["party"], set(one["roles"]), [" ".join(line.split()[:2]) for line in one["keys"]])
        for who, one in file["people"].items()}
    keys = [key for *_, own in people.values() for key in own]
    need(file["schema"] == 1 and len(set(keys)) == len(keys) and {key.split()[0] for key in keys} <= {*KEYS}, "CS0813")
    return people, file.get("break_glass", {"people": []})["people"]

def roles_of(step):
    return {step["performer"], *(step["body"]["manual"]["performers"] if "manual" in step["body"] else ())}
def is_open(work): return work["ended"] in (None, "in_doubt")
def by_hand(work): return "/undo/" in work["step"] and work["ended"] == "failed"

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
        self.entered, self.anchors, self.requests, self.works, self.floor = {}, {}, {}, {}, 0
        self.closed, self.away, self.before, self.machine, self.witnessed, self.words = *[None] * 4, set(), []
    def entry(self, seq, line):
        entry = canonical(line, True)
        need(shaped(ENTRY, entry) and shaped(KINDS.get(entry["kind"], {"": ""}), entry["data"]), "CS0801")
        kind, data, by, before = entry["kind"], entry["data"], entry["by"], self.before or entry
        new, signs_on, prev = entry["epoch"] > before["epoch"], kind == "signed_on", (self.leaves or [bytes(32)])[-1]
        recovers = kind == "said" and "\nwhat: note\ncovers: recovery:" in data["statement"]
        if not (recovers or signs_on): self.words = []
        for rule, code in ((entry["v"] == 1, "CS0801"), (entry["at"] >= before["at"], "CS0803"),
                ((entry["run"], entry["seq"], entry["prev"]) == (self.run, seq, prev.hex()), "CS0802"),
                ((kind == "run_opened") == (seq == 0) and (seq != 1 or signs_on and by == before["by"]), "CS0805"),
                (not self.closed or kind in ("witness", "checkpoint"), "CS0852"),
                (not self.away or signs_on or recovers or kind == "handed_over", "CS0853"),
                (entry["epoch"] == before["epoch"] or new and signs_on, "CS0804")):
            need(rule, code)
        self.by, self.now, self.before, self.on = by, clock(entry["at"]), entry, set() if new else self.on
        self.floor = max(self.floor, self.now)
        rule = getattr(self, {"said": "word"}.get(kind, kind), lambda *_: None)
        name = "decline" if data.get("statement", "").startswith("countersign decline ") else NAMES.get(kind, kind)
        self.new = new or seq == 1
        rule(data, *([self.voice(name, data)] if "signature" in data else []))
        self.kinds.append(kind)
        self.leaves.append(sha(b"\0" + line))
        self.force.append(self.digests)
    def object(self, digest):
        need(digest in self.objects, "CS0812")
        return self.objects.get(digest, b"")
    def root(self, size): return base64.b64encode(root_of(self.leaves, self.nodes, 0, size)).decode()
    def voice(self, kind, data, known=()):
        """A signed statement: its history, its person, its signature (4)."""
        said, text = fields(kind, data["statement"]), data["statement"]
        who, at = said["person"], seconds(said["signed-at"])
        if kind != "people":
            size, force = int(said["size"]), tuple(said[name][7:] for name in ("runbook", "plan", "people"))
            need(1 <= size <= self.seq and said["root"] == self.root(size) and force == self.force[size - 1]
                 and (said["run"], said["mode"]) == (self.run, self.mode), "CS0807")
            need(at <= self.now + 120_000, "CS0811")
            self.floor = max(self.floor, at)
        need(kind in ("people", "change") or who == self.by, "CS0810")
        owners = [people[who] for people in known or [self.people] if who in people and data["key"] in people[who][2]]
        need(owners and said["party"] == owners[0][0] and said["role"] in {"", *owners[0][1]}, "CS0808")
        need(not {text, said["nonce"]} & self.used, "CS0809")
        self.used |= {text, said["nonce"]}
        flags = good(data["key"], f"{kind}-v1@countersign", text, data["signature"])
        return {**said, "flags": flags, "seq": self.seq, "at": at}

    # Digests in force, and the seat.
    def in_force(self, *digests):
        self.digests, (_, plan, people) = digests, map(self.object, digests)
        self.plan, (self.people, self.breakers) = canonical(plan), people_of(people)
        need(self.plan["plan"] == 1 and self.plan["runbook"] == digests[0], "CS0813")
        self.parties = {role["party"] for role in self.plan["roles"].values()} - {""}
        stages = self.plan["stages"][::-1]
        self.stages = {stage["id"]: stage for stage in stages}
        self.steps = {(stage["id"], step["id"], undo): one for stage in stages for step in stage["steps"][::-1]
            for undo, one in [(None, step), *((one["id"], one) for one in step["back"]["undo"][::-1])]}
    def run_opened(self, data):
        self.starter, self.mode, people, digest = self.by, data["mode"], data["people"], data["people_signatures"]
        self.in_force(data["runbook"], data["plan"], people)
        self.object(data["values"])
        need((self.plan["values"], self.plan["people"]) == (data["values"], people), "CS0813")
        need(self.by in self.people, "CS0805")
        free = self.mode == "rehearsal" or len(self.parties) < 2
        need(digest in self.objects or free and digest is None, "CS0814")
        signed = [self.voice("people", one) for one in canonical(self.objects[digest])["signatures"]] if digest else []
        need(all(one["people"][7:] == people for one in signed)
             and (free or self.parties <= {one["party"] for one in signed}), "CS0814")
    def signed_on(self, data, said):
        need(int(said["epoch"]) == self.before["epoch"], "CS0804")
        need(said["machine"] == data["machine"], "CS0810")
        away, self.away, words, self.words = self.away, None, self.words, []
        spoke = {party for machine, party in words if machine == data["machine"]}
        there = self.seq == 1 or spoke and self.parties <= spoke or self.new and away
        need(not away or self.new and (away[1] == self.by or spoke and self.parties <= spoke), "CS0853")
        need(there or data["machine"] == self.machine, "CS0855")
        self.on, self.machine = self.on | {self.by}, data["machine"]
    def signed_off(self, data): self.on = self.on - set(data["people"])
    def ends(self, *_):
        for request in self.requests.values(): request["ended"] = True
    rollback_started = ends
    def handed_over(self, data, said):
        if data["statement"].startswith("countersign decline "): need(self.away == (said["to"], self.by), "CS0853")
        else:
            need(self.away or self.by in self.on, "CS0838")
            need(not self.away, "CS0853")
        self.away = self.by, said["to"]
        self.ends()
    def amended(self, data):
        names = "runbook", "plan", "people"
        force = tuple(data.get(name, old) for name, old in zip(names, self.digests))
        for one in data["statements"]:
            said = self.voice("change", one, [self.people, people_of(self.object(force[2]))[0]])
            need(tuple(said["new-" + name][7:] for name in names) == force
                 and tuple(said[name][7:] for name in names) == self.digests, "CS0860")
        need(data["statements"], "CS0860")
        self.ends()
        self.in_force(*force)
    people_changed = amended
    def break_glass(self, _, said):
        need(self.by in self.breakers and self.by not in self.on and said["reason"].strip(), "CS0861")
        self.glass.append(said)

    # Stages, places, steps, anchors.
    def stage_entered(self, data):
        name, repeats, stage = data["stage"], data["items"] is not None, self.stages.get(data["stage"])
        items = canonical(self.object(data["items"])) if repeats else [{"key": None, "value": None}]
        need(all(item.keys() == {"key", "value"} for item in items), "CS0813")
        need(stage and repeats == (stage["for_each"] is not None) and data["count"] == len(items)
             and (not repeats or stage["items"] in (None, items)), "CS0830")
        self.entered[name] = [item["key"] for item in items]
    def skipped(self, data): need(data["stage"] in self.stages, "CS0830")
    def place(self, data):
        need(data["stage"] in self.stages and data["item"] in self.entered.get(data["stage"], ()), "CS0830")
        return data["stage"] + (f":{data['item']}" if data["item"] else "")
    anchor_refused = anchor_regained = place
    def anchor_set(self, data):
        place, anchor, new = self.place(data), self.stages[data["stage"]]["anchor"], data["object"]
        need(anchor and data["proved"] == len(anchor["prove"]), "CS0831")
        for request in self.requests.values():
            request["void"] |= {place} if self.anchors.get(place, new) != new else set()
        self.anchors[place] = new
    def step(self, name, code="CS0830", anchored=False):
        """A step of the plan, at a place that was entered; for a changing one its anchor stands."""
        stage, item, step, undo = STEP.fullmatch(name).groups()
        need((stage, step, undo) in self.steps and item in self.entered.get(stage, ()), code)
        found = self.steps[stage, step, undo]
        anchored = anchored and found["mutates"] and self.stages[stage]["anchor"]
        need(not anchored or name.split("/")[0] in self.anchors, "CS0831")
        return found
    def verified(self, data): self.step(data["step"])
    waited = verified
    def hold_began(self, data): self.holds.add(data["hold"])
    def hold_ended(self, data): self.holds.discard(data["hold"])

    # Requests and decisions.
    def asked(self, data):
        settle = data["what"] == "settle"
        covers, attempt, performer = data["covers"], data["attempt"], data["performer"]
        listed = [{"step": name} for name, work in sorted(self.works.items()) if (is_open(work) or by_hand(work))
            and work["attempt"] == attempt and covers in (name, covers_of(name))][:1]
        stored = self.object(data["operations"])
        listed = listed if settle else canonical(stored)
        need(listed and performer in self.on and all(seq in self.requests for seq in data["again"]), "CS0820")
        steps = [self.step(one["step"], "CS0820", True) for one in listed]
        for one, step in zip(listed, steps):
            wanted = dict(covers=covers_of(one["step"]), performer=performer, attempt=attempt,
                direction="undo" if "/undo/" in one["step"] else "do")
            need(step["approvals"] == steps[0]["approvals"] and self.people[performer][1] & roles_of(step), "CS0820")
            need(settle or shaped(OPERATION, one) and one == one | wanted and covered(covers, one["step"]), "CS0820")
        self.requests[self.seq] = dict(data=data, listed=listed, demands=steps[0]["approvals"], void=set(), voices=[],
            ended=False, spent=set(), approve=clock(data["approve_by"]), run_by=clock(data["run_by"]))
    def barred(self, request, who):
        """Whether somebody may not approve: a performer, who opened the run, who holds roles that are apart (8)."""
        words = [one["covers"] for one in self.said if one["person"] == who and one["what"] not in ("note", "go-on")]
        return (who == request["data"]["performer"] or self.plan["exclude_starter"] and who == self.starter
                or any(covered(word, one["step"]) for word in words for one in request["listed"])
                or any(len(self.people[who][1] & set(apart)) > 1 for apart in self.plan["apart"]))
    def decided(self, request):
        """The approvals that grant it, the earliest that fill all places, and until when they do; or None (8)."""
        voices, kept = [voice for voice in request["voices"] if not self.barred(request, voice["person"])], []
        revoked, demands = {voice["person"] for voice in voices if voice["decision"] == "revoke"}, request["demands"]
        for voice in voices:
            counts = voice["decision"] == "approve" and voice["person"] not in revoked
            kept += [voice] if counts and seated(demands, kept + [voice]) else []
        after = min((one["run_within"] for one in demands), default=0)
        enough = len(kept) >= sum(max(one["count"], one["from_parties"]) for one in demands)
        run_by = min([request["run_by"]] + [max(one["at"] for one in kept) + after for _ in kept[:1]])
        return ([voice["seq"] for voice in kept], run_by) if enough else None
    def approval(self, _, said):
        seq, request, who = int(said["request"]), self.requests.get(int(said["request"])), said["person"]
        need(request and not request["ended"] and int(said["size"]) > seq, "CS0821")
        data, choice, demands = request["data"], said["decision"], request["demands"]
        wanted = {**data, "request-leaf": "sha256:" + self.leaves[seq].hex(), "attempt": str(data["attempt"]),
            "operations": "sha256:" + data["operations"], "again": " ".join(map(str, data["again"])),
            "approve-by": data["approve_by"][:19] + "Z", "run-by": data["run_by"][:19] + "Z"}
        need(all(said[name] == wanted[name] for name in said.keys() & wanted.keys()), "CS0821")
        need(said["role"] in [one["role"] for one in demands] and not self.barred(request, who), "CS0821")
        need(self.floor <= request["approve" if choice == "approve" else "run_by"], "CS0821")
        proof, proved = self.plan["roles"][said["role"]]["proof"], said["flags"] & 5 == 5
        need(choice != "approve" or proof == "signature" or proof == "user_verified" and proved, "CS0821")
        own = [one["decision"] for one in request["voices"] if one["person"] == who]
        need(own == (["approve"] if choice == "revoke" else []), "CS0821")
        request["voices"].append(said)
        request["ended"] = choice == "deny"
    def request_ended(self, data):
        need(data["request"] in self.requests, "CS0823")
        self.requests[data["request"]]["ended"] |= data["why"] != "consumed"

    # What people say, operations, outcomes.
    def word(self, _, said):
        need(bool(said["object"]) != (said["what"] in ("note", "go-on")), "CS0810")
        if said["what"] == "note" and said["covers"].startswith("recovery:"):
            need(int(said["size"]) + len(self.words) == self.seq, "CS0855")
            self.words.append((said["covers"][9:], said["party"]))
        self.said.append(said)
    def intended(self, data):
        name, last, attempt, again = data["step"], self.works.get(data["step"]), data["attempt"], data["try"] != 1
        step, undo, first, request = self.step(name, anchored=True), "/undo/" in name, self.seq, data["request"]
        forward = self.works.get(name.split("/undo/")[0]) if undo else {"attempt": 0}
        need((data["direction"] == "undo") == undo and forward, "CS0830")
        need(not last or not is_open(last), "CS0832")
        roles = self.people[self.by][1] if self.by in self.on else set()
        users = self.plan["sessions"].get(step["session"], {}).get("used_by") if step["mutates"] else None
        need(roles & roles_of(step) and (not users or roles & set(users)), "CS0838")
        operation, run_by = canonical(self.object(data["operation"])), None
        if again:
            ended = last and (last["ended"] if last["found"] != "word" or last["ended"] != "not_done" else None)
            turn = last and (last["attempt"], last["try"] + 1, last["first"]) == (attempt, data["try"], data["first"])
            need(turn and ended in ("not_done", "secret_lost"), "CS0837")
            first, request, run_by = last["first"], last["request"], last["run_by"]
            need(not data["consumes"] and data["request"] in (None, request), "CS0834")
            need(last["operation"] == data["operation"], "CS0835")
            need(request not in self.requests or not self.requests[request]["ended"], "CS0833")
            need(run_by is None or self.floor <= run_by, "CS0836")
        else:
            before = last["attempt"] if last else 0
            most = max(forward["attempt"], before + 1) + self.kinds.count("rollback_started")
            need(data["first"] is None and before < attempt <= most, "CS0837")
            if step["approvals"] or data["consumes"] or request is not None:
                run_by = self.paid(data, step, self.requests.get(request), operation)
        send_by, by_aws = clock(data["send_by"]), "command" in step["body"] or step["body"] in ("action", "read")
        need(send_by <= min(self.now + 31_000, run_by or send_by) if data["send_by"] else not by_aws, "CS0836")
        self.works[name] = data | dict(first=first, request=request, seq=self.seq, run_by=run_by, ended=None)
    def paid(self, data, step, request, operation):
        """Until when an attempt may run on the approvals that it spends, each once (8)."""
        name, attempt, place = data["step"], data["attempt"], data["step"].split("/")[0]
        need(request and step["approvals"] and request["data"]["what"] == "approval" and not request["ended"]
             and ("/undo/" in name or place not in request["void"]), "CS0833")
        own = [one["operation"] for one in request["listed"] if (one["step"], one["attempt"]) == (name, attempt)]
        need(own, "CS0833")
        need(own[0] == operation or len(request["listed"]) > 1 and "${" in str(own[0]), "CS0835")
        need(name not in request["spent"], "CS0834")
        request["spent"].add(name)
        glass = {said["party"] for said in self.glass if int(said["attempt"]) == attempt
            and covered(said["covers"], name) and said["operations"][7:] == request["data"]["operations"]}
        granted = self.decided(request)
        broken = glass and (not step["back"]["point_of_no_return"] or self.parties <= glass)
        need(granted[0] == data["consumes"] if granted else broken, "CS0833")
        need(self.floor <= (granted[1] if granted else request["approve"]), "CS0836")
        return granted[1] if granted else request["run_by"]
    def outcome(self, data):
        step, work, result = self.step(data["step"]), self.works.get(data["step"]), data["result"]
        need((data["direction"] == "undo") == ("/undo/" in data["step"]), "CS0830")
        need(data["intended"] is not None or not step["mutates"], "CS0840")
        if data["intended"] is not None:
            again = work and by_hand(work) and (result, data["found"]) == ("done", "word")
            need(work and (work["seq"], work["attempt"]) == (data["intended"], data["attempt"])
                 and (again or is_open(work) and work["ended"] != result), "CS0841")
            work.update(ended=result, found=data["found"])
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
        result, last = data["result"], (self.said or [None])[-1]
        need(not any(map(is_open, self.works.values())) and (not self.holds or result == "abandoned"), "CS0850")
        word = last and (last["what"], last["covers"], last["seq"]) == ("note", "abandon", self.seq - 1) and any(
            last["role"] in roles_of(step) for step in self.steps.values())
        need(data["counts"] == dict(collections.Counter(self.kinds)) and (result in ("done", "rolled_back")
             or result == "abandoned" and word), "CS0851")
        self.closed = result, self.seq
    def witness(self, _, said):
        need(self.closed and said["result"] == self.closed[0] and int(said["size"]) > self.closed[1], "CS0851")
        self.witnessed.add(said["party"])

# --- Bundle (7), verdict (10) ---
def run_of(data):
    (head, *lines), objects, last = data.split(b"\n"), {}, ""
    need(lines and lines.pop() == b"", "CS0801")
    head, count = canonical(head, True), sum(not line.startswith(b'{"base64":') for line in lines)
    need(shaped(members("bundle N, run X"), head) and head["bundle"] == 1, "CS0801")
    for line in map(canonical, lines[count:]):
        need(shaped(members("base64 S, sha256 D"), line) and line["sha256"] > last, "CS0801")
        last = line["sha256"]
        objects[last] = unbase64(line["base64"])
        need(sha(objects[last]).hex() == last, "CS0812")
    return Run(head["run"], lines[:count], objects)

def verdict(data):
    """What `countersign verify` says where it has no trust file and no kept head."""
    run = None
    try:
        run = run_of(data)
        for run.seq, line in enumerate(run.lines): run.entry(run.seq, line)
        need(len(run.lines) > 1, "CS0805")
    except Refused as error:
        return {"verdict": "INVALID", "code": error.args[0], **({"entry": run.seq} if run else {})}
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):  # what a rule needs is not of its form
        return {"verdict": "INVALID", **({"code": "CS0813", "entry": run.seq} if run else {"code": "CS0801"})}
    return {"verdict": "CLOSED" if run.closed else "OPEN", "entries": len(run.lines), "break_glass": bool(run.glass),
        "unreconciled": bool(run.glass) and not (run.closed and run.parties <= run.witnessed)}

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=argparse.FileType("rb"), help="a file that `countersign export` has written")
    parser.add_argument("--json", action="store_true", help="the verdict as one line of JSON")
    args = parser.parse_args()
    found = verdict(args.bundle.read())
    print(json.dumps(found) if args.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    sys.exit({"INVALID": 6, "OPEN": 4}.get(found["verdict"], 4 if found.get("unreconciled") else 0))

if __name__ == "__main__":
    main()
