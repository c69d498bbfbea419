//! Bundles that were tampered with: bytes, lines, members, statements, signatures, objects; left as they are, chained
//! anew, or chained and signed anew by the people's own keys, so that nothing but the deeper rules can refuse them.

use crate::writer::{PEOPLE, key};
use countersign::base::json::{Form, canonical, object_bytes, parse};
use countersign::base::{Digest, Time};
use countersign::record::Tree;
use countersign::record::bundle::{self, Bundle};
use countersign::record::fact::Mode;
use countersign::record::tree::root_text;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// SplitMix64: the same numbers for a seed, everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides.max(1) as u64).unwrap()
    }

    fn of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// A history taken apart.
#[derive(Clone)]
pub struct Parts {
    pub mode: Mode,
    entries: Vec<Value>,
    objects: BTreeMap<Digest, Vec<u8>>,
    /// Sign with another key, or with these flags, at this entry.
    pen: Option<(usize, String, u8)>,
    /// The history as it was: what a mutant leaves as it is need not be written, hashed and signed again.
    was: Arc<Was>,
}

struct Was {
    run: String,
    entries: Vec<Value>,
    lines: Vec<String>,
    leaves: Vec<Digest>,
    /// Bytes, and the line in the bundle.
    objects: BTreeMap<Digest, (Vec<u8>, String)>,
}

impl Parts {
    pub fn of(mode: Mode, bundle: &Bundle) -> Parts {
        let entries: Vec<Value> = bundle.lines.iter().map(|line| parse(line, Form::Line).unwrap()).collect();
        let was = Was {
            run: bundle.run.to_string(),
            entries: entries.clone(),
            lines: bundle.lines.clone(),
            leaves: bundle.lines.iter().map(|line| Digest::leaf(line.as_bytes())).collect(),
            objects: bundle
                .objects
                .iter()
                .map(|(digest, bytes)| (*digest, (bytes.clone(), object_line(digest, bytes))))
                .collect(),
        };
        Parts { mode, entries, objects: bundle.objects.clone(), pen: None, was: Arc::new(was) }
    }

    /// How many entries from the first on are as they were.
    fn unaltered(&self) -> usize {
        let both = self.entries.iter().zip(&self.was.entries);
        let same = both.take_while(|(one, other)| one == other).count();
        self.pen.as_ref().map_or(same, |(at, ..)| same.min(*at))
    }

    /// Mostly ends the history soon after what was altered: the next few entries judge it, and every statement
    /// behind it would have to be signed and verified anew.
    fn cut_behind(&mut self, dice: &mut Dice) {
        if dice.roll(8) > 0 {
            self.entries.truncate(self.unaltered() + 1 + dice.roll(5));
        }
    }

    /// As a text, nothing made good.
    fn raw(&self) -> String {
        let same = self.unaltered();
        let written = self.entries[same..].iter().map(line);
        self.bundle(self.was.lines[..same].iter().cloned().chain(written))
    }

    fn bundle(&self, lines: impl Iterator<Item = String>) -> String {
        let mut text = format!("{{\"bundle\":1,\"run\":\"{}\"}}\n", self.was.run);
        lines.for_each(|line| text.extend([line.as_str(), "\n"]));
        for (digest, bytes) in &self.objects {
            match self.was.objects.get(digest) {
                Some((same, line)) if same == bytes => text.push_str(line),
                _ => text.push_str(&object_line(digest, bytes)),
            }
        }
        text
    }

    /// `prev` made good from the first entry on; `sign`: roots, leaves and signatures too. `seq`: numbered anew.
    fn chained(mut self, sign: bool, seq: bool) -> String {
        let same = self.unaltered();
        let mut lines = self.was.lines[..same].to_vec();
        let mut tree = Tree::new();
        self.was.leaves[..same].iter().for_each(|leaf| tree.push(*leaf));
        for at in same..self.entries.len() {
            if seq {
                self.entries[at]["seq"] = json!(at);
            }
            if self.entries[at].get("prev").is_some() {
                let prev = (at as u64).checked_sub(1).and_then(|last| tree.leaf(last)).unwrap_or(Digest::ZERO);
                self.entries[at]["prev"] = json!(prev.to_string());
            }
            if sign {
                self.sign(at, &tree);
            }
            let line = line(&self.entries[at]);
            tree.push(Digest::leaf(line.as_bytes()));
            lines.push(line);
        }
        self.bundle(lines.into_iter())
    }

