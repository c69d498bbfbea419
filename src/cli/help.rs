//! What `--help` says beyond the arguments: the verbs in the order of the main flow, and an example for each.

use clap::Command;

/// Headings, and the verbs below each; a verb that stands nowhere comes last.
const GROUPS: &[(&str, &[&str])] = &[
    ("Write and rehearse", &["init", "check", "plan", "rehearse", "preflight"]),
    ("Run", &["run", "resume", "rollback", "abandon"]),
    ("Look", &["status", "runs", "log", "report"]),
    ("Decide", &["requests", "review", "approve", "deny", "revoke", "break-glass", "import"]),
    ("Perform", &["confirm", "answer", "attach", "settle", "go-on", "note"]),
    ("People and changes", &["people", "amend", "hand-over", "take-over", "return", "decline"]),
    ("Evidence", &["verify", "export", "witness", "checkpoint"]),
    ("Tools", &["simulate", "actions", "schema", "explain", "completions", "man"]),
];

/// Commands that really work where they stand.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("init", &["countersign init moves"]),
    ("check", &["countersign check runbooks/move_member_accounts.toml"]),
    ("plan", &["countersign plan runbooks/move_member_accounts.toml --for alice"]),
    ("rehearse", &["countersign rehearse runbooks/move_member_accounts.toml"]),
    (
        "preflight",
        &[
            "countersign preflight runbooks/move_member_accounts.toml",
            "countersign preflight runbooks/move_member_accounts.toml -o routes",
            "countersign preflight runbooks/move_member_accounts.toml --format html",
            "countersign preflight runbooks/move_member_accounts.toml --commands",
            "countersign preflight runbooks/move_member_accounts.toml --evidence evidence",
        ],
    ),
    (
        "run",
        &[
            "countersign run runbooks/move_member_accounts.toml --as alice",
            "countersign run runbooks/move_member_accounts.toml --as alice,bob --no-wait",
        ],
    ),
    ("resume", &["countersign resume --as bob", "countersign resume 98f30cc2 --as bob --no-wait"]),
    (
        "rollback",
        &[
            "countersign rollback --to accept --dry-run",
            "countersign rollback --as bob --to accept:111122223333",
            "countersign rollback --as bob --repair retire/remove",
        ],
    ),
    ("abandon", &["countersign abandon --as alice --reason 'the move was called off'"]),
    ("status", &["countersign status", "countersign status --for carol --format json"]),
    ("runs", &["countersign runs"]),
    ("log", &["countersign log --follow"]),
    ("requests", &["countersign requests", "countersign requests -o open.countersign"]),
    ("approve", &["countersign approve accept:111122223333/accept --as carol"]),
    ("deny", &["countersign deny accept:111122223333/accept --as carol --reason 'not tonight'"]),
    ("revoke", &["countersign revoke accept:111122223333/accept --as carol --reason 'wrong row'"]),
    (
        "break-glass",
        &["countersign break-glass accept:111122223333/accept --as carol --reason 'bob is away, and it burns'"],
    ),
    ("import", &["countersign import carol.answer"]),
    ("confirm", &["countersign confirm accept:111122223333/accept --as bob --typed 111122223333"]),
    ("answer", &["countersign answer handle/ticket --as alice --set number=4711"]),
    ("attach", &["countersign attach handle/ticket screen.png --as alice"]),
    (
        "settle",
        &[
            "countersign settle done accept:111122223333/accept --as bob",
            "countersign settle done place:111122223333/place/undo/back --as alice --evidence answer.json",
        ],
    ),
    ("go-on", &["countersign go-on accept --as bob"]),
    ("note", &["countersign note 'the first account looks good' --as alice"]),
    (
        "people",
        &[
            "countersign people sign runbooks/people.toml --as alice",
            "countersign people change 98f30cc2 --people new.toml --as alice,bob",
        ],
    ),
    (
        "amend",
        &[
            "countersign amend 98f30cc2 --runbook runbooks/book.toml --dry-run",
            "countersign amend --runbook runbooks/book.toml --as alice -o change",
        ],
    ),
    ("hand-over", &["countersign hand-over --to bob --as alice -o move.countersign"]),
    ("return", &["countersign return back.countersign --as alice"]),
    ("decline", &["countersign decline move.countersign --as bob"]),
    (
        "verify",
        &[
            "countersign verify 98f30cc2",
            "countersign verify move.countersign --trust people-from-the-customer.toml",
            "countersign verify move.countersign --commands",
        ],
    ),
    (
        "export",
        &["countersign export -o move.countersign", "countersign export -o move.countersign --signers allowed_signers"],
    ),
    ("simulate", &["countersign simulate --world runbooks/worlds/move_member_accounts.toml"]),
    ("actions", &["countersign actions handshake", "countersign actions organizations:AcceptHandshake"]),
    ("schema", &["countersign schema runbook", "countersign schema values runbooks/move_member_accounts.toml"]),
    ("explain", &["countersign explain CS0301", "countersign explain WITNESSED"]),
    ("completions", &["countersign completions bash"]),
    ("man", &["countersign man", "countersign man -o man1"]),
];

