//! Attacks on the words that were signed: each field altered alone, texts that say the same in another form, keys and
//! signatures that are nearly right, clocks set back, histories cut or told to each approver in another way.

use super::writer::{HOUR, Writer, key};
use super::{before, code, entry, held, honest, statement, trust, verdict_of};
use countersign::base::Time;
use countersign::people;
use countersign::record::fact::{self, Fact, Mode};
use countersign::record::statement::Decides;
use countersign::sshsig::{self, KeyKind, SoftKey};
use countersign::verify::{self, Verdict};

const BOB: &str = "approve bob k1";

/// A text in another form, and what is other about it.
type Form = (&'static str, fn(&str) -> String);

/// bob's approval of the first item, its text changed, and signed again by bob himself or not.
fn told(change: impl Fn(&str) -> String + 'static, signed: bool) -> String {
    let mut writer = Writer::new(Mode::Live);
    entry(&mut writer, BOB, move |entry| {
        let fact = fact_of!(entry, Approval);
        fact.statement = change(&fact.statement);
        if signed {
            fact.signature = key(Mode::Live, "bob").sign("approval-v1@countersign", fact.statement.as_bytes(), 0);
        }
    });
    writer.honest();
    let report = verdict_of(&writer);
    match report.verdict {
        Verdict::Invalid => code(&report).to_owned(),
        other => other.name().to_owned(),
    }
}

/// The value of one field, replaced.
fn with(field: &'static str, value: &'static str) -> impl Fn(&str) -> String {
    move |text| {
        let start = format!("{field}: ");
        let line =
            |line: &str| if line.starts_with(&start) { format!("{start}{value}\n") } else { format!("{line}\n") };
        let all: String = text.lines().map(line).collect();
        assert_ne!(all, text, "{field} was that before");
        all
    }
}

/// Every field of an approval, another value that is well formed, and what refuses it once bob has signed even that.
const FIELDS: &[(&str, &str, &str)] = &[
    ("run", "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "CS0807"),
    ("mode", "simulated", "CS0807"),
    ("size", "5", "CS0807"),
    ("root", "FATffxYiqbvEP/0ohqkc0OpSP/l2IAXhwiJEyBQA0F4=", "CS0807"),
    ("runbook", "sha256:1404df7f1622a9bbc43ffd2886a91cd0ea523ff9762005e1c22244c81400d05e", "CS0807"),
    ("plan", "sha256:1404df7f1622a9bbc43ffd2886a91cd0ea523ff9762005e1c22244c81400d05e", "CS0807"),
    ("people", "sha256:1404df7f1622a9bbc43ffd2886a91cd0ea523ff9762005e1c22244c81400d05e", "CS0807"),
    ("decision", "deny", "CS0821"),
    ("decision", "revoke", "CS0821"),
    ("request", "7", "CS0821"),
    ("request-leaf", "sha256:1404df7f1622a9bbc43ffd2886a91cd0ea523ff9762005e1c22244c81400d05e", "CS0821"),
    ("covers", "move:k2/accept", "CS0821"),
    ("covers", "move:*/*", "CS0821"),
    ("operations", "sha256:1404df7f1622a9bbc43ffd2886a91cd0ea523ff9762005e1c22244c81400d05e", "CS0821"),
    ("attempt", "2", "CS0821"),
    ("performer", "dora", "CS0821"),
    ("summary", "Accept k1, and nothing else", "CS0821"),
    ("again", "3", "CS0821"),
    ("approve-by", "2027-01-17T08:00:06Z", "CS0821"),
    ("run-by", "2027-01-17T09:00:06Z", "CS0821"),
    ("person", "carol", "CS0808"),
    ("party", "partner", "CS0808"),
    ("role", "mfa", "CS0808"),
    ("role", "", "CS0821"),
    ("nonce", "00000000000000000000000000000001", "CS0809"),
    ("signed-at", "2027-01-15T09:00:00Z", "CS0811"),
];

#[test]
fn each_field_altered_alone_is_refused_even_if_its_person_signs_it() {
    let mut wrong = Vec::new();
    for (field, value, wanted) in FIELDS {
        let unsigned = told(with(field, value), false);
        let signed = told(with(field, value), true);
        if (unsigned.as_str(), signed.as_str()) != ("CS0806", *wanted) {
            wrong.push(format!("{field} = {value}: {unsigned}; signed by bob {signed}, wanted {wanted}"));
        }
    }
    // A reason is the signer's own to choose; another's words are not.
    assert_eq!(told(with("reason", "of course"), false), "CS0806");
    assert_eq!(told(with("reason", "of course"), true), "CLOSED");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_same_words_in_another_form_are_no_statement() {
    let forms: &[Form] = &[
        ("two fields in another order", |text| text.replacen("\nmode: live\nsize: 8\n", "\nsize: 8\nmode: live\n", 1)),
        ("a field twice", |text| text.replacen("\nmode: live\n", "\nmode: live\nmode: live\n", 1)),
        ("a second decision behind the first", |text| {
            text.replacen("\ndecision: approve\n", "\ndecision: approve\ndecision: deny\n", 1)
        }),
        ("a field left out", |text| text.replacen("\nattempt: 1\n", "\n", 1)),
        ("a field that there is not", |text| text.replacen("\nattempt: 1\n", "\nattempt: 1\nadvice: none\n", 1)),
        ("a letter as an escape", |text| text.replacen("reason: because", "reason: \\u{62}ecause", 1)),
        ("an escape in capitals", |text| text.replacen("reason: because", "reason: \\u{1F600}", 1)),
        ("an escape with a zero in front", |text| text.replacen("reason: because", "reason: \\u{0e9}", 1)),
        ("a letter that should be an escape", |text| text.replacen("reason: because", "reason: b\u{e9}cause", 1)),
        ("a control character as it is", |text| text.replacen("reason: because", "reason: \u{1b}[2J", 1)),
        ("lines that end otherwise", |text| text.replace('\n', "\r\n")),
        ("a line more at the end", |text| format!("{text}\n")),
        ("no end of the last line", |text| text.trim_end_matches('\n').to_owned()),
        ("a mark in front", |text| format!("\u{feff}{text}")),
        ("a space behind a value", |text| text.replacen("\nattempt: 1\n", "\nattempt: 1 \n", 1)),
        ("no space in front of a value", |text| text.replacen("\nattempt: 1\n", "\nattempt:1\n", 1)),
        ("a number with a zero in front", |text| text.replacen("\nattempt: 1\n", "\nattempt: 01\n", 1)),
        ("a time with an offset", |text| {
            let at = text.find("\nsigned-at: ").unwrap() + "\nsigned-at: ".len();
            format!("{}+00:00{}", &text[..at + 19], &text[at + 20..])
        }),
        ("a later version", |text| text.replacen("countersign approval v1", "countersign approval v2", 1)),
    ];
    for (name, form) in forms {
        let form = *form;
        let is_another = std::cell::Cell::new(false);
        let check = std::rc::Rc::new(is_another);
        let seen = std::rc::Rc::clone(&check);
        let found = told(
            move |text| {
                let other = form(text);
                seen.set(other != text);
                other
            },
            true,
        );
        assert!(check.get(), "{name}: the text is the same");
        assert_eq!(found, "CS0806", "{name}");
    }
}

/// The order of the group of Ed25519, as 32 bytes from the smallest on.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The same signature with its scalar plus the order: the equation holds, and the bytes are others.
fn plus_order(armoured: &str) -> String {
    let mut blob = sshsig::blob_of(armoured).unwrap();
    let from = blob.len() - 32;
    let mut carry = 0u16;
    for (byte, add) in blob[from..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
    }
    assert_eq!(carry, 0);
    sshsig::wrap(&blob)
}

#[test]
fn a_signature_has_one_form_only() {
    let mut writer = Writer::new(Mode::Live);
    entry(&mut writer, BOB, |entry| {
        let fact = fact_of!(entry, Approval);
        let other = plus_order(&fact.signature);
        assert_ne!(other, fact.signature);
        fact.signature = other;
    });
    writer.honest();
    assert_eq!(code(&verdict_of(&writer)), "CS0806", "S + order");
    let forms: [Form; 3] = [
        ("something behind it", |text| format!("{text}x\n")),
        ("lines of another length", |text| text.replacen("\n", "\n\n", 2)),
        ("a byte more inside", |text| {
            let mut blob = sshsig::blob_of(text).unwrap();
            blob.push(0);
            sshsig::wrap(&blob)
        }),
    ];
    for (name, form) in forms {
        let mut writer = Writer::new(Mode::Live);
        entry(&mut writer, BOB, move |entry| {
            let fact = fact_of!(entry, Approval);
            fact.signature = form(&fact.signature);
        });
        writer.honest();
        assert_eq!(code(&verdict_of(&writer)), "CS0806", "{name}");
    }
}

/// Points of small order: a signature by them can be made to fit any text, without a secret.
#[test]
fn a_weak_point_is_no_key_in_any_place() {
    for point in [
        [0u8; 32],
        std::array::from_fn(|at| u8::from(at == 0)),
        std::array::from_fn(|at| match at {
            0 => 0xec,
            31 => 0x7f,
            _ => 0xff,
        }),
        std::array::from_fn(|at| match at {
            0 => 0xed,
            31 => 0x7f,
            _ => 0xff,
        }),
    ] {
        for kind in [KeyKind::Ed25519, KeyKind::SkEd25519] {
            let line = line_of(kind, &point);
            assert!(sshsig::PublicKey::parse(&line).is_err(), "{line}");
            let text = format!(
                "schema = 1\n[people.eve]\nname = \"Eve\"\nparty = \"partner\"\nroles = [\"driver\"]\nkeys = [\"{line}\"]\n"
            );
            let (found, findings) = people::parse("people.toml", &text, false);
            assert!(found.is_none());
            assert!(findings.iter().any(|finding| ["CS0404", "CS0405"].contains(&finding.code)), "{findings:?}");
        }
    }
}

fn line_of(kind: KeyKind, point: &[u8; 32]) -> String {
    use base64::Engine;
    let mut blob = Vec::new();
    let mut put = |bytes: &[u8]| {
        blob.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        blob.extend(bytes);
    };
    put(kind.name().as_bytes());
    put(point);
    if kind == KeyKind::SkEd25519 {
        put(b"ssh:");
    }
    format!("{} {}", kind.name(), base64::engine::general_purpose::STANDARD.encode(blob))
}

/// Who is one person, and who only looks like another.
#[test]
fn one_key_is_one_person_and_names_are_not_mistaken() {
    let line = |seed: u8| SoftKey::from_seed(KeyKind::Ed25519, [seed; 32], "").line("x");
    let two = |first: (&str, &str, u8), second: (&str, &str, u8)| {
        [first, second].iter().fold("schema = 1\n".to_owned(), |text, (id, name, seed)| {
            let key = line(*seed);
            text + &format!(
                "[people.{id}]\nname = \"{name}\"\nparty = \"customer\"\nroles = [\"security\"]\nkeys = [\"{key}\"]\n"
            )
        })
    };
    let codes = |text: &str| -> Vec<&'static str> {
        people::parse("people.toml", text, false).1.iter().map(|finding| finding.code).collect()
    };
    assert_eq!(codes(&two(("bob", "Bob Example", 1), ("carol", "Carol Example", 2))), [""; 0]);
    assert_eq!(
        codes(&two(("bob", "Bob Example", 1), ("robert", "Robert Example", 1))),
        ["CS0406"],
        "one key, two people"
    );
    for (name, why) in [
        ("B\u{43e}b Example", "a Cyrillic letter"),
        ("Bob  Example", "a space more"),
        ("BOB EXAMPLE", "capitals"),
        ("Bo\u{301}b Example", "an accent"),
        ("B0b Example", "a digit"),
    ] {
        let found = codes(&two(("bob", "Bob Example", 1), ("rob", name, 2)));
        assert!(!found.is_empty() && found.iter().all(|code| *code == "CS0407"), "{why}: {found:?}");
    }
    for (one, other) in [("bob", "b0b"), ("alice", "a1ice")] {
        assert_eq!(codes(&two((one, "One Person", 1), (other, "Another Somebody", 2))), ["CS0407"], "{one} {other}");
    }
}

/// The operator holds the clock back; what others have dated does not let them.
#[test]
fn a_clock_set_back_revives_no_approval() {
    // The entry's own time goes back behind one that is there.
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, BOB, |w| {
        w.at = w.at.plus(25 * HOUR);
        w.push("late", "alice", fact::Paused { why: "waiting".into(), code: "CS4001".into() });
        w.at = w.at.plus(-25 * HOUR);
    });
    writer.honest();
    assert_eq!(code(&verdict_of(&writer)), "CS0803");
    // It stands still instead: approve-by has passed.
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, BOB, |w| {
        w.at = w.at.plus(25 * HOUR);
        w.push("late", "alice", fact::Paused { why: "waiting".into(), code: "CS4001".into() });
    });
    writer.honest();
    assert_eq!(code(&verdict_of(&writer)), "CS0821");
    // The approver dates back what they sign, too: the entry's time counts as well.
    let mut writer = Writer::new(Mode::Live);
    before(&mut writer, BOB, |w| w.at = w.at.plus(25 * HOUR));
    statement(&mut writer, BOB, |statement, _| {
        statement.tail.signed_at = Time(statement.tail.signed_at.0 - 25 * HOUR);
    });
    writer.honest();
    assert_eq!(code(&verdict_of(&writer)), "CS0821");
    // The operator's clock stands still for good; AWS's own date of the first item tells.
    let mut writer = Writer::new(Mode::Live);
    entry(&mut writer, "done k1", |entry| {
        let later = entry.at.plus(26 * HOUR).seconds();
        fact_of!(entry, Outcome).date = Some(later);
    });
    writer.before = Box::new(|w, label| match label {
        "approve bob k2" => w.skip = true,
        "intend k2" => {
            let request = w.seq("ask k2");
            w.decide("approve bob k2", "bob", "security", request, Decides::Approve);
        }
        _ => {}
    });
    writer.honest();
    assert_eq!(code(&verdict_of(&writer)), "CS0821");
}

