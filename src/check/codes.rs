//! Every code of a finding: what it means and what to do. `explain` prints it.
//! Codes are stable: one is never given another meaning.

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub code: &'static str,
    /// One line.
    pub means: &'static str,
    pub todo: &'static str,
}

const fn row(code: &'static str, means: &'static str, todo: &'static str) -> Code {
    Code { code, means, todo }
}

/// CS01: syntax and shape; CS02: names and references; CS03: safety; CS04: people; CS05: values; CS06: files;
/// CS15: worlds.
pub const CODES: &[Code] = &[
    row("CS0101", "The file is not TOML.", "Mend the place shown; an editor with TOML support marks it too."),
    row(
        "CS0102",
        "Only TOML 1.1 allows this; most editors read 1.0.",
        "Write each `{ }` on one line, without a comma at its end, and `\\u001b` instead of `\\e`.",
    ),
    row("CS0103", "A table has a key that it does not know.", "Correct the spelling, or remove the key."),
    row(
        "CS0104",
        "Something required is missing.",
        "Add the key that is named, or give the default once in the stage.",
    ),
    row(
        "CS0105",
        "A value has another type than its key wants.",
        "Write the type that is named; texts stand in quotes, account ids too.",
    ),
    row(
        "CS0106",
        "A key landed in the wrong table: in TOML a key belongs to the last header above it.",
        "Move the key right under the header that is named.",
    ),
    row(
        "CS0107",
        "An id is not of the form [a-z][a-z0-9_]*.",
        "Use small letters, digits and `_`, beginning with a letter.",
    ),
    row("CS0108", "One id stands for two things.", "Rename one of them."),
    row(
        "CS0109",
        "The file's `schema` is not one that this version reads.",
        "Write `schema = 1`, or use a version that reads it.",
    ),
    row(
        "CS0110",
        "A value is of the right type, but not one that is possible here.",
        "Choose one of the values that are named.",
    ),
    row("CS0111", "A key does not belong to this kind of step, proof or parameter.", "Set `kind`, or remove the key."),
    row("CS0112", "Keys exclude each other, or one needs another.", "Keep exactly those that belong together."),
    row("CS0113", "Something that must have content is empty.", "Add at least one entry."),
    row(
        "CS0114",
        "A step says that it belongs to another stage than the one TOML puts it into.",
        "Move the step below the stage that it belongs to.",
    ),
    row(
        "CS0115",
        "A text of the runbook holds a character that nobody sees: a control, a direction mark, a zero width.",
        "Remove it. Such characters make a text look like another one.",
    ),
    row("CS0201", "A role is named that is not there.", "Correct the name, or add the role under [roles]."),
    row(
        "CS0202",
        "A session is named that is not there, or a chain of sessions has no end.",
        "Correct the name, or add the session under [sessions].",
    ),
    row(
        "CS0203",
        "An expression names a parameter that is not there.",
        "Correct the name, or add the parameter under [parameters].",
    ),
    row(
        "CS0204",
        "An expression begins with a name that is no root.",
        "Begin with parameters, files, item, steps, stages, anchor, undo, session or run.",
    ),
    row(
        "CS0205",
        "An expression can't be read.",
        "It is JMESPath, as in the AWS CLI's --query; texts in it stand in single quotes, numbers in back quotes.",
    ),
    row(
        "CS0206",
        "An expression names a step or a stage that is not there, or not done yet.",
        "Name only what comes before; where a stage repeats, name the item's key.",
    ),
    row(
        "CS0207",
        "An expression names a member that is not there.",
        "`countersign actions NAME` shows what an action answers.",
    ),
    row(
        "CS0208",
        "A root's name is read from a list's element or from AWS's answer.",
        "In `expect` write `${...}` around it; elsewhere use find(list, 'Member', value).",
    ),
    row(
        "CS0209",
        "The catalogue has no action of this name.",
        "`countersign actions` lists all; others go through a `command`.",
    ),
    row("CS0210", "An action has no parameter of this name.", "Use AWS's own names, with their upper-case letters."),
    row("CS0211", "An action needs a parameter that is not given.", "Add it to `with`."),
    row(
        "CS0212",
        "A parameter's value has another type than AWS wants.",
        "Give what is named; `countersign actions NAME` shows the types.",
    ),
    row(
        "CS0213",
        "A capture, file, hold or stage is named that is not there, or not yet.",
        "Correct the name, or add it before.",
    ),
    row(
        "CS0214",
        "`item` is named where there is none, or a key does not name it.",
        "Use it in stages with `for_each` only.",
    ),
    row(
        "CS0215",
        "A condition is not exactly one `${...}`.",
        "Put the whole condition inside one `${...}` that gives true or false.",
    ),
    row(
        "CS0216",
        "A changing action stands where only reads can, or a read where a change is meant.",
        "Make it a step of kind action, or of kind read.",
    ),
    row("CS0217", "Nothing uses this (a warning).", "Remove it, or use it."),
    row(
        "CS0218",
        "A pinned file's path leads out of the runbook's folder.",
        "Put the file below the runbook and name it without `..`.",
    ),
    row(
        "CS0301",
        "A changing step has no way back (P5).",
        "Write an undo, `no_undo` where the catalogue allows it, or declare a point of no return.",
    ),
    row(
        "CS0302",
        "A stage changes something, but has no anchor (P5).",
        "Write [stages.anchor]: what is captured and proved before.",
    ),
    row(
        "CS0303",
        "A step has several ways back, or one that it can't have.",
        "Keep exactly one, on the changing step itself.",
    ),
    row("CS0304", "`no_undo` is not allowed for this step.", "Write an undo, or declare a point of no return."),
    row("CS0305", "There is no usual undo for this step.", "Write the undo as steps, or declare a point of no return."),
    row(
        "CS0306",
        "An undo needs something that is gone or unknown by then.",
        "Capture it in the anchor, or use a session that the step leaves alone.",
    ),
    row(
        "CS0307",
        "A step has a hazard that nothing meets.",
        "Do what the hint says, or override it by name in `even_though` with the reason.",
    ),
    row(
        "CS0308",
        "`even_though` names a hazard that the step does not have, or gives no reason.",
        "Remove it, or name the right one with the reason.",
    ),
    row(
        "CS0309",
        "A wait or an approval is longer than what it waits with lives.",
        "Shorten it, or ask or invite later.",
    ),
    row("CS0310", "If an answer is lost, a side must be asked for which no session is named.", "Name it in `probe`."),
    row(
        "CS0311",
        "A step's performer may not change anything through its session.",
        "Add the role to `used_by` of the session, or let another role perform.",
    ),
    row(
        "CS0312",
        "A stage's performer can't read its anchor.",
        "Add the role to `used_by` of the session, or read through another.",
    ),
    row("CS0313", "The approvals of one list cover different things.", "Give all of them the same `per`."),
    row("CS0314", "A secret answer has no place to go, or there is no secret.", "Write `secret_to`, or leave it out."),
    row(
        "CS0315",
        "A secret stands where it would be kept or shown.",
        "Hand it only to a parameter that takes a secret, or to `env` of a command.",
    ),
    row("CS0316", "A command runs a file of the runbook's folder that is not pinned.", "Add the file to [files]."),
    row("CS0317", "A hold does not live where it is needed.", "Mend its `from` and `until`."),
    row("CS0319", "An anchor captures nothing and proves nothing.", "Add a capture or a proof."),
    row(
        "CS0329",
        "An expectation does not look at AWS's answer, so it proves nothing.",
        "Compare a member of the answer with what it must be.",
    ),
    row("CS0401", "Nobody holds a role that the runbook needs.", "Give it to a person of the people file."),
    row(
        "CS0402",
        "An approval can't be had from these people.",
        "Give the role to one more person who does not perform the step.",
    ),
    row("CS0403", "One person holds roles that must be apart.", "Give one of them to somebody else."),
    row(
        "CS0404",
        "A key is not an OpenSSH public key of an accepted type.",
        "Give the line of the .pub file; ssh-ed25519, sk-ssh-ed25519 and sk-ecdsa keys are accepted.",
    ),
    row("CS0405", "A key is weak: anybody can sign for it.", "Make a new one with ssh-keygen."),
    row("CS0406", "One key stands twice: a key says who signed.", "Give each person keys of their own."),
    row(
        "CS0407",
        "A name looks like another one, or hides characters.",
        "Write names that nobody mistakes for one another.",
    ),
    row("CS0408", "A key is a rehearsal key, which anybody can compute.", "Give a key that only this person holds."),
    row("CS0410", "A person is named who is not in the people file.", "Correct the id, or add the person."),
    row(
        "CS0412",
        "A holder of a role belongs to another party than the role.",
        "Correct the person's or the role's `party`.",
    ),
    row("CS0501", "A parameter has no value.", "Give it in the values file, or by --set."),
    row("CS0502", "A value is given for a parameter that is not there.", "Correct the name, or remove it."),
    row("CS0503", "A value is not of its parameter's type.", "Give what is named; ids stand in quotes."),
    row("CS0505", "Two items of a stage have the same key.", "Remove the double row, or choose a `key` that differs."),
    row("CS0506", "An item's key is not possible.", "Keys are 1 to 64 letters, digits, `.`, `_` and `-`."),
    row(
        "CS0507",
        "A CSV file can't be read as the parameter's table.",
        "The first line names the columns; every line has as many cells.",
    ),
    row("CS0508", "A values file can't be read.", "Use .toml or .json; one table from .csv by --set NAME=@FILE.csv."),
    row("CS0509", "A secret is given in clear.", "Give it at the prompt, by --set NAME=@FILE, or in the environment."),
    row("CS0510", "An expression gives nothing usable with these values.", "Mend the values, or the expression."),
    row("CS0511", "What was given is too large or nested too deep to be stored.", "Use fewer levels."),
    row("CS0512", "A pinned file can't be read.", "Put it where [files] says."),
    row("CS0601", "A file can't be read.", "Check its path and permissions."),
    row("CS0602", "There is no people file.", "Write people.toml beside the runbook, or name one with --people."),
    row("CS0603", "A file is not UTF-8 text.", "Save it as UTF-8."),
    row("CS0604", "A `--set` has no `=`.", "Write --set NAME=VALUE or --set NAME=@FILE."),
    row("CS0605", "A person is named who is not in the people file.", "Correct the id."),
    row(
        "CS1501",
        "A world file is not TOML, or has a key, type or choice that worlds do not have.",
        "Mend the place shown; runbooks/worlds/README.md lists the keys.",
    ),
    row("CS1502", "The world file's `schema` is not one that this version reads.", "Write `schema = 1`."),
    row("CS1503", "A value of a world is not possible.", "Write what the message names."),
    row("CS1504", "A world names something that it does not have.", "Correct the name, or add what is missing."),
    row("CS1505", "Something stands twice in a world.", "Remove one of the two."),
];

/// The row of a code.
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|row| row.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_none_stands_twice() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(CODES.iter().all(|row| !row.means.is_empty() && !row.todo.is_empty()));
        assert!(find("CS0301").is_some() && find("CS0199").is_none());
    }
}