    fn sign(&mut self, at: usize, tree: &Tree) {
        let (mode, pen) = (self.mode, self.pen.clone().filter(|(seq, ..)| *seq == at));
        let data = &mut self.entries[at]["data"];
        if data["root"].is_string()
            && let Some(root) = data["size"].as_u64().and_then(|size| tree.root_at(size))
        {
            data["root"] = json!(root_text(&root));
        }
        sign_one(data, mode, tree, pen.as_ref());
        if let Some(list) = data.get_mut("statements").and_then(Value::as_array_mut) {
            list.iter_mut().for_each(|one| sign_one(one, mode, tree, pen.as_ref()));
        }
    }
}

/// Canonical where it can be.
fn line(entry: &Value) -> String {
    canonical(entry, Form::Line).unwrap_or_else(|_| entry.to_string())
}

fn object_line(digest: &Digest, bytes: &[u8]) -> String {
    let run = countersign::base::RunId::from_bytes([0; 16]);
    let text = bundle::write(&run, &[], &BTreeMap::from([(*digest, bytes.to_vec())]));
    text.split_once('\n').unwrap().1.to_owned()
}

/// A statement over the history as it now is, signed anew by its person where that is somebody we know.
fn sign_one(data: &mut Value, mode: Mode, tree: &Tree, pen: Option<&(usize, String, u8)>) {
    let Some(text) = data.get("statement").and_then(Value::as_str) else { return };
    let number = |name: &str| line_of(text, name).and_then(|value| value.parse::<u64>().ok());
    let mut text = text.to_owned();
    if let Some(root) = number("size").and_then(|size| tree.root_at(size)) {
        text = with_line(&text, "root", &root_text(&root));
    }
    if let Some(leaf) = number("request").and_then(|seq| tree.leaf(seq)) {
        text = with_line(&text, "request-leaf", &leaf.tagged());
    }
    let person = pen.map_or(line_of(&text, "person").unwrap_or_default(), |(_, who, _)| who.clone());
    if PEOPLE.iter().any(|(known, ..)| *known == person) {
        let kind = text.split(' ').nth(1).unwrap_or("").to_owned();
        let key = key(mode, &person);
        let signature =
            key.sign(&format!("{kind}-v1@countersign"), text.as_bytes(), pen.map_or(5, |(.., flags)| *flags));
        data["signature"] = json!(signature);
        data["key"] = json!(key.public().line);
    }
    data["statement"] = json!(text);
}

fn line_of(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
}

fn with_line(text: &str, name: &str, value: &str) -> String {
    let start = format!("{name}: ");
    text.split('\n')
        .map(|line| if line.starts_with(&start) { format!("{start}{value}") } else { line.to_owned() })
        .collect::<Vec<_>>()
        .join("\n")
}

/// One mutant of `parts`, and what was done to it.
pub fn mutant(parts: &Parts, dice: &mut Dice) -> (String, Vec<u8>) {
    let whole = |name: &str, text: String| (name.to_owned(), text.into_bytes());
    let mut other = parts.clone();
    match dice.roll(16) {
        0 => bytes(parts, dice),
        1 | 2 => {
            let name = lines(&mut other.entries, dice);
            let (sign, seq) = (dice.roll(2) == 0, dice.roll(2) == 0);
            other.cut_behind(dice);
            if dice.roll(3) == 0 { whole(&name, other.raw()) } else { whole(&name, other.chained(sign, seq)) }
        }
        3..=8 => {
            let name = member(&mut other.entries, dice);
            other.cut_behind(dice);
            match dice.roll(5) {
                0 => whole(&name, other.raw()),
                1 => whole(&format!("{name}, chained"), other.chained(false, false)),
                _ => whole(&format!("{name}, signed"), other.chained(true, false)),
            }
        }
        9..=12 => {
            let name = statement(&mut other.entries, dice);
            other.cut_behind(dice);
            if dice.roll(4) == 0 {
                whole(&name, other.chained(false, false))
            } else {
                whole(&name, other.chained(true, false))
            }
        }
        13 => {
            let name = signature(&mut other, dice);
            other.cut_behind(dice);
            whole(&name.0, if name.1 { other.chained(true, false) } else { other.chained(false, false) })
        }
        _ => object(other, dice),
    }
}