/// The end is cut off, and another one is written behind what is left.
#[test]
fn a_history_cut_and_continued_contradicts_everybody_who_saw_its_end() {
    let whole = honest(Mode::Live);
    let mut other = Writer::new(Mode::Live);
    before(&mut other, "intend k2", |w| {
        w.push("other end", "alice", fact::Paused { why: "never did it".into(), code: "CS4001".into() });
    });
    other.honest();
    let from = whole.seq("intend k2");
    assert_eq!(whole.lines[..from as usize], other.lines[..from as usize], "the same up to there");
    assert_eq!(verdict_of(&other).verdict, Verdict::Closed, "by itself it is sound");
    for seen in [from + 1, whole.lines.len() as u64] {
        let report = verify::check(&other.bundle(), &[trust(&other)], &[held(&whole, seen)]);
        assert_eq!((report.verdict, code(&report)), (Verdict::Diverged, "CS0890"), "seen {seen}");
    }
    // Who saw only the common part can't know.
    assert_ne!(verify::check(&other.bundle(), &[], &[held(&whole, from)]).verdict, Verdict::Diverged);
}

/// The operator shows each approver another history, and collects both signatures.
#[test]
fn two_forks_signed_by_racing_approvers_do_not_fit_together() {
    let fork = |mono: u64| {
        let mut writer = Writer::new(Mode::Live);
        entry(&mut writer, "ask k2", move |entry| entry.mono += mono);
        writer.honest();
        writer
    };
    let (left, right) = (fork(0), fork(1));
    assert_eq!((verdict_of(&left).verdict, verdict_of(&right).verdict), (Verdict::Closed, Verdict::Closed));
    // carol saw the right one: what she signed there is nothing in the left one.
    let Fact::Approval(carols) = right.entries[right.seq("approve carol k1") as usize].fact.clone() else { panic!() };
    let mut mixed = Writer::new(Mode::Live);
    entry(&mut mixed, "approve carol k1", move |entry| *fact_of!(entry, Approval) = carols.clone());
    mixed.honest();
    assert_eq!(code(&verdict_of(&mixed)), "CS0807");
    // And each of them holds a head that the other's bundle contradicts.
    for (bundle, seen) in [(&left, &right), (&right, &left)] {
        let size = seen.seq("approve carol k1") + 1;
        assert_eq!(code(&verify::check(&bundle.bundle(), &[], &[held(seen, size)])), "CS0890");
    }
}

