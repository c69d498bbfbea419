//! The report as one HTML file: no script, no address, one style of its own under a policy that allows nothing else.
//! Every text goes through the writer that escapes it.

use super::content::{Content, EntryFacts, Moment, OperationFacts, RequestFacts, Trouble};
use super::rows::{self, SHOWN_ITEMS};
use crate::base::escape;
use crate::base::html::Html;
use crate::plan::lanes::{self, Row};
use crate::plan::picture::table;

/// Rows of a table that stand open; longer ones are folded.
const OPEN_ROWS: usize = 40;
/// A log with more entries is told in lines.
const LOG_ROWS: usize = 1000;
/// More troubles of one kind at one step than these are told together.
const ALIKE: usize = 3;
/// How a run ends that was given up.
const ABANDONED: &str = "abandoned";
/// Characters of one text in a table; the whole stands in the bundle.
const LONGEST: usize = 2000;

/// The whole page.
pub fn html(content: &Content) -> String {
    let title = format!("{} {}: {}", content.verdict.verdict, short(&content.run.id), content.runbook.title);
    Html::document(&title, lanes::STYLE, |body| {
        body.el("main", &[], |main| {
            head(main, content);
            verdict(main, content);
            summary(main, content);
            trouble(main, content);
            plan(main, content);
            people(main, content);
            story(main, content);
            decisions(main, content);
            operations(main, content);
            ways_back(main, content);
            ways_in(main, content);
            evidence(main, content);
            check(main, content);
            log(main, content);
            let words = format!("Written by {} from {}. All times are UTC.", content.program, content.source.name);
            main.leaf("footer", &[], &words);
        });
    })
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn head(main: &mut Html, content: &Content) {
    let title = if content.runbook.title.is_empty() { "A run that can't be read" } else { &content.runbook.title };
    main.leaf("p", &[("class", "kind")], "Countersign report: what happened");
    main.leaf("h1", &[], title);
    if !content.runbook.description.is_empty() {
        main.leaf("p", &[("class", "lead")], &content.runbook.description);
    }
}

fn verdict(main: &mut Html, content: &Content) {
    let facts = &content.verdict;
    let class = match facts.verdict.as_str() {
        "INVALID" | "DIVERGED" => "verdict bad",
        _ if facts.break_glass => "verdict warn",
        "OPEN" => "verdict warn",
        _ if content.run.state == ABANDONED => "verdict warn",
        _ => "verdict good",
    };
    let mode = facts.mode.as_deref().unwrap_or("unreadable").to_uppercase();
    main.el("section", &[("class", class), ("aria-label", "Verdict")], |box_| {
        box_.el("p", &[("class", "word")], |p| {
            p.text(&facts.verdict);
            p.leaf("span", &[("class", "mode")], &mode);
            // Closed is not the same as done.
            if content.run.closed_at.is_some() && content.run.state != "done" {
                p.leaf("span", &[("class", "mode")], &content.run.state.to_uppercase());
            }
            if facts.break_glass {
                p.leaf("span", &[("class", "mode")], "BREAK-GLASS");
            }
        });
        box_.leaf("p", &[], meaning(&facts.verdict));
        box_.el("ul", &[], |ul| {
            facts.limits.iter().for_each(|limit| {
                ul.leaf("li", &[], limit);
            });
        });
        for problem in facts.problems.iter().take(20) {
            let at = problem.seq.map_or("The history".to_owned(), |seq| format!("Entry {seq}"));
            let words = format!("{at}: {} [{}]", escape::cut(&problem.message, LONGEST), problem.code);
            box_.leaf("p", &[("class", "tag bad")], &words);
        }
        let more = facts.problems.len().saturating_sub(20);
        if more > 0 {
            box_.leaf("p", &[], &format!("and {more} more problems"));
        }
    });
}

fn meaning(verdict: &str) -> &'static str {
    match verdict {
        "WITNESSED" => {
            "The run is closed and consistent, and every party has witnessed it with keys that were trusted."
        }
        "CLOSED" => "The run is closed, and everything in its history is consistent.",
        "OPEN" => "The history is consistent so far; the run is not closed.",
        "DIVERGED" => "This history contradicts a head that somebody holds.",
        _ => "DO NOT RELY ON THIS REPORT. The history breaks the rules of its format.",
    }
}

