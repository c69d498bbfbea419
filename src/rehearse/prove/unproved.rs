//! What a proof does not prove, in sentences about this very runbook.

use crate::engine::state::Run;
use crate::plan::model::{Body, Prove, Step};

/// The sentences; `cut`: cells were played with the first, second and last item of longer lists.
pub fn sentences(run: &Run, cut: bool) -> Vec<String> {
    let mut all = vec![
        "that AWS behaves as the simulator does. Where AWS documents no order of its errors, or no figure, the world \
         sets one"
            .to_owned(),
        "two faults at once, and faults at the reads of anchors, proofs and probes".to_owned(),
        "values and people other than these: the plan of a run is made from its own".to_owned(),
    ];
    let mixed: Vec<&str> = run
        .plan
        .stages
        .iter()
        .enumerate()
        .filter(|(at, stage)| {
            let others = run.plan.stages[at + 1..].iter().filter(|other| other.for_each != stage.for_each);
            !stage.for_each.is_null()
                && stage.anchor.is_some()
                && others.flat_map(|other| &other.steps).any(|step| step.mutates)
        })
        .map(|(_, stage)| stage.id.as_str())
        .collect();
    if !mixed.is_empty() {
        all.push(format!(
            "the way back of one item of {} alone, once a stage that goes by another list has changed something",
            mixed.join(", ")
        ));
    }
    let steps: Vec<&Step> =
        run.plan.stages.iter().flat_map(|stage| &stage.steps).flat_map(|step| with_undo(step)).collect();
    let of = |kind: &str| -> Vec<&str> {
        steps.iter().filter(|step| step.body.kind() == kind).map(|step| step.id.as_str()).collect()
    };
    if cut {
        all.push(
            "faults at items other than the first, the second and the last: the others were played without faults \
             only, so limits that many items reach together were met only there"
                .to_owned(),
        );
    } else if run.stages.values().any(|stage| stage.items.len() > 3) {
        all.push("faults at items other than the first, the second and the last".to_owned());
    }
    let commands = of("command");
    if !commands.is_empty() {
        all.push(format!(
            "what the commands do ({}): the world answers for them, and nothing in the simulated AWS changes",
            commands.join(", ")
        ));
    }
    let manual = of("manual");
    if !manual.is_empty() {
        all.push(format!("that the instructions of {} are right, and that people follow them", manual.join(", ")));
    }
    let asked = of("ask");
    if !asked.is_empty() {
        all.push(format!("answers to {} other than the examples", asked.join(", ")));
    }
    let by_hand = run.plan.stages.iter().filter(|stage| {
        stage.anchor.as_ref().is_some_and(|anchor| anchor.prove.iter().any(|one| matches!(one, Prove::Manual(_))))
    });
    let by_hand: Vec<&str> = by_hand.map(|stage| stage.id.as_str()).collect();
    if !by_hand.is_empty() {
        all.push(format!("what people say at the anchors of {}: here they always say yes", by_hand.join(", ")));
    }
    let lost: Vec<String> =
        steps.iter().filter(|step| !step.lost.is_empty()).map(|step| format!("{} ({})", step.id, step.lost)).collect();
    if !lost.is_empty() {
        all.push(format!("that what the runbook says to be lost can be done without: {}", lost.join("; ")));
    }
    let ends: Vec<String> = steps
        .iter()
        .filter(|step| !step.back.point_of_no_return.is_empty())
        .map(|step| format!("{} ({})", step.id, step.back.point_of_no_return))
        .collect();
    if !ends.is_empty() {
        all.push(format!("a way back from behind {}: the runbook declares that there is none", ends.join("; ")));
    }
    let skipped: Vec<String> = run
        .steps
        .iter()
        .filter(|(_, state)| state.status == crate::engine::state::Status::Skipped)
        .map(|(id, _)| id.to_string())
        .collect();
    if !skipped.is_empty() {
        all.push(format!("steps that this world skips: {}", skipped.join(", ")));
    }
    all
}

fn with_undo(step: &Step) -> Vec<&Step> {
    step.with_behind().filter(|step| !matches!(step.body, Body::Read)).collect()
}
