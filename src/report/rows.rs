//! The rows that a report has in whatever it is written as. Raw texts: whoever shows them escapes them. Pure.

use super::content::{PersonFacts, StageFacts};

/// Items that are named.
pub(super) const SHOWN_ITEMS: usize = 12;

/// `For each of 14: a, b, ... and 2 more.`; none where the stage does not repeat.
pub(super) fn items(stage: &StageFacts) -> Option<String> {
    let items = stage.items.as_ref()?;
    let named = items.iter().take(SHOWN_ITEMS).cloned().collect::<Vec<_>>().join(", ");
    let more = items.len().saturating_sub(SHOWN_ITEMS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("For each of {}: {named}{more}.", items.len()))
}

/// Step, what, performed by, agreed to by, way back. `nobody`: what stands where nobody has to agree.
pub(super) fn steps(stage: &StageFacts, nobody: &str) -> Vec<Vec<String>> {
    let row = |step: &super::content::StepFacts| {
        let back = step.way_back.as_deref().unwrap_or("changes nothing");
        let lost = if step.lost.is_empty() { String::new() } else { format!(". Not brought back: {}", step.lost) };
        let agreed = step.approvals.join("; and ");
        vec![
            step.id.clone(),
            step.what.clone(),
            step.performers.join(", together with "),
            if agreed.is_empty() { nobody.to_owned() } else { agreed },
            format!("{back}{lost}"),
        ]
    };
    stage.steps.iter().map(row).collect()
}

/// Person, party, roles, how often signed, key fingerprints.
pub(super) fn people(all: &[PersonFacts]) -> Vec<Vec<String>> {
    let row = |one: &PersonFacts| {
        vec![
            format!("{} ({})", one.name, one.id),
            one.party.clone(),
            one.roles.join(", "),
            one.signed.to_string(),
            one.keys.join(" "),
        ]
    };
    all.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::super::content::StepFacts;
    use super::*;

    fn stage(items: Option<usize>, step: StepFacts) -> StageFacts {
        let items = items.map(|count| (0..count).map(|at| at.to_string()).collect());
        StageFacts { id: "move".to_owned(), title: String::new(), items, anchor: None, steps: vec![step] }
    }

    fn step() -> StepFacts {
        StepFacts {
            id: "accept".to_owned(),
            title: String::new(),
            what: "x".to_owned(),
            performers: vec!["a".to_owned(), "b".to_owned()],
            approvals: Vec::new(),
            way_back: None,
            lost: "tags".to_owned(),
        }
    }

    #[test]
    fn a_few_items_are_named_and_the_rest_counted() {
        assert_eq!(items(&stage(None, step())), None);
        assert_eq!(items(&stage(Some(2), step())).as_deref(), Some("For each of 2: 0, 1."));
        let many = items(&stage(Some(SHOWN_ITEMS + 3), step())).unwrap();
        assert!(many.ends_with("10, 11 and 3 more."), "{many}");
    }

    #[test]
    fn a_step_says_what_is_lost_and_who_agrees() {
        let row = &steps(&stage(None, step()), "nobody")[0];
        assert_eq!(row[2..], ["a, together with b", "nobody", "changes nothing. Not brought back: tags"]);
        let agreed = StepFacts { approvals: vec!["c".to_owned(), "d".to_owned()], ..step() };
        assert_eq!(steps(&stage(None, agreed), "nobody")[0][3], "c; and d");
    }
}