fn summary(main: &mut Html, content: &Content) {
    let run = &content.run;
    let done = content.operations.iter().filter(|one| one.result.as_deref() == Some("done"));
    let (back, forward): (Vec<_>, Vec<_>) = done.partition(|one| one.direction == "undo");
    let back = if back.is_empty() { String::new() } else { format!(", and {} done to take steps back", back.len()) };
    let time = |at: &Option<String>| at.as_deref().map(minutes).unwrap_or("not known".to_owned());
    main.el("dl", &[], |dl| {
        let mut pair = |name: &str, value: &str| {
            dl.leaf("dt", &[], name).leaf("dd", &[], value);
        };
        let differs =
            content.anchors.iter().filter(|one| one.event == "regained" && one.words.contains("back, but")).count();
        let differs =
            if differs > 0 { format!("; {differs} anchors came back with differences") } else { String::new() };
        pair("State", &format!("{}{differs}", run.state));
        pair("Opened", &format!("{}, by {}", time(&run.opened_at), run.opened_by.as_deref().unwrap_or("nobody known")));
        match &run.closed_at {
            Some(_) => pair("Closed", &time(&run.closed_at)),
            None => pair("Last entry", &time(&run.last_at)),
        }
        pair("Operations", &format!("{} recorded, {} done{back}", content.operations.len(), forward.len()));
        pair("Runbook", format!("{} {}", content.runbook.name, content.runbook.version).trim());
        pair("Run", &run.id);
        pair(
            "Entries",
            &format!("{}, of which signatures of approvers cover the first {}", run.entries, content.verdict.covered),
        );
    });
}

fn trouble(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "What went wrong, and how it was settled");
    if content.troubles.is_empty() {
        main.leaf("p", &[], "Nothing was in doubt, failed, was refused or denied, or ran out of time.");
        return;
    }
    let (alike, single) = alike_troubles(&content.troubles);
    for (what, all) in &alike {
        main.el("section", &[], |section| many_troubles(section, what, all));
    }
    for one in single.iter().take(OPEN_ROWS) {
        main.el("section", &[], |section| one_trouble(section, one));
    }
    let more = single.get(OPEN_ROWS..).unwrap_or_default();
    if !more.is_empty() {
        main.el("details", &[("class", "always")], |details| {
            details.leaf("summary", &[], &format!("{} more", more.len()));
            for one in more {
                details.el("section", &[], |section| one_trouble(section, one));
            }
        });
    }
}

/// Troubles of the same kind at the same step of many items, and all others. What has a course of its own stays alone.
fn alike_troubles(all: &[Trouble]) -> (Vec<(String, Vec<&Trouble>)>, Vec<&Trouble>) {
    let mut groups: Vec<(String, Vec<&Trouble>)> = Vec::new();
    let mut places: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for one in all {
        let settled = if one.settled.is_some() { "settled" } else { "" };
        let own = if one.course.is_empty() { String::new() } else { one.seq.to_string() };
        let key = format!("{} {} {settled} {own}", one.what, itemless(&one.at_step));
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(one),
            None => groups.push((format!("{}: {}", kind(one), itemless(&one.at_step)), vec![one])),
        }
    }
    let (many, few): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(_, group)| group.len() > ALIKE);
    let mut single: Vec<&Trouble> = few.into_iter().flat_map(|(_, group)| group).collect();
    single.sort_by_key(|one| one.seq);
    (many, single)
}

/// What happened to many, once; each stands below, folded.
fn many_troubles(section: &mut Html, what: &str, all: &[&Trouble]) {
    section.leaf("h3", &[], &format!("{what}, {} times", all.len()));
    if let (Some(first), Some(last)) = (all.first(), all.last()) {
        let words =
            format!("From {} (entry {}) to {} (entry {}).", minutes(&first.at), first.seq, minutes(&last.at), last.seq);
        section.leaf("p", &[], &words);
    }
    section.el("details", &[("class", "always")], |details| {
        details.leaf("summary", &[], &format!("Each of the {}", all.len()));
        details.el("ul", &[], |ul| {
            for one in all {
                let settled = one.settled.as_ref().map(|how| format!("; settled: {how}")).unwrap_or_default();
                let words = escape::cut(&one.words, LONGEST);
                ul.leaf(
                    "li",
                    &[],
                    &format!("{}, entry {}: {}: {words}{settled}", minutes(&one.at), one.seq, one.at_step),
                );
            }
        });
    });
    let open = all.iter().filter(|one| one.settled.is_none() && one.wants_settling()).count();
    section.el("p", &[], |p| match open {
        0 if all.iter().any(|one| one.settled.is_some()) => {
            p.leaf("span", &[("class", "tag good")], "All settled.");
        }
        0 => {}
        _ => {
            p.leaf("span", &[("class", "tag bad")], &format!("{open} not settled in this history."));
        }
    });
}