fn bytes(parts: &Parts, dice: &mut Dice) -> (String, Vec<u8>) {
    let mut text = parts.raw().into_bytes();
    let at = dice.roll(text.len());
    match dice.roll(4) {
        0 => text[at] ^= 1 << dice.roll(8),
        1 => drop(text.remove(at)),
        2 => text.insert(at, *dice.of(b"\n\r {}\"0a\\\xff")),
        _ => text.truncate(at),
    }
    (format!("byte {at}"), text)
}

fn lines(entries: &mut Vec<Value>, dice: &mut Dice) -> String {
    let (at, to) = (dice.roll(entries.len()), dice.roll(entries.len()));
    match dice.roll(5) {
        0 => drop(entries.remove(at)),
        1 => entries.swap(at, to),
        2 => {
            let copy = entries[at].clone();
            entries.insert(to, copy);
        }
        3 => {
            let moved = entries.remove(at);
            entries.insert(to.min(entries.len()), moved);
        }
        _ => entries.truncate(at.max(1)),
    }
    format!("lines {at} {to}")
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            places(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found)
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| places(value, &format!("{at}/{n}"), found))
        }
        _ => {}
    }
}

const WORDS: &[&str] = &[
    "",
    "x",
    "alice",
    "bob",
    "carol",
    "dora",
    "done",
    "failed",
    "not_done",
    "in_doubt",
    "secret_lost",
    "do",
    "undo",
    "word",
    "probe",
    "answer",
    "executor",
    "approve",
    "deny",
    "revoke",
    "security",
    "mfa",
    "driver",
    "partner",
    "customer",
    "move:k1/accept",
    "move:k2/accept",
    "move:*/*",
    "move:k1/*",
    "move:k1/accept/undo/back",
    "undo move:k1/accept",
    "move",
    "k1",
    "k2",
    "k3",
    "live",
    "simulated",
    "rehearsal",
    "settle",
    "approval",
    "consumed",
    "denied",
    "expired",
    "amended",
    "user_verified",
    "mfa_code",
    "signature",
    "stage",
    "item",
    "step",
    "rolled_back",
    "abandoned",
    "\u{e4}\u{1f600}\n\\",
    "${item.id}",
    "confirmed",
    "task",
    "settled",
    "note",
    "go-on",
    "root",
    "new",
    "2027-01-15T08:00:14Z",
];

