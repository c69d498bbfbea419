#!/usr/bin/env python3
"""A second verifier of Countersign's bundles, for auditors: Python's standard library and `ssh-keygen`.

It reads a bundle (`countersign export`) by journal/FORMAT.md. The forms of members stand in forms.toml,
beside it. The first broken rule ends it: INVALID, with the entry and the code of section 9. It checks
format, chain, roots and epochs; statements and their signatures; what approvals are bound to, and that each
is spent once. It writes nothing but a temporary file for `ssh-keygen`. Left to `countersign verify`, wholly
or as far as is said in brackets: CS0813 (members that no rule here reads), CS0815 keys that anybody can
make, CS0816 trust files, so WITNESSED, CS0820 (templates, how far a request reaches), CS0822 its clocks,
CS0823 why it ended, CS0824 codes of devices, CS0830 (stages, items), CS0831 anchors and their proofs,
CS0835 (templates), CS0836 clocks of an operation, CS0837 (attempts left out), CS0838 who performs, CS0839
confirmations, CS0841 (observations), CS0842 words that settle a doubt, CS0843 tasks, CS0844 and CS0850
(holds), CS0851 (the result), CS0853 hand-over, CS0855 copies, CS0856 sessions, CS0860 who signs a change,
CS0861 who may break the glass, CS0890 kept heads, so DIVERGED."""
import argparse, base64, functools, hashlib, itertools, json, pathlib, re, subprocess, sys, tempfile, tomllib
from datetime import datetime

LEFT = re.findall("CS08[0-9]{2}", __doc__)
FORMS = tomllib.loads(pathlib.Path(__file__).with_name("forms.toml").read_text())
MEMBER = {name: form for form, names in FORMS["member"].items() for name in names.split()}
NUMBERS = {"N": range(2**53), "U": range(2**32), "V": range(1, 2)}
STEP = re.compile(FORMS["text"]["P"])

class Refused(Exception): """A rule is broken: its code."""
def need(rule, code):
    if not rule: raise Refused(code)

# --- Bytes and values (1) ---
def sha(data): return hashlib.sha256(data).digest()
def unbase64(text, code):
    data = base64.b64decode(text)
    need(base64.b64encode(data).decode() == text, code)
    return data

@functools.lru_cache(1 << 16)
def canonical(data, line=False):
    """The value of canonical JSON. It is written anew only to refuse bytes that are not canonical."""
    code, keys = "CS0801" if line else "CS0813", []
    try:
        value = json.loads(data.decode(), parse_float=int, parse_constant=int,
            object_pairs_hook=lambda pairs: keys.extend(key for key, _ in pairs) or dict(pairs))
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(code) from None
    nesting = (1 if byte in b"[{" else -1 for byte in re.sub(rb'"(?:[^"\\]|\\.)*"|[^][{}]', b"", data))
    need(again == data and max(itertools.accumulate(nesting), default=0) <= (8 if line else 64), code)
    need(not line or len(data) <= 65536 and all(re.fullmatch("[a-z0-9_]{1,64}", key) for key in keys), code)
    return value

def clock(text):
    """Milliseconds since 1970 of a time; None where it is none."""
    try: return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError: return None
@functools.lru_cache
def forms_of(names):
    return {name: form or MEMBER[name] for name, _, form in (one.partition(":") for one in names.split())}

def fits(form, value):
    """Whether a value is of a form of forms.toml."""
    if form[-1] == "?": return value is None or fits(form[:-1], value)
    if form[-1] == "*": return isinstance(value, list) and all(fits(form[:-1], one) for one in value)
    if form[-1] == "%": return isinstance(value, dict) and all(fits(form[:-1], one) for one in value.values())
    if form in FORMS["object"]: return shaped(FORMS["object"][form], value)
    if form in NUMBERS: return type(value) is int and value in NUMBERS[form]
    if form in ("any", "bool"): return form == "any" or isinstance(value, bool)
    text = isinstance(value, str) and re.fullmatch(FORMS["text"].get(form, form), value)
    return bool(text) and (form not in ("T", "time", "date") or clock(value) is not None)