fn kind(one: &Trouble) -> &'static str {
    match one.what.as_str() {
        "in_doubt" => "In doubt",
        "failed" => "Failed",
        "not_done" => "Nothing happened",
        "denied" => "Denied",
        "expired" => "Time ran out",
        "anchor" => "Anchor",
        "paused" => "Paused",
        "rollback" => "Rollback",
        "repair" => "Repair",
        "clock" => "Clock",
        "abandoned" => "Abandoned",
        _ => "Break-glass",
    }
}

fn one_trouble(section: &mut Html, one: &Trouble) {
    let what = kind(one);
    let at = if one.at_step.is_empty() { String::new() } else { format!(": {}", one.at_step) };
    section.leaf("h3", &[], &format!("{what}{at}"));
    let words = format!("{}, entry {}: {}", minutes(&one.at), one.seq, escape::cut(&one.words, LONGEST));
    section.leaf("p", &[], &words);
    if !one.course.is_empty() {
        section.el("ul", &[], |ul| {
            for entry in one.course.iter().take(SHOWN_ITEMS) {
                let by = entry.by.as_deref().map(|by| format!(" ({by})")).unwrap_or_default();
                ul.leaf("li", &[], &format!("{}{by} {}", minutes(&entry.at), escape::cut(&entry.words, LONGEST)));
            }
            let more = one.course.len().saturating_sub(SHOWN_ITEMS);
            if more > 0 {
                ul.leaf("li", &[], &format!("and {more} more {}", if more == 1 { "entry" } else { "entries" }));
            }
        });
    }
    section.el("p", &[], |p| match &one.settled {
        Some(settled) => {
            p.leaf("span", &[("class", "tag good")], "Settled: ").text(settled);
        }
        None if !one.wants_settling() => {}
        None => {
            p.leaf("span", &[("class", "tag bad")], "Not settled in this history.");
        }
    });
}

fn plan(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "What was to happen");
    if content.stages.is_empty() {
        main.leaf("p", &[("class", "tag bad")], "The plan or the people file can't be read.");
    }
    for (number, stage) in content.stages.iter().enumerate() {
        main.el("section", &[], |section| {
            section.leaf("h3", &[], &format!("{}. {}", number + 1, stage.title));
            if let Some(items) = rows::items(stage) {
                section.leaf("p", &[], &items);
            }
            if let Some(anchor) = &stage.anchor {
                section.leaf("p", &[], &format!("Anchor to come back to: {anchor}."));
            }
            let rows = rows::steps(stage, "nobody");
            table(section, &["Step", "What", "Performed by", "Agreed to by", "Way back"], &rows);
        });
    }
}

fn or_none(text: String, none: &str) -> String {
    if text.is_empty() { none.to_owned() } else { text }
}

fn people(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "People, parties, accounts");
    table(main, &["Person", "Party", "Roles", "Signed", "Key fingerprints"], &rows::people(&content.people));
    let mut seen = Vec::new();
    for one in &content.sessions {
        let row =
            vec![one.session.clone(), one.account.clone(), one.arn.clone(), one.kind.clone(), one.endpoint.clone()];
        if !seen.contains(&row) {
            seen.push(row);
        }
    }
    if !seen.is_empty() {
        main.leaf("p", &[("class", "soft")], "Credentials in use, as AWS named them:");
        many(main, "sessions", &["Session", "Account", "Identity", "Kind", "Endpoint"], &seen);
    }
}

fn story(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "Who did and decided what, and when");
    let all: Vec<&Row> = content.chapters.iter().flat_map(|chapter| &chapter.rows).collect();
    main.leaf(
        "p",
        &[("class", "soft")],
        "Time runs downwards (month-day and time, UTC). Each person has a lane; an arrow goes to whom it concerns.",
    );
    lanes::legend(main, &all);
    for (number, chapter) in content.chapters.iter().enumerate() {
        main.el("section", &[], |section| {
            section.leaf("h3", &[], &chapter.title);
            if chapter.folded {
                section.leaf(
                    "p",
                    &[("class", "soft")],
                    "What is alike is drawn once, with its number. The tables name each.",
                );
            }
            lanes::draw(section, &format!("story-{number}"), &chapter.title, &content.lanes, &chapter.rows);
        });
    }
}