/// Another value for `old`: near it, of another kind, or one that stands at the same member elsewhere.
fn another(old: &Value, like: &[Value], dice: &mut Dice) -> Value {
    if !like.is_empty() && dice.roll(3) == 0 {
        return dice.of(like).clone();
    }
    match (old, dice.roll(8)) {
        (_, 0) => dice.of(&[Value::Null, json!(0), json!(""), json!([]), json!({}), json!(true), json!(-1)]).clone(),
        (Value::Number(number), pick) => {
            let number = number.as_i64().unwrap_or(0);
            json!([number + 1, number - 1, 0, 1, 2, number * 2, 1_000_000_000_000, number + 3][pick])
        }
        (Value::String(text), pick) => match Time::parse_millis(text) {
            Some(time) => {
                let by = *dice.of(&[-1, 1, -1000, 1000, 30_000, -3_600_000, 3_600_000, 100_000_000]);
                json!(time.plus(by))
            }
            None if pick < 4 => json!(*dice.of(WORDS)),
            None if pick == 4 => json!(Digest::of(text.as_bytes()).to_string()),
            None => json!(touched(text, dice)),
        },
        (Value::Bool(value), _) => json!(!value),
        (Value::Null, pick) => {
            [json!("x"), json!(1), json!([]), json!("k1"), json!(7), json!({}), json!(8), json!("move")][pick].clone()
        }
        (Value::Array(items), pick) => {
            let mut items = items.clone();
            match pick {
                1 | 2 => drop(items.pop()),
                3 if !items.is_empty() => items.push(items[0].clone()),
                4 => items.reverse(),
                _ => items.push(json!(dice.roll(20))),
            }
            Value::Array(items)
        }
        (Value::Object(members), pick) => {
            let mut members = members.clone();
            let name = members.keys().nth(dice.roll(members.len())).cloned().unwrap_or_default();
            let value = members.get(&name).cloned().unwrap_or(json!(1));
            if pick % 2 == 0 {
                members.remove(&name);
            }
            if pick != 2 {
                members.insert(format!("{name}x"), value);
            }
            Value::Object(members)
        }
    }
}

fn touched(text: &str, dice: &mut Dice) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = dice.roll(chars.len() + 1);
    match dice.roll(3) {
        0 if at < chars.len() => drop(chars.remove(at)),
        1 if at < chars.len() => chars[at] = *dice.of(&['0', 'a', 'F', ' ', '\n', '\\', 'Z', '=', '\u{fc}']),
        _ => chars.insert(at, *dice.of(&['0', 'a', ' ', '\n', 'z', '\u{0}'])),
    }
    chars.into_iter().collect()
}

fn member(entries: &mut [Value], dice: &mut Dice) -> String {
    let at = dice.roll(entries.len());
    let mut all = vec![];
    // Mostly inside of `data`, where the rules are.
    if dice.roll(4) == 0 {
        places(&entries[at], "", &mut all)
    } else {
        places(&entries[at]["data"], "/data", &mut all)
    }
    let place = dice.of(&all).clone();
    let like: Vec<Value> = entries.iter().filter_map(|entry| entry.pointer(&place).cloned()).collect();
    let value = another(entries[at].pointer(&place).unwrap(), &like, dice);
    let name = format!("entry {at}{place} = {}", value.to_string().chars().take(60).collect::<String>());
    *entries[at].pointer_mut(&place).unwrap() = value;
    if !entries[at].is_object() {
        entries[at] = json!({"at": entries[at]});
    }
    name
}

fn statement(entries: &mut [Value], dice: &mut Dice) -> String {
    let signed: Vec<usize> = (0..entries.len()).filter(|at| entries[*at]["data"].get("statement").is_some()).collect();
    let Some(at) = signed.get(dice.roll(signed.len())).copied() else { return "no statement".to_owned() };
    let text = entries[at]["data"]["statement"].as_str().unwrap().to_owned();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let (line, to) = (dice.roll(lines.len()), dice.roll(lines.len()));
    match dice.roll(10) {
        0 => drop(lines.remove(line)),
        1 => lines.swap(line, to),
        2 => lines.insert(to, lines[line].clone()),
        3 => lines[line] = touched(&lines[line], dice),
        _ => {
            let Some((name, value)) = lines[line].split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())) else {
                return "nothing".to_owned();
            };
            let others: Vec<Value> = signed
                .iter()
                .filter_map(|seq| line_of(entries[*seq]["data"]["statement"].as_str()?, &name).map(Value::from))
                .collect();
            let value = match (Time::parse_seconds(&value), value.parse::<u64>()) {
                (Some(time), _) => {
                    time.plus(*dice.of(&[1000, -1000, 3_600_000, -3_600_000, 119_000, 100_000_000])).seconds()
                }
                (_, Ok(number)) => [number + 1, number.saturating_sub(1), 0, 1, 99][dice.roll(5)].to_string(),
                _ => match another(&json!(value), &others, dice) {
                    Value::String(text) => text,
                    value => value.to_string(),
                },
            };
            lines[line] = format!("{name}: {value}");
        }
    }
    let name = format!("statement {at} line {line}: {:?}", lines.get(line));
    entries[at]["data"]["statement"] = json!(lines.join("\n"));
    name
}

