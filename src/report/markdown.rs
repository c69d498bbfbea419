//! The report as Markdown, with the content of the HTML one. No text of the bundle becomes markup. Pure.

use super::content::{Content, Moment};
use super::rows;
use crate::base::{escape, markdown::cell};

/// The whole report, ended by a line feed.
pub fn markdown(content: &Content) -> String {
    let mut page = Page { out: String::new() };
    page.head(content);
    page.troubles(content);
    page.plan(content);
    page.people(content);
    page.happened(content);
    page.holds(content);
    page.evidence(content);
    page.check(content);
    page.out
}

struct Page {
    out: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn title(&mut self, text: &str) {
        self.line(&format!("\n## {text}\n"));
    }

    fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) {
        if rows.is_empty() {
            self.line("None.");
            return;
        }
        self.line(&format!("| {} |", heads.join(" | ")));
        self.line(&format!("|{}", " --- |".repeat(heads.len())));
        for row in rows {
            let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
            self.line(&format!("| {} |", cells.join(" | ")));
        }
    }

    /// A block of literal text; a fence that no line of it can end.
    fn literal(&mut self, lines: &[String]) {
        self.out.push('\n');
        lines.iter().for_each(|line| self.line(&format!("    {}", escape::line(line))));
        self.out.push('\n');
    }

    fn head(&mut self, content: &Content) {
        let facts = &content.verdict;
        let title = if content.runbook.title.is_empty() { "A run that can't be read" } else { &content.runbook.title };
        self.line(&format!("# {}\n", cell(title)));
        let mode = facts.mode.as_deref().unwrap_or("unreadable").to_uppercase();
        let glass = if facts.break_glass { ", BREAK-GLASS" } else { "" };
        self.line(&format!("**Verdict: {}** ({}{glass})\n", cell(&facts.verdict), cell(&mode)));
        facts.limits.iter().for_each(|limit| self.line(&format!("- {}", cell(limit))));
        for problem in &facts.problems {
            let at = problem.seq.map_or("the history".to_owned(), |seq| format!("entry {seq}"));
            self.line(&format!("- **{at}**: {} ({})", cell(&problem.message), cell(&problem.code)));
        }
        self.line(&format!("\n{}\n", cell(&content.runbook.description)));
        let run = &content.run;
        let or = |text: &Option<String>| text.clone().unwrap_or_default();
        let rows = [
            ("state", run.state.clone()),
            ("opened", format!("{} by {}", or(&run.opened_at), or(&run.opened_by))),
            ("closed", or(&run.closed_at)),
            ("runbook", format!("{} {}", content.runbook.name, content.runbook.version)),
            ("run", run.id.clone()),
            ("entries", format!("{}, signed over: the first {}", run.entries, facts.covered)),
        ];
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
        self.table(&["run", "facts"], &rows);
    }

    fn troubles(&mut self, content: &Content) {
        self.title("What went wrong, and how it was settled");
        if content.troubles.is_empty() {
            self.line("Nothing was in doubt, failed, was refused or denied, or ran out of time.");
        }
        for one in &content.troubles {
            let settled = match &one.settled {
                Some(how) => format!("; settled: {how}"),
                None if one.wants_settling() => "; not settled in this history".to_owned(),
                None => String::new(),
            };
            let what = one.what.replace('_', " ");
            self.line(&format!(
                "- **{}** {}, entry {}: {}{}",
                cell(&what),
                cell(&one.at),
                one.seq,
                cell(&one.words),
                cell(&settled)
            ));
            for entry in &one.course {
                self.line(&format!("  - {} entry {}: {}", cell(&entry.at), entry.seq, cell(&entry.words)));
            }
        }
    }

    fn plan(&mut self, content: &Content) {
        self.title("What was to happen");
        for stage in &content.stages {
            let items = rows::items(stage).map(|items| format!(" {items}"));
            let anchor = stage.anchor.as_ref().map(|anchor| format!(" Anchor: {anchor}.")).unwrap_or_default();
            self.line(&format!(
                "\n**{}**: {}.{}{}\n",
                cell(&stage.id),
                cell(&stage.title),
                cell(&items.unwrap_or_default()),
                cell(&anchor)
            ));
            let rows = rows::steps(stage, "");
            self.table(&["step", "what", "performed by", "agreed to by", "way back"], &rows);
        }
    }

    fn people(&mut self, content: &Content) {
        self.title("People, parties, accounts");
        self.table(&["person", "party", "roles", "signed", "key fingerprints"], &rows::people(&content.people));
        let sessions: Vec<Vec<String>> = content
            .sessions
            .iter()
            .map(|one| {
                vec![
                    one.seq.to_string(),
                    one.session.clone(),
                    one.account.clone(),
                    one.arn.clone(),
                    one.kind.clone(),
                    one.endpoint.clone(),
                ]
            })
            .collect();
        self.out.push('\n');
        self.table(&["#", "session", "account", "identity", "kind", "endpoint"], &sessions);
    }

    fn happened(&mut self, content: &Content) {
        self.title("Decisions");
        let decisions: Vec<Vec<String>> = content
            .requests
            .iter()
            .map(|one| {
                let by: Vec<String> = one
                    .decisions
                    .iter()
                    .map(|it| {
                        let code = it.corroborated.as_ref().map(|words| format!(" ({words})")).unwrap_or_default();
                        let who = format!("{} ({}, {})", it.person, it.role, it.party);
                        format!("{} {who} {} {}{code}", it.at, it.decision, it.reason)
                    })
                    .collect();
                vec![
                    one.seq.to_string(),
                    one.at.clone(),
                    format!("{}: {}", one.covers, one.summary),
                    by.join("; "),
                    one.ended.clone().unwrap_or("not over".to_owned()),
                ]
            })
            .collect();
        self.table(&["#", "asked (UTC)", "for", "decisions", "became of it"], &decisions);
        self.title("Operations");
        let operations: Vec<Vec<String>> = content
            .operations
            .iter()
            .map(|one| {
                let aws =
                    [one.request_id.clone(), one.date.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
                let doubt = if one.was_in_doubt { "was in doubt; " } else { "" };
                let began = one.began.clone().or(one.ended.clone()).unwrap_or_default();
                vec![
                    one.seq.to_string(),
                    one.step.clone(),
                    one.what.clone(),
                    one.by.clone(),
                    one.approved_by.join(", "),
                    began,
                    format!("{doubt}{}", one.words),
                    aws,
                ]
            })
            .collect();
        self.table(
            &["#", "step", "what", "by", "approved by", "began (UTC)", "result", "AWS request id and date"],
            &operations,
        );
        self.title("Anchors and points of no return");
        let anchors: Vec<Vec<String>> = content
            .anchors
            .iter()
            .map(|one| {
                vec![
                    one.seq.to_string(),
                    one.at.clone(),
                    one.words.clone(),
                    one.object.map(|it| it.hex()).unwrap_or_default(),
                ]
            })
            .collect();
        self.table(&["#", "when (UTC)", "what", "captured state (SHA-256)"], &anchors);
        for point in &content.points_of_no_return {
            let passed: Vec<String> =
                point.passed.iter().map(|one| format!("{} (entry {})", one.step, one.seq)).collect();
            let passed =
                if passed.is_empty() { "not passed".to_owned() } else { format!("passed: {}", passed.join(", ")) };
            self.line(&format!(
                "\n- point of no return {}: {}; {}",
                cell(&point.step),
                cell(&point.words),
                cell(&passed)
            ));
        }
    }

    fn holds(&mut self, content: &Content) {
        if content.holds.is_empty() {
            return;
        }
        self.title("Ways in that were held");
        let moments = |all: &[Moment]| {
            let each: Vec<String> = all.iter().map(|one| format!("{} (entry {})", one.at, one.seq)).collect();
            if each.is_empty() { "never".to_owned() } else { each.join(", ") }
        };
        let rows: Vec<Vec<String>> = content
            .holds
            .iter()
            .map(|one| {
                vec![
                    format!("{} ({})", one.title, one.id),
                    one.by.clone(),
                    format!("from the end of {} to the end of {}", one.from, one.until),
                    moments(&one.began),
                    moments(&one.proved),
                    moments(&one.released),
                ]
            })
            .collect();
        self.table(&["way in", "what it is", "planned", "held since", "proved", "released"], &rows);
    }

    fn evidence(&mut self, content: &Content) {
        self.title("Evidence and answers");
        let evidence: Vec<Vec<String>> = content
            .evidence
            .iter()
            .map(|one| {
                let file = one.sha256.map(|it| it.hex()).unwrap_or_default();
                let missing = if one.missing { " (not in the bundle)" } else { "" };
                vec![
                    one.seq.to_string(),
                    one.step.clone(),
                    one.person.clone(),
                    format!("{}: {} {}{missing}", one.what, one.name, one.media_type),
                    file,
                    one.object.hex(),
                ]
            })
            .collect();
        self.table(&["#", "step", "person", "what", "SHA-256 of the file", "SHA-256 of the object"], &evidence);
        for digest in &content.verdict.missing_objects {
            self.line(&format!("- not in the bundle: {digest}"));
        }
        self.title("What happened");
        let entries: Vec<Vec<String>> = content
            .entries
            .iter()
            .filter(|one| !one.words.is_empty())
            .map(|one| vec![one.seq.to_string(), one.at.clone(), one.words.clone()])
            .collect();
        self.table(&["#", "when (UTC)", "what"], &entries);
    }

    fn check(&mut self, content: &Content) {
        self.title("How to check this yourself");
        self.line("This page proves nothing: the bundle does. What the verifier said of it:");
        self.literal(&content.verdict.words);
        for one in &content.check {
            self.line(&format!("{}:", cell(&one.what)));
            self.literal(&one.commands);
        }
        let leaf = content.run.last_leaf.map(|leaf| leaf.hex()).unwrap_or_default();
        self.line(&format!(
            "Last leaf: `{leaf}` ({} entries); bundle: `{}`.",
            content.run.entries, content.source.sha256
        ));
    }
}