fn decisions(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "Decisions");
    let plain = |one: &RequestFacts| {
        one.ended.as_deref() == Some("used") && one.decisions.iter().all(|it| it.decision == "approve")
    };
    let group = |one: &RequestFacts| plain(one).then(|| format!("{}: approved and used", itemless(&one.covers)));
    let rows: Vec<Grouped> =
        content.requests.iter().flat_map(|one| request(one).into_iter().map(move |row| (group(one), row))).collect();
    if rows.is_empty() {
        main.leaf("p", &[], "Nothing was asked of approvers.");
    }
    let heads = ["Request", "Asked", "For", "Decided by", "Decision", "When", "Became of it"];
    grouped(main, "decisions", &heads, rows);
}

fn request(one: &RequestFacts) -> Vec<Vec<String>> {
    let number = format!("#{}", one.seq);
    let what = format!("{}: {}", one.covers, escape::cut(&one.summary, 400));
    let over = one.ended.clone().unwrap_or("not over".to_owned());
    let row = |who: String, decision: String, when: String| {
        vec![number.clone(), minutes(&one.at), what.clone(), who, decision, when, over.clone()]
    };
    if one.decisions.is_empty() {
        return vec![row("nobody".to_owned(), String::new(), String::new())];
    }
    let each = one.decisions.iter().map(|it| {
        let reason = if it.reason.is_empty() { String::new() } else { format!(": {}", it.reason) };
        let code = it.corroborated.as_ref().map(|words| format!(" ({words})")).unwrap_or_default();
        let decision = format!("{}{reason}{code}", it.decision);
        row(format!("{} ({}, {})", it.person, it.role, it.party), decision, minutes(&it.at))
    });
    each.collect()
}

fn operations(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "Operations");
    if content.operations.is_empty() {
        main.leaf("p", &[], "None was begun.");
    }
    let group = |one: &OperationFacts| {
        let step = itemless(&one.step);
        match (one.result.as_deref(), one.was_in_doubt) {
            (Some("done"), false) => Some(format!("{step}: done")),
            (Some("not_done"), false) => {
                let code = one.error.as_deref().unwrap_or_default().split(':').next().unwrap_or_default();
                Some(format!("{step}: nothing happened: {code}"))
            }
            _ => None,
        }
    };
    let rows = content.operations.iter().map(|one| (group(one), operation(one))).collect();
    let heads = ["Entry", "Step", "What", "By", "Approved by", "Began", "Result", "AWS request id and date"];
    grouped(main, "operations", &heads, rows);
}

fn operation(one: &OperationFacts) -> Vec<String> {
    let attempt = if one.attempt > 1 || one.r#try > 1 {
        format!(" (attempt {}, try {})", one.attempt, one.r#try)
    } else {
        String::new()
    };
    let doubt = if one.was_in_doubt { "was in doubt; " } else { "" };
    vec![
        one.seq.to_string(),
        format!("{}{attempt}", one.step),
        escape::cut(&one.what, LONGEST),
        one.by.clone(),
        one.approved_by.join(", "),
        one.began.as_deref().or(one.ended.as_deref()).map(minutes).unwrap_or_default(),
        format!("{doubt}{}", escape::cut(&one.words, LONGEST)),
        [one.request_id.clone(), one.date.clone()].into_iter().flatten().collect::<Vec<_>>().join(" "),
    ]
}

fn ways_back(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "Anchors and points of no return");
    let rows: Vec<Grouped> = content
        .anchors
        .iter()
        .map(|one| {
            let place = crate::base::id::place(&one.stage, one.item.as_deref());
            let object = one.object.map(|digest| digest.hex()).unwrap_or_default();
            let words = escape::cut(&one.words, LONGEST);
            // Refused, or back with a difference: told one by one.
            let group = match one.event.as_str() {
                "set" => Some(format!("{}: captured and proved", one.stage)),
                "regained" if one.words.ends_with("back as captured") => {
                    Some(format!("{}: back as captured", one.stage))
                }
                _ => None,
            };
            (group, vec![one.seq.to_string(), minutes(&one.at), place, words, object])
        })
        .collect();
    if rows.is_empty() {
        main.leaf("p", &[], "No anchor was set.");
    }
    grouped(main, "anchors", &["Entry", "When", "Place", "What", "Captured state (SHA-256)"], rows);
    points(main, content);
}