/// The second: whether it is to be signed anew.
fn signature(parts: &mut Parts, dice: &mut Dice) -> (String, bool) {
    let signed: Vec<usize> =
        (0..parts.entries.len()).filter(|at| parts.entries[*at]["data"].get("statement").is_some()).collect();
    let at = signed[dice.roll(signed.len())];
    let old = parts.entries[at]["data"]["signature"].as_str().unwrap().to_owned();
    let name = format!("signature {at}");
    let new = match dice.roll(7) {
        0 | 1 => {
            let (person, ..) = PEOPLE[dice.roll(4)];
            parts.pen = Some((at, person.to_owned(), u8::try_from(dice.roll(8)).unwrap()));
            return (format!("{name} by {person} {:?}", parts.pen), true);
        }
        2 => old.replace('\n', "\r\n"),
        3 => touched(&old, dice),
        4 => {
            let body: Vec<&str> = old.lines().filter(|line| !line.starts_with('-')).collect();
            let body = body.concat();
            let middle: Vec<&str> = (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
            format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", middle.join("\n"))
        }
        5 => changed_blob(&old, dice),
        _ => {
            let like = parts.entries[signed[dice.roll(signed.len())]]["data"]["signature"].clone();
            like.as_str().unwrap().to_owned()
        }
    };
    parts.entries[at]["data"]["signature"] = json!(new);
    (name, false)
}

/// The bytes inside of the armour changed, and armoured again as OpenSSH does it.
fn changed_blob(old: &str, dice: &mut Dice) -> String {
    use base64::Engine as _;
    let coder = base64::engine::general_purpose::STANDARD;
    let body: String = old.lines().filter(|line| !line.starts_with('-')).collect();
    let mut blob = coder.decode(body).unwrap();
    let at = dice.roll(blob.len());
    match dice.roll(3) {
        0 => blob.push(0),
        1 => drop(blob.remove(at)),
        _ => blob[at] ^= 1 << dice.roll(8),
    }
    let text = coder.encode(blob);
    let lines: Vec<&str> = (0..text.len()).step_by(70).map(|at| &text[at..text.len().min(at + 70)]).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

/// An object left out, or altered: under its old name, or under its new one, which then stands everywhere.
fn object(mut parts: Parts, dice: &mut Dice) -> (String, Vec<u8>) {
    let digests: Vec<Digest> = parts.objects.keys().copied().collect();
    let digest = *dice.of(&digests);
    let bytes = parts.objects.remove(&digest).unwrap();
    let name = format!("object {}", &digest.to_string()[..8]);
    if dice.roll(6) == 0 {
        return (format!("{name} left out"), parts.raw().into_bytes());
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (changed, what) = match parse(&text, Form::Object) {
        Ok(value) if dice.roll(8) > 0 => {
            let (mut value, mut all) = (value, vec![]);
            places(&value, "", &mut all);
            let place = dice.of(&all).clone();
            let new = another(value.pointer(&place).unwrap(), &[], dice);
            let what = format!("{place} = {}", new.to_string().chars().take(60).collect::<String>());
            *value.pointer_mut(&place).unwrap() = new;
            (object_bytes(&value).unwrap_or_default(), what)
        }
        _ => (touched(&text, dice).into_bytes(), "touched".to_owned()),
    };
    let new = Digest::of(&changed);
    parts.objects.insert(if dice.roll(8) == 0 { digest } else { new }, changed);
    let (from, to) = (digest.to_string(), new.to_string());
    for entry in &mut parts.entries {
        *entry = serde_json::from_str(&entry.to_string().replace(&from, &to)).unwrap();
    }
    parts.cut_behind(dice);
    (format!("{name} {what}"), parts.chained(true, false).into_bytes())
}