def shaped(names, value):
    """Whether it is an object with exactly these members, each of its form."""
    same = isinstance(value, dict) and value.keys() == forms_of(names).keys()
    return same and all(fits(form, value[name]) for name, form in forms_of(names).items())
def direction_of(step): return "undo" if "/undo/" in step else "do"
def behind(step): return step.count("/") == 3
def covers_of(step): return "{2} {0}/{1}".format(*step.split("/")) if behind(step) else step
def is_open(work): return work["ended"] in (None, "in_doubt")
def failed_undo(work): return behind(work["step"]) and work["ended"] == "failed"

def covered(pattern, step):
    """Whether what is covered holds this step. A pattern with `*` never covers an undo or a repair."""
    place = step.split("/")[0]
    wide = f"{place}/*", f"{place.split(':')[0]}:*/*" if ":" in place else f"{place}/*"
    return pattern in (step, covers_of(step)) or not behind(step) and pattern in wide

# --- Chain and tree (3) ---
@functools.lru_cache(1 << 8)
def root_of(leaves):
    if len(leaves) == 1: return leaves[0]
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha(b"\1" + root_of(leaves[:left]) + root_of(leaves[left:]))

# --- Signed statements (4) ---
NAMES = {"signed_on": "sign-on", "handed_over": "hand-over", "break_glass": "break-glass"}

def unescaped(raw):
    """The text of a line's value; only its one escaped form is accepted."""
    text = re.sub(r"\\(?:\\|u\{([0-9a-f]{1,6})\})", lambda one: chr(int(one[1], 16)) if one[1] else "\\", raw)
    again = "".join(r"\\" if c == "\\" else c if " " <= c <= "~" else "\\u{%x}" % ord(c) for c in text)
    need(again == raw and not re.search("[\ud800-\udfff]", text), "CS0806")
    return text

@functools.lru_cache(1 << 14)
def fields(kind, statement):
    """The values of a statement's lines; refuses every text but the one in which it is written."""
    rows = FORMS["statement"]
    names = f"{rows['head'] if kind != 'people' else ''} {rows[kind]} {rows['tail']}"
    lines = {key: text for key, _, text in (line.partition(": ") for line in statement.split("\n")[1:-1])}
    again = "".join(f"{key}: {lines.get(key)}\n" for key in forms_of(names))
    need(len(statement) <= 4096 and statement == f"countersign {kind} v1\n{again}", "CS0806")
    said = {key: unescaped(text) for key, text in lines.items()}
    need(shaped(names, said) and len(said.get("summary", "")) <= 400, "CS0806")
    return said

def strong(proper):
    """Whether an Ed25519 signature is in its one encoding, and its point not of small order."""
    y, s = int.from_bytes(proper[:32], "little") % 2**255, int.from_bytes(proper[32:], "little")
    p, order = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    odd = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7
    return y < p and y not in (0, 1, p - 1, odd, p - odd) and s < order

@functools.lru_cache(1 << 15)
def accepted(namespace, statement, signature):
    """Whether OpenSSH takes the signature. Each is asked about once."""
    with tempfile.NamedTemporaryFile(buffering=0) as file:
        file.write(signature.encode())
        call = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", file.name]
        return subprocess.run(call, input=statement.encode(), capture_output=True).returncode == 0

def good(key, namespace, statement, signature):
    """Refuses all but a good signature by this key; gives the flags byte of a security key."""
    def ssh(data): return len(data).to_bytes(4, "big") + data
    (kind, blob), body = key.split(" "), "".join(signature.split("\n")[1:-2])
    data, blob = unbase64(body, "CS0806"), unbase64(blob, "CS0806")
    heads = tuple(b"SSHSIG\0\0\0\1" + b"".join(map(ssh, (blob, namespace.encode(), b"", hashed)))
        for hashed in (b"sha512", b"sha256"))
    text = re.sub("(.{70})(?=.)", r"\1\n", body)
    armour = f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"
    need(signature == armour and data.startswith(heads), "CS0806")
    proper = data[len(heads[0]) + 4 + len(ssh(kind.encode())) + 4:][:64]
    need(("25519" not in kind or strong(proper)) and accepted(namespace, statement, signature), "CS0806")
    return data[-5] if kind[:2] == "sk" else 0