/// Ways in that were held: when, and when each was last proved.
fn ways_in(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "Ways in that were held");
    if content.holds.is_empty() {
        main.leaf("p", &[], "The plan holds none.");
        return;
    }
    main.leaf("p", &[("class", "soft")], "While a way in is held, no step may take it away.");
    let moments = |all: &[Moment], none: &str| {
        let each: Vec<String> = all.iter().map(|one| format!("{} (entry {})", minutes(&one.at), one.seq)).collect();
        or_none(each.join(", "), none)
    };
    let rows: Vec<Vec<String>> = content
        .holds
        .iter()
        .map(|one| {
            vec![
                format!("{} ({})", one.title, one.id),
                one.by.clone(),
                format!("from the end of {} to the end of {}", one.from, one.until),
                moments(&one.began, "never"),
                moments(&one.proved, "never"),
                moments(&one.released, if one.began.is_empty() { "never held" } else { "STILL HELD" }),
            ]
        })
        .collect();
    table(main, &["Way in", "What it is", "Planned", "Held since", "Proved", "Released"], &rows);
}

fn points(main: &mut Html, content: &Content) {
    if content.points_of_no_return.is_empty() {
        main.leaf("p", &[], "The plan has no point of no return.");
    }
    for point in &content.points_of_no_return {
        main.el("p", &[], |p| {
            p.leaf("span", &[("class", "tag")], &format!("Point of no return {}: ", point.step)).text(&point.words);
        });
        let passed: Vec<String> = point
            .passed
            .iter()
            .map(|one| {
                let proof = one.proved_before.join("; ");
                let proof = if proof.is_empty() { proof } else { format!("; way in last proved: {proof}") };
                format!("{} at {} (entry {}{proof})", one.step, minutes(&one.at), one.seq)
            })
            .collect();
        let words =
            if passed.is_empty() { "Not passed.".to_owned() } else { format!("Passed: {}.", passed.join(", ")) };
        main.leaf("p", &[], &words);
    }
}

fn evidence(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "Evidence and answers");
    let rows: Vec<Vec<String>> = content
        .evidence
        .iter()
        .map(|one| {
            let size = one.bytes.map(|bytes| format!("{bytes} bytes")).unwrap_or_default();
            let missing = if one.missing { "not in the bundle" } else { "" };
            let digest = one.sha256.map(|digest| digest.hex()).unwrap_or_default();
            vec![
                one.seq.to_string(),
                one.step.clone(),
                one.person.clone(),
                format!("{}: {}", one.what, escape::cut(&one.name, 400)),
                [one.media_type.as_str(), &size, missing]
                    .iter()
                    .filter(|text| !text.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join(", "),
                digest,
                one.object.hex(),
            ]
        })
        .collect();
    if rows.is_empty() {
        main.leaf("p", &[], "Nobody attached a file or answered a question.");
    }
    many(
        main,
        "evidence",
        &["Entry", "Step", "Person", "What", "Form", "SHA-256 of the file", "SHA-256 of the object"],
        &rows,
    );
    if !content.verdict.missing_objects.is_empty() {
        main.leaf("p", &[("class", "tag")], "Named by the history, and not in the bundle (withheld, or never there):");
        main.el("ul", &[], |ul| {
            for digest in &content.verdict.missing_objects {
                ul.el("li", &[], |li| {
                    li.leaf("code", &[], &digest.hex());
                });
            }
        });
    }
}

fn check(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "How to check this yourself");
    main.leaf("p", &[], "This page proves nothing: the bundle does. What the verifier said of it:");
    pre(main, &content.verdict.words);
    for one in &content.check {
        main.leaf("p", &[], &format!("{}:", one.what));
        pre(main, &one.commands);
    }
    let facts = [
        ("SHA-256 of the bundle", Some(content.source.sha256)),
        ("Leaf of the last entry", content.run.last_leaf),
        ("Runbook", content.runbook.runbook),
        ("Values", content.runbook.values),
        ("Plan", content.runbook.plan),
        ("People file", content.runbook.people),
    ];
    main.el("dl", &[], |dl| {
        for (name, digest) in facts.iter().filter_map(|(name, digest)| digest.map(|digest| (name, digest))) {
            dl.leaf("dt", &[], name).el("dd", &[], |dd| {
                dd.leaf("code", &[], &digest.hex());
            });
        }
        dl.leaf("dt", &[], "Merkle root").el("dd", &[], |dd| {
            dd.leaf("code", &[], &content.run.root);
        });
    });
}