/// Two keys of one person are still one person.
#[test]
fn one_person_with_two_keys_counts_once() {
    let with_two_keys = || {
        let mut writer = Writer::new(Mode::Live);
        let first = key(Mode::Live, "bob").line("bob@customer");
        let both = format!("{first}\", \"{}", key(Mode::Live, "bob's other").line("bob@customer"));
        writer.people = super::people(Mode::Live, &[("bob", "mfa")]).replace(&first, &both);
        writer.plan = super::plan(&writer.people);
        writer.plan.roles.get_mut("mfa").unwrap().proof = countersign::plan::model::Proof::Signature;
        writer
    };
    let mut writer = with_two_keys();
    statement(&mut writer, BOB, |_, pen| pen.key_of = Some("bob's other".into()));
    writer.honest();
    assert_eq!(verdict_of(&writer).problems, [], "either key is bob's");
    let mut writer = with_two_keys();
    statement(&mut writer, "bob again", |_, pen| pen.key_of = Some("bob's other".into()));
    before(&mut writer, "approve carol k1", |w| {
        let request = w.seq("ask k1");
        w.decide("bob again", "bob", "mfa", request, Decides::Approve);
        w.skip = true;
    });
    writer.honest();
    assert_eq!(code(&verdict_of(&writer)), "CS0821");
}

/// The operator names keys of their own as bob's, and signs as bob: sound by itself, until bob's key is in your hands.
#[test]
fn people_of_the_operators_own_making_are_not_trusted() {
    let real = trust(&honest(Mode::Live));
    let mut writer = Writer::new(Mode::Live);
    let own = key(Mode::Live, "mallory").line("bob@customer");
    writer.people = writer.people.replace(&key(Mode::Live, "bob").line("bob@customer"), &own);
    writer.plan = super::plan(&writer.people);
    writer.statement = Box::new(|_, statement, pen| {
        if statement.tail.person == "bob" {
            pen.key_of = Some("mallory".into());
        }
    });
    writer.honest();
    let report = verdict_of(&writer);
    assert_eq!((report.verdict, report.trusted_keys), (Verdict::Closed, false), "never WITNESSED on its own keys");
    let report = verify::check(&writer.bundle(), &[real], &[]);
    assert_eq!((report.verdict, code(&report)), (Verdict::Invalid, "CS0816"));
}