# --- People (6), and who fills which place of a demand (8) ---
@functools.lru_cache(1 << 10)
def people_of(data):
    """The people file: by id the party, the roles and the keys."""
    file = tomllib.loads(data.decode())
    people = {who: (one["party"], set(one["roles"]), [" ".join(line.split()[:2]) for line in one["keys"]])
        for who, one in file["people"].items()}
    keys = [key for *_, own in people.values() for key in own]
    need(file["schema"] == 1 and len(set(keys)) == len(keys) and fits("K*", keys), "CS0813")
    return people

def seated(demands, voices):
    """Whether these people fill different places; of a demand's, `from_parties` take one of each party."""
    def room(demand, some):
        spread = min(demand["from_parties"], demand["count"], len({voice["party"] for voice in some}))
        return len(some) - spread <= max(demand["count"] - demand["from_parties"], 0)
    able = [[at for at, one in enumerate(demands) if voice["role"] == one["role"]] for voice in voices]
    return any(all(room(one, [voice for voice, seat in zip(voices, seats) if seat == at])
        for at, one in enumerate(demands)) for seats in itertools.product(*able))

# --- The rules (8, 9): entry by entry, what the history has come to, and whether this entry may follow ---
class Run:
    def __init__(self):
        self.seq, self.before, self.closed, self.leaves, self.floor = None, None, None, (), 0
        self.force, self.words, self.glass, self.used, self.witnessed = [], [], [], set(), set()
        self.objects, self.anchors, self.requests, self.works = {}, {}, {}, {}
    def read(self, data):
        """A whole bundle (7)."""
        head, *lines, end = data.split(b"\n")
        need(end == b"" and fits("bundle", canonical(head, True)), "CS0801")
        count, last = sum(not line.startswith(b'{"base64":') for line in lines), ""
        for line in map(canonical, lines[count:]):
            need(fits("stored", line) and line["sha256"] > last, "CS0801")
            last = line["sha256"]
            self.objects[last] = unbase64(line["base64"], "CS0801")
            need(sha(self.objects[last]).hex() == last, "CS0812")
        for self.seq, line in enumerate(lines[:count]):
            self.entry(self.seq, canonical(head)["run"], line)
        need(count > 1, "CS0805")
    def entry(self, seq, run, line):
        entry, prev = canonical(line, True), self.leaves[-1] if seq else bytes(32)
        need(fits("entry", entry) and entry["kind"] in FORMS["kind"], "CS0801")
        kind, data, before = entry["kind"], entry["data"], self.before or entry
        need(shaped(FORMS["kind"][kind], data), "CS0801")
        need((entry["run"], entry["seq"], entry["prev"]) == (run, seq, prev.hex()), "CS0802")
        need(entry["at"] >= before["at"], "CS0803")
        need((kind == "run_opened") == (seq == 0), "CS0805")
        need(seq != 1 or (kind, entry["by"]) == ("signed_on", before["by"]), "CS0805")
        need(not self.closed or kind in ("witness", "checkpoint"), "CS0852")
        need(entry["epoch"] - before["epoch"] in range(1 if kind != "signed_on" else 2**53), "CS0804")
        self.by, self.now, self.before = entry["by"], clock(entry["at"]), entry
        self.floor = max(self.floor, self.now)
        rule = getattr(self, kind, lambda *_: None)
        rule(data, *([self.voice(NAMES.get(kind, kind), data)] if "signature" in data else []))
        self.force.append((run, self.mode, *("sha256:" + digest for digest in self.digests)))
        self.leaves += sha(b"\0" + line),
    def root(self, size): return base64.b64encode(root_of(self.leaves[:size])).decode()
    def object(self, digest):
        need(digest in self.objects, "CS0812")
        return self.objects.get(digest, b"")
    def voice(self, kind, data, known=()):
        """A signed statement: its history, its person, its signature (4)."""
        kind = "decline" if kind == "hand-over" and data["statement"][12:19] == "decline" else kind
        said, text = fields(kind, data["statement"]), data["statement"]
        who, at = said["person"], clock(said["signed-at"])
        if kind != "people":
            size, force = int(said["size"]), ("run", "mode", "runbook", "plan", "people")
            need(1 <= size <= self.seq and said["root"] == self.root(size), "CS0807")
            need(tuple(said[name] for name in force) == self.force[size - 1], "CS0807")
            need(at <= self.now + 120_000, "CS0811")
            self.floor = max(self.floor, at)
        need(kind in ("people", "change") or who == self.by, "CS0810")
        known = [people[who] for people in known or [self.people] if who in people]
        party, roles = next(((party, roles) for party, roles, keys in known if data["key"] in keys), ("", ()))
        need(party and said["party"] == party and said["role"] in {"", *roles}, "CS0808")
        need(not {text, said["nonce"]} & self.used, "CS0809")
        self.used |= {text, said["nonce"]}
        flags = good(data["key"], f"{kind}-v1@countersign", text, data["signature"])
        return {**said, "flags": flags, "seq": self.seq}
    def in_force(self, *digests):
        self.digests, (_, plan, people) = digests, map(self.object, digests)
        self.plan, self.people = canonical(plan), people_of(people)
        need(self.plan["plan"] == 1 and self.plan["runbook"] == digests[0], "CS0813")
        self.parties = {role["party"] for role in self.plan["roles"].values()} - {""}
        self.steps = {(stage["id"], step["id"], way, one["id"]): one for stage in self.plan["stages"]
            for step in stage["steps"] for way, some in ((None, [step]), ("undo", step["back"]["undo"]),
            ("repair", step["repair"])) for one in some}
    def run_opened(self, data):
        self.starter, self.mode, digest = self.by, data["mode"], data["people_signatures"]
        self.in_force(data["runbook"], data["plan"], data["people"])
        self.object(data["values"])
        need(all(self.plan[name] == data[name] for name in ("values", "people")), "CS0813")
        need(self.by in self.people, "CS0805")
        free = self.mode == "rehearsal" or len(self.parties) < 2
        need(digest in self.objects or free and digest is None, "CS0814")
        texts = canonical(self.object(digest))["signatures"] if digest else []
        signed = [self.voice("people", one) for one in texts]
        need(all(one["people"][7:] == data["people"] for one in signed), "CS0814")
        need(free or self.parties <= {one["party"] for one in signed}, "CS0814")
    def signed_on(self, data, said):
        need(int(said["epoch"]) == self.before["epoch"], "CS0804")
        need(said["machine"] == data["machine"], "CS0810")
    def amended(self, data):
        names = "runbook", "plan", "people"
        force = tuple(data.get(name, old) for name, old in zip(names, self.digests))
        for one in data["statements"]:
            self.voice("change", one, [self.people, people_of(self.object(force[2]))])
        self.end_requests()
        self.in_force(*force)
    people_changed = amended
    def end_requests(self, *_):
        for request in self.requests.values(): request["ended"] = True
    handed_over = rollback_started = end_requests
    def break_glass(self, _, said): self.glass.append(said)
    def stage_entered(self, data): need(data["items"] is None or self.object(data["items"]), "CS0812")
    def anchor_set(self, data):
        place = data["stage"] + (f":{data['item']}" if data["item"] else "")
        if self.anchors.get(place, data["object"]) != data["object"]:
            for request in self.requests.values(): request["void"].add(place)
        self.anchors[place] = data["object"]
    def step(self, name):
        stage, _, step, way, one = STEP.fullmatch(name).groups()
        need((stage, step, way, one or step) in self.steps, "CS0830")
        return self.steps[stage, step, way, one or step]
    # Requests and decisions.
    def asked(self, data):
        """What is asked for is what the request says. A settlement is about an operation of its attempt."""
        covers, attempt, stored = data["covers"], data["attempt"], self.object(data["operations"])
        if data["what"] == "settle":
            listed = [work for _, work in sorted(self.works.items()) if is_open(work) or failed_undo(work)]
            listed = [work for work in listed if work["attempt"] == attempt
                and covers in (work["step"], covers_of(work["step"]))][:1]
        else:
            listed = canonical(stored)
            for one in listed:
                need(fits("operation", one) and covered(covers, one["step"]), "CS0820")
                wanted = covers_of(one["step"]), data["performer"], attempt, direction_of(one["step"])
                need((one["covers"], one["performer"], one["attempt"], one["direction"]) == wanted, "CS0820")
        demands = [self.step(one["step"])["approvals"] for one in listed]
        need(listed and demands.count(demands[0]) == len(demands), "CS0820")
        self.requests[self.seq] = dict(data=data, listed=listed, demands=demands[0], void=set(), voices=[],
            ended=False, spent=set())
    def barred(self, request, who):
        """Whether somebody may not approve: performers, the starter, holders of roles that are apart (8)."""
        words = [one["covers"] for one in self.words if one["person"] == who]
        return (who == request["data"]["performer"] or self.plan["exclude_starter"] and who == self.starter
            or any(covered(word, one["step"]) for word in words for one in request["listed"])
            or any(len(self.people[who][1] & set(apart)) > 1 for apart in self.plan["apart"]))
    def granted(self, request):
        """The approvals that grant it: the earliest that fill all places; or None (8)."""
        voices = [one for one in request["voices"] if not self.barred(request, one["person"])]
        revoked = {one["person"] for one in voices if one["decision"] == "revoke"}
        demands, kept = request["demands"], []
        for voice in voices:
            if voice["person"] not in revoked and seated(demands, kept + [voice]): kept.append(voice)
        enough = len(kept) >= sum(max(one["count"], one["from_parties"]) for one in demands)
        return [voice["seq"] for voice in kept] if enough else None
    def approval(self, _, said):
        seq, request, who = int(said["request"]), self.requests.get(int(said["request"])), said["person"]
        need(request and not request["ended"] and int(said["size"]) > seq, "CS0821")
        data, choice, demands = request["data"], said["decision"], request["demands"]
        wanted = {**data, "request-leaf": "sha256:" + self.leaves[seq].hex(), "attempt": str(data["attempt"]),
            "operations": "sha256:" + data["operations"], "again": " ".join(map(str, data["again"])),
            "approve-by": data["approve_by"][:19] + "Z", "run-by": data["run_by"][:19] + "Z"}
        need(all(said[name] == wanted[name] for name in said.keys() & wanted.keys()), "CS0821")
        need(said["role"] in [one["role"] for one in demands] and not self.barred(request, who), "CS0821")
        need(self.floor <= clock(data["approve_by" if choice == "approve" else "run_by"]), "CS0821")
        device = self.plan["roles"][said["role"]]["proof"] == "user_verified"
        need(choice != "approve" or not device or said["flags"] & 5 == 5, "CS0821")
        own = [one["decision"] for one in request["voices"] if one["person"] == who]
        need(own == (["approve"] if choice == "revoke" else []), "CS0821")
        request["voices"].append(said)
        request["ended"] = choice == "deny"
    def request_ended(self, data): self.requests[data["request"]]["ended"] |= data["why"] != "consumed"
    def said(self, _, said):
        need(bool(said["object"]) != (said["what"] in ("note", "go-on")), "CS0810")
        self.words += [said] if said["object"] else []
    def intended(self, data):
        """Whether an operation may begin: none of its step is open, it counts up, and it is paid for."""
        name, undo, last = data["step"], "/undo/" in data["step"], self.works.get(data["step"])
        step, forward = self.step(name), not undo or name.split("/undo/")[0] in self.works
        need(data["direction"] == direction_of(name) and forward, "CS0830")
        need(not last or not is_open(last), "CS0832")
        operation, request = canonical(self.object(data["operation"])), data["request"]
        if data["try"] == 1:
            need(data["first"] is None and (last["attempt"] if last else 0) < data["attempt"], "CS0837")
            if step["approvals"] or data["consumes"] or request is not None:
                self.paid(data, step, self.requests.get(request), operation)
        else:
            need(last and all(last[name] == data[name] for name in ("attempt", "first")), "CS0837")
            sure = ("secret_lost",) if last["found"] == "word" else ("secret_lost", "not_done")
            need(last["try"] + 1 == data["try"] and last["ended"] in sure, "CS0837")
            need(not data["consumes"] and request in (None, last["request"]), "CS0834")
            need(last["operation"] == data["operation"], "CS0835")
            request = last["request"]
            need(request is None or not self.requests[request]["ended"], "CS0833")
        first = data["first"] or self.seq
        self.works[name] = data | dict(first=first, request=request, seq=self.seq, ended=None)
    def paid(self, data, step, request, operation):
        """The approvals that an attempt spends are over this operation, grant it, and are spent once (8)."""
        name, attempt, place = data["step"], data["attempt"], data["step"].split("/")[0]
        need(request and step["approvals"] and request["data"]["what"] == "approval", "CS0833")
        need(not request["ended"] and (behind(name) or place not in request["void"]), "CS0833")
        own = [one["operation"] for one in request["listed"] if one["step"] == name]
        need(own and request["data"]["attempt"] == attempt, "CS0833")
        need(own[0] == operation or len(request["listed"]) > 1 and "${" in str(own[0]), "CS0835")
        need(name not in request["spent"], "CS0834")
        request["spent"].add(name)
        glass = {said["party"] for said in self.glass if said["attempt"] == str(attempt)
            and said["covers"] == covers_of(name) and said["operations"][7:] == request["data"]["operations"]}
        waived = glass and (not step["back"]["point_of_no_return"] or self.parties <= glass)
        granted = self.granted(request)
        need(waived and not data["consumes"] if granted is None else granted == data["consumes"], "CS0833")
    def outcome(self, data):
        name, work, result = data["step"], self.works.get(data["step"]), data["result"]
        need(data["direction"] == direction_of(name), "CS0830")
        need(data["intended"] is not None or not self.step(name)["mutates"], "CS0840")
        if data["intended"] is not None:
            need(work and (work["seq"], work["attempt"]) == (data["intended"], data["attempt"]), "CS0841")
            by_hand = failed_undo(work) and (result, data["found"]) == ("done", "word")
            need(by_hand or is_open(work) and work["ended"] != result, "CS0841")
            work.update(ended=result, found=data["found"])
        need(fits("date?", data["date"]), "CS0841")
        self.floor = max(self.floor, clock(data["date"]) if data["date"] else 0)
    def checkpoint(self, data):
        need(1 <= data["size"] <= self.seq and data["root"] == self.root(data["size"]), "CS0854")
    def run_closed(self, data):
        need(not any(map(is_open, self.works.values())), "CS0850")
        self.closed = data["result"], self.seq
    def witness(self, _, said):
        result, size = self.closed or (None, 0)
        need(said["result"] == result and int(said["size"]) > size, "CS0851")
        self.witnessed.add(said["party"])

# --- Verdict (10) ---
def verdict(data):
    """What `countersign verify` says where it has no trust file and no kept head."""
    run = Run()
    try: run.read(data)
    except Refused as error:
        return {"verdict": "INVALID", "code": error.args[0], "entry": run.seq}
    except (LookupError, TypeError, ValueError, AttributeError):  # what a rule needs is not of its form
        return {"verdict": "INVALID", "code": "CS0801" if run.seq is None else "CS0813", "entry": run.seq}
    unreconciled = bool(run.glass) and not (run.closed and run.parties <= run.witnessed)
    return {"verdict": "CLOSED" if run.closed else "OPEN", "entries": len(run.leaves),
        "break_glass": bool(run.glass), "unreconciled": unreconciled}

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=argparse.FileType("rb"), help="a file that `countersign export` wrote")
    parser.add_argument("--json", action="store_true", help="the verdict as one line of JSON")
    args = parser.parse_args()
    found = verdict(args.bundle.read())
    print(json.dumps(found) if args.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    sys.exit({"INVALID": 6, "OPEN": 4}.get(found["verdict"], 4 if found.get("unreconciled") else 0))

if __name__ == "__main__":
    main()