fn pre(main: &mut Html, lines: &[String]) {
    main.el("pre", &[], |pre| {
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                pre.void("br", &[]);
            }
            pre.text(line);
        }
    });
}

fn log(main: &mut Html, content: &Content) {
    main.leaf("h2", &[], "Complete log");
    let row = |one: &EntryFacts| {
        let by = one.by.clone().unwrap_or_default();
        vec![one.seq.to_string(), one.at.replace('T', " "), by, one.kind.clone(), escape::cut(&one.words, LONGEST)]
    };
    let rows: Vec<Vec<String>> = content.entries.iter().map(row).collect();
    main.el("details", &[], |details| {
        details.leaf("summary", &[], &format!("All {} entries", rows.len()));
        if rows.len() <= LOG_ROWS {
            table(details, &["Entry", "When (UTC)", "By", "Kind", "What"], &rows);
        } else {
            lines(details, content);
        }
    });
    main.leaf("p", &[("class", "soft")], "The log is printed only when it is open.");
}

/// A long log: a line for each entry, its day where that changes, and its kind where there are no words.
fn lines(details: &mut Html, content: &Content) {
    let mut day = "";
    let mut all = Vec::new();
    for one in &content.entries {
        let (date, time) = one.at.split_once('T').unwrap_or(("", &one.at));
        if date != day {
            all.push(date.to_owned());
            day = date;
        }
        let what = if one.words.is_empty() { &one.kind } else { &one.words };
        let (time, by) = (time.trim_end_matches('Z'), one.by.as_deref().unwrap_or("-"));
        all.push(format!("{} {time} {by} {}", one.seq, escape::cut(what, LONGEST)));
    }
    details.leaf("p", &[("class", "soft")], "Each line: entry, time (UTC), by whom, what.");
    pre(details, &all);
}

/// A row, and what it counts as; none for what must be seen by itself.
type Grouped = (Option<String>, Vec<String>);

/// `accept/accept` of `accept:111122223333/accept`.
fn itemless(place: &str) -> String {
    let Some((stage, rest)) = place.split_once(':') else { return place.to_owned() };
    let step = rest.split_once('/').map(|(_, step)| format!("/{step}")).unwrap_or_default();
    format!("{stage}{step}")
}

/// A table that, when it is long, becomes one folded table for each group, with its count; what belongs to none stands
/// open before them.
fn grouped(main: &mut Html, what: &str, heads: &[&str], rows: Vec<Grouped>) {
    if rows.len() <= OPEN_ROWS {
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
        many(main, what, heads, &rows);
        return;
    }
    let all = rows.len();
    let mut alone = Vec::new();
    let mut groups: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    let mut places: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for (group, row) in rows {
        let Some(group) = group else {
            alone.push(row);
            continue;
        };
        let place = *places.entry(group.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((group, vec![row])),
        }
    }
    let folded = all - alone.len();
    let unlike =
        if alone.is_empty() { "none went otherwise".to_owned() } else { format!("{} others first", alone.len()) };
    main.leaf("p", &[("class", "soft")], &format!("{all} {what}: {folded} in groups of what is alike; {unlike}."));
    many(main, what, heads, &alone);
    for (group, rows) in groups {
        main.el("details", &[("class", "always")], |details| {
            details.leaf("summary", &[], &format!("{} x {group}", rows.len()));
            table(details, heads, &rows);
        });
    }
}

/// A table that folds when it is long.
fn many(main: &mut Html, what: &str, heads: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    if rows.len() <= OPEN_ROWS {
        table(main, heads, rows);
        return;
    }
    main.el("details", &[("class", "always")], |details| {
        details.leaf("summary", &[], &format!("All {} {what}", rows.len()));
        table(details, heads, rows);
    });
}

/// `2026-01-05 09:00:07`.
fn minutes(at: &str) -> String {
    at.get(..19).unwrap_or(at).replace('T', " ")
}