const LAST: &str = "\
`countersign VERB --help` says more, with examples. `countersign explain CODE`
explains an error (CS0301), an exit code (7) or a verdict (WITNESSED).";

/// The same command line with these texts.
pub fn dress(mut command: Command) -> Command {
    let verbs = verbs(&command);
    for (name, examples) in EXAMPLES {
        if command.find_subcommand(name).is_some() {
            let text = format!("Examples:\n  {}", examples.join("\n  "));
            command = command.mut_subcommand(name, |verb| verb.after_help(text));
        }
    }
    command
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{verbs}Everywhere:\n{{options}}{{after-help}}"
        ))
        .after_help(LAST)
}

/// Every verb below its heading.
fn verbs(command: &Command) -> String {
    let known: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
    let others: Vec<&str> =
        command.get_subcommands().map(Command::get_name).filter(|name| !known.contains(name)).collect();
    let mut text = String::new();
    for (heading, verbs) in GROUPS.iter().map(|(heading, verbs)| (*heading, *verbs)).chain([("More", &others[..])]) {
        let lines: Vec<String> = verbs
            .iter()
            .filter_map(|name| command.find_subcommand(name))
            .map(|verb| {
                let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
                format!("  {:12} {about}\n", verb.get_name())
            })
            .collect();
        if !lines.is_empty() {
            text.push_str(&format!("{heading}:\n{}\n", lines.concat()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLES, GROUPS};
    use crate::cli::{Cli, command};
    use clap::Parser;
    use std::collections::BTreeSet;

    #[test]
    fn every_verb_stands_below_one_heading() {
        let mut seen = BTreeSet::new();
        assert!(GROUPS.iter().flat_map(|(_, verbs)| *verbs).all(|verb| seen.insert(*verb)));
        let help = command().render_help().to_string();
        for verb in command().get_subcommands() {
            assert!(seen.contains(verb.get_name()), "{} has no heading", verb.get_name());
            assert_eq!(help.matches(&format!("\n  {} ", verb.get_name())).count(), 1, "{help}");
        }
    }

    /// Each verb has an example of its own, and the command line takes each example.
    #[test]
    fn every_verb_has_an_example_that_parses() {
        for verb in command().get_subcommands() {
            let help = verb.clone().render_long_help().to_string();
            let own: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with("countersign ")).collect();
            let start = format!("countersign {}", verb.get_name());
            assert!(own.iter().any(|line| line.starts_with(&start)), "{}:\n{help}", verb.get_name());
            for line in own {
                let words = words(line);
                assert!(Cli::try_parse_from(&words).is_ok(), "{line}");
            }
        }
        assert!(Cli::try_parse_from(words("countersign deny x --because 'of that'")).is_err());
        assert!(!EXAMPLES.is_empty());
    }

    /// As a shell with single quotes splits it.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (at, part) in line.split('\'').enumerate() {
            if at % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    #[test]
    fn help_fits_eighty_columns() {
        let mut command = command();
        command.build();
        let mut texts = vec![command.clone().render_long_help().to_string(), command.render_help().to_string()];
        for verb in command.get_subcommands() {
            texts.push(verb.clone().render_long_help().to_string());
            texts.push(verb.clone().render_help().to_string());
        }
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
