//! The stages of random runbooks: users and keys, the tree and its tags, accounts that move, and what people do.
//! Each is possible in the world of `world`; what faults and people make of it is another matter.

use super::book::{Approval, Stage, Step};
use super::dice::Dice;
use super::world::{MEMBERS, member};

/// Where the accounts are while the runbook goes on, as far as the generator must know.
struct So {
    /// How many accounts there are, and which have moved.
    moved: Vec<bool>,
    /// In the unit that stages move them to.
    placed: Vec<bool>,
}

pub fn random(dice: &Dice) -> Vec<Stage> {
    let mut so = So { moved: vec![false; MEMBERS], placed: vec![false; MEMBERS] };
    let mut stages = Vec::new();
    let wanted = dice.between(1, 4);
    while stages.len() < wanted {
        let at = stages.len();
        match dice.up_to(10) {
            0..=3 => stages.push(users(dice, at)),
            4..=5 => stages.push(tree(dice, at, &mut so)),
            6..=7 => stages.extend(moves(dice, at, &mut so)),
            _ => stages.push(people(dice, at)),
        }
    }
    stages
}

fn approval(dice: &Dice, performer: &str, per: &'static str) -> Approval {
    let role = *dice.one(match performer {
        "admin" => &["holder", "witness", "security", "witness"],
        _ => &["holder", "witness", "admin", "witness"],
    });
    let count = if role != "holder" && dice.percent(30) { 2 } else { 1 };
    let parties = if role == "witness" && count == 2 && dice.percent(50) { 2 } else { 1 };
    Approval { role, count, parties, per }
}

fn approvals(dice: &Dice, performer: &str, pers: &[&'static str]) -> Vec<Approval> {
    let count = *dice.one(&[0, 1, 1, 1, 2]);
    let per = *dice.one(pers);
    let mut all: Vec<Approval> = Vec::new();
    for _ in 0..count {
        let one = approval(dice, performer, per);
        if all.iter().all(|other| other.role != one.role) {
            all.push(one);
        }
    }
    all
}

fn items(dice: &Dice, from: &[usize]) -> Vec<(String, String)> {
    let mut left = from.to_vec();
    let count = dice.between(1, left.len().min(if dice.percent(20) { 6 } else { 3 }));
    (0..count).map(|_| member(left.remove(dice.up_to(left.len())))).collect()
}

/// A stage without steps.
fn bare(dice: &Dice, id: String, from: Option<&[usize]>, session: &'static str) -> Stage {
    let items = from.map(|from| items(dice, from));
    let count = items.as_ref().map_or(0, Vec::len);
    let performer = *dice.one(&["admin", "security"]);
    let pers: &[&str] = if count > 0 { &["step", "item", "stage"] } else { &["step", "stage"] };
    Stage {
        at_once: if dice.percent(40) { dice.between(1, 4) } else { 1 },
        canary: if dice.percent(25) { 1 } else { 0 },
        stop_after: if dice.percent(30) { 2 } else { 1 },
        approvals: if dice.percent(60) { approvals(dice, performer, pers) } else { Vec::new() },
        anchor: String::new(),
        needs_hold: false,
        steps: Vec::new(),
        id,
        items,
        session,
        performer,
    }
}

impl Stage {
    fn add(&mut self, dice: &Dice, id: &str, body: String) -> &mut Step {
        let id = format!("{id}{}", self.steps.len());
        let own = dice.percent(35).then(|| approvals(dice, self.performer, &["step"]));
        self.steps.push(Step { id, body, approvals: own, undo: Vec::new(), point_of_no_return: false, leaves: false });
        self.steps.last_mut().unwrap()
    }
}

fn confirm(dice: &Dice, repeats: bool) -> String {
    match (dice.up_to(6), repeats) {
        (0, true) => "confirm = { text = \"Now ${item.name}?\", typed = \"${item.id}\" }\n".to_owned(),
        (0, false) => "confirm = { text = \"Now?\" }\n".to_owned(),
        _ => String::new(),
    }
}

/// Users, their policies and keys.
fn users(dice: &Dice, at: usize) -> Stage {
    let all: Vec<usize> = (0..MEMBERS).collect();
    let repeats = dice.percent(60);
    let session = *dice.one(&["old", "new"]);
    let mut stage = bare(dice, format!("users{at}"), repeats.then_some(all.as_slice()), session);
    let user = if repeats { format!("u{at}-${{item.name}}") } else { format!("u{at}") };
    let capture = dice.percent(50);
    if capture {
        stage.anchor = format!(
            "capture = [{{ id = \"was\", action = \"iam:GetUser\", with = {{ UserName = \"{user}\" }}, absent_if = \"NoSuchEntity\" }}]\n"
        );
    }
    stage.anchor.push_str(&format!(
        "prove = [{{ action = \"iam:GetUser\", with = {{ UserName = \"{user}\" }}, expect_error = \"NoSuchEntity\" }}]\n"
    ));
    between(dice, &mut stage, &user, false);
    let with = format!("with = {{ UserName = \"{user}\" }}\n");
    let made = format!("action = \"iam:CreateUser\"\n{with}{}", confirm(dice, repeats));
    let made = stage.add(dice, "make", made);
    match dice.percent(30) {
        true => made.undo = vec![format!("id = \"gone\"\naction = \"iam:DeleteUser\"\n{with}")],
        false => made.body.push_str("undo = \"usual\"\n"),
    }
    let named = format!("${{steps.{}.User.UserName}}", made.id);
    between(dice, &mut stage, &user, true);
    let policy = "PolicyArn = \"arn:aws:iam::aws:policy/ReadOnlyAccess\"";
    let attaches = dice.percent(60);
    let body = |action: &str| format!("action = \"iam:{action}\"\nwith = {{ UserName = \"{named}\", {policy} }}\n");
    if attaches {
        let text = body("AttachUserPolicy") + &confirm(dice, repeats) + "undo = \"usual\"\n";
        stage.add(dice, "attach", text);
    }
    between(dice, &mut stage, &user, true);
    let keyed = dice.percent(40);
    if keyed {
        let profile = if repeats { format!("p{at}-${{item.name}}") } else { format!("p{at}") };
        let text = format!(
            "action = \"iam:CreateAccessKey\"\n{with}secret_to = {{ profile = \"{profile}\" }}\nundo = \"usual\"\n"
        );
        stage.add(dice, "key", text);
    }
    if attaches && dice.percent(25) {
        let text = body("DetachUserPolicy") + "undo = \"usual\"\n";
        stage.add(dice, "detach", text);
    }
    between(dice, &mut stage, &user, true);
    stage
}

/// Organizational units, tags, accounts put into units.
fn tree(dice: &Dice, at: usize, so: &mut So) -> Stage {
    if dice.percent(30) {
        let mut stage = bare(dice, format!("units{at}"), None, "old");
        stage.anchor = "capture = [{ id = \"roots\", action = \"organizations:ListRoots\" }]\n".to_owned();
        let parent = *dice.one(&["r-old1", "${anchor.roots.Roots[0].Id}"]);
        let text = format!(
            "action = \"organizations:CreateOrganizationalUnit\"\nwith = {{ ParentId = \"{parent}\", Name = \"unit{at}\" }}\nundo = \"usual\"\n"
        );
        let id = stage.add(dice, "unit", text).id.clone();
        if dice.percent(60) {
            let text = format!(
                "action = \"organizations:TagResource\"\nwith = {{ ResourceId = \"${{steps.{id}.OrganizationalUnit.Id}}\", Tags = [{{ Key = \"made\", Value = \"here\" }}] }}\nundo = \"usual\"\n"
            );
            stage.add(dice, "mark", text);
        }
        return stage;
    }
    let side = dice.percent(50) && so.moved.contains(&true);
    let there: Vec<usize> = (0..MEMBERS).filter(|m| so.moved[*m] == side).collect();
    let there = if there.is_empty() { (0..MEMBERS).collect() } else { there };
    let side = so.moved[there[0]];
    let mut stage = bare(dice, format!("tree{at}"), Some(&there), if side { "new" } else { "old" });
    stage.anchor = "title = \"In its place\"\ncapture = [\n\
        { id = \"parent\", action = \"organizations:ListParents\", with = { ChildId = \"${item.id}\" } },\n\
        { id = \"tags\", action = \"organizations:ListTagsForResource\", with = { ResourceId = \"${item.id}\" } },\n]\n\
        prove = [{ action = \"organizations:DescribeAccount\", with = { AccountId = \"${item.id}\" }, expect = \"Account.State == 'ACTIVE'\" }]\n"
        .to_owned();
    if dice.percent(60) {
        let text = format!(
            "action = \"organizations:TagResource\"\nwith = {{ ResourceId = \"${{item.id}}\", Tags = [{{ Key = \"t{at}\", Value = \"${{item.name}}\" }}] }}\n{}",
            confirm(dice, true)
        );
        let step = stage.add(dice, "tag", text);
        match dice.percent(50) {
            true => step.body.push_str("undo = \"usual\"\n"),
            false => {
                step.undo = vec![format!(
                    "id = \"untag\"\naction = \"organizations:UntagResource\"\nwith = {{ ResourceId = \"${{item.id}}\", TagKeys = [\"t{at}\"] }}\n"
                )]
            }
        }
    }
    let chosen: Vec<usize> = there.iter().copied().filter(|m| stage.has(*m)).collect();
    if chosen.iter().all(|m| !so.placed[*m]) && (stage.steps.is_empty() || dice.percent(60)) {
        let unit = if side { "ou-new1-22222222" } else { "ou-old1-22222222" };
        let text = format!(
            "action = \"organizations:MoveAccount\"\nwith = {{ AccountId = \"${{item.id}}\", SourceParentId = \"${{anchor.parent.Parents[0].Id}}\", DestinationParentId = \"{unit}\" }}\n{}undo = \"usual\"\n",
            confirm(dice, true)
        );
        stage.add(dice, "place", text);
        chosen.iter().for_each(|m| so.placed[*m] = true);
    } else if stage.steps.is_empty() {
        stage.anchor.clear();
        stage.add(dice, "look", look(dice, true));
    }
    stage
}

impl Stage {
    fn has(&self, number: usize) -> bool {
        self.items.as_ref().is_some_and(|items| items.contains(&member(number)))
    }
}

const ASK_BACK: &str = "id = \"ask_back\"\naction = \"organizations:InviteAccountToOrganization\"\nsession = \"old\"\n\
    with = { Target = { Id = \"${item.id}\", Type = \"ACCOUNT\" } }\n";
const COME_BACK: &str = "id = \"come_back\"\naction = \"organizations:AcceptHandshake\"\n\
    with = { HandshakeId = \"${undo.ask_back.Handshake.Id}\" }\nprobe = { management = \"old\", member = \"member\" }\n";
const PUT_BACK: &str = "id = \"put_back\"\naction = \"organizations:MoveAccount\"\nsession = \"old\"\n\
    when = \"${anchor.parent.Parents[0].Id != anchor.roots.Roots[0].Id}\"\n\
    with = { AccountId = \"${item.id}\", SourceParentId = \"${anchor.roots.Roots[0].Id}\", DestinationParentId = \"${anchor.parent.Parents[0].Id}\" }\n";

/// Invite, perhaps something between, accept: as the shipped runbook.
fn moves(dice: &Dice, at: usize, so: &mut So) -> Vec<Stage> {
    let here: Vec<usize> = (0..MEMBERS).filter(|m| !so.moved[*m]).collect();
    if here.is_empty() {
        return vec![people(dice, at)];
    }
    let mut invite = bare(dice, format!("invite{at}"), Some(&here), "new");
    let prove = "action = \"organizations:ListHandshakesForOrganization\", expect = \"length(Handshakes[?State == 'OPEN' || State == 'REQUESTED'].Parties[] | [?Id == ${item.id}]) == `0`\"";
    invite.anchor = format!("title = \"No invitation is out\"\nprove = [{{ {prove} }}]\n");
    let text = format!(
        "action = \"organizations:InviteAccountToOrganization\"\nwith = {{ Target = {{ Id = \"${{item.id}}\", Type = \"ACCOUNT\" }} }}\n{}undo = \"usual\"\n",
        confirm(dice, true)
    );
    let sent = invite.add(dice, "invite", text).id.clone();
    let mut accept = bare(dice, format!("accept{at}"), Some(&here), "member");
    accept.items.clone_from(&invite.items);
    accept.anchor = "title = \"In the old organization\"\ncapture = [\n\
        { id = \"parent\", action = \"organizations:ListParents\", session = \"old\", with = { ChildId = \"${item.id}\" } },\n\
        { id = \"roots\", action = \"organizations:ListRoots\", session = \"old\" },\n]\n\
        prove = [{ action = \"organizations:DescribeAccount\", session = \"old\", with = { AccountId = \"${item.id}\" }, expect = \"Account.State == 'ACTIVE'\" }]\n"
        .to_owned();
    let gone = dice.percent(15);
    let text = format!(
        "action = \"organizations:AcceptHandshake\"\nwith = {{ HandshakeId = \"${{stages.{}.{sent}.Handshake.Id}}\" }}\nprobe = {{ management = \"new\", member = \"member\" }}\n{}lost = \"direct policies, tags\"\n{}",
        invite.id,
        confirm(dice, true),
        if gone {
            "point_of_no_return = \"the old organization is given up\"\neven_though = { ends_identity_center_session = \"no such session is used\" }\n"
        } else {
            ""
        }
    );
    let step = accept.add(dice, "accept", text);
    step.leaves = true;
    match gone {
        true => step.point_of_no_return = true,
        false => step.undo = [ASK_BACK, COME_BACK, PUT_BACK].map(str::to_owned).to_vec(),
    }
    for m in (0..MEMBERS).filter(|m| invite.has(*m)) {
        (so.moved[m], so.placed[m]) = (true, false);
    }
    match dice.percent(20) {
        true => vec![invite, people(dice, at + 1), accept],
        false => vec![invite, accept],
    }
}

fn look(dice: &Dice, repeats: bool) -> String {
    match (dice.up_to(3), repeats) {
        (0, true) => "kind = \"check\"\naction = \"organizations:DescribeOrganization\"\nsession = \"old\"\nexpect = \"Organization.Id == 'o-oldorg11111'\"\n",
        (1, _) => "kind = \"read\"\naction = \"organizations:ListAccounts\"\nsession = \"old\"\n",
        _ => "kind = \"check\"\naction = \"sts:GetCallerIdentity\"\nsession = \"old\"\nexpect = \"Account == '111111111111'\"\nwithin = \"1m\"\n",
    }
    .to_owned()
}

/// Now and then something that changes nothing.
fn between(dice: &Dice, stage: &mut Stage, user: &str, made: bool) {
    if !dice.percent(30) {
        return;
    }
    let repeats = stage.items.is_some();
    match dice.up_to(6) {
        0 if made => {
            let text = format!(
                "kind = \"check\"\naction = \"iam:GetUser\"\nwith = {{ UserName = \"{user}\" }}\nexpect = \"User.UserName == '{}'\"\nwithin = \"2m\"\n",
                if repeats { "x" } else { user }
            );
            let text = if repeats { text.replace("User.UserName == 'x'", "User.UserName != `null`") } else { text };
            stage.add(dice, "seen", text);
        }
        0 => {
            let text = format!(
                "kind = \"check\"\naction = \"iam:GetUser\"\nwith = {{ UserName = \"{user}\" }}\nexpect_error = \"NoSuchEntity\"\n"
            );
            stage.add(dice, "absent", text);
        }
        1 => {
            let text = format!("kind = \"wait\"\nfor = \"{}\"\n", dice.one(&["2s", "5m", "2h"]));
            stage.add(dice, "rest", text);
        }
        2 => {
            let text = "kind = \"ask\"\nfields = [{ name = \"color\", type = \"choice\", choices = [\"red\", \"green\"], example = \"green\" }]\n";
            stage.add(dice, "ask", text.to_owned());
        }
        3 => {
            stage.add(dice, "told", "kind = \"command\"\nargv = [\"true\"]\nmutates = false\n".to_owned());
        }
        _ => {
            let text = look(dice, repeats);
            stage.add(dice, "look", text);
        }
    }
}

/// What people do, ask, wait for; commands.
fn people(dice: &Dice, at: usize) -> Stage {
    let all: Vec<usize> = (0..MEMBERS).collect();
    let repeats = dice.percent(40);
    let mut stage = bare(dice, format!("people{at}"), repeats.then_some(all.as_slice()), "old");
    stage.anchor =
        "prove = [{ action = \"sts:GetCallerIdentity\", expect = \"Account == '111111111111'\" }]\n".to_owned();
    let who = if repeats { " for ${item.name}" } else { "" };
    for _ in 0..dice.between(1, 3) {
        match dice.up_to(7) {
            0 => {
                let text = format!(
                    "kind = \"manual\"\nmutates = false\ninstructions = \"Look{who}.\"\nevidence = [{{ name = \"open\", type = \"integer\", example = 2 }}]\n"
                );
                stage.add(dice, "view", text);
            }
            1 => {
                let other = if stage.performer == "admin" { "security" } else { "admin" };
                let text = format!(
                    "kind = \"manual\"\nmutates = false\ninstructions = \"Two of you look{who}.\"\nperformers = [\"{}\", \"{other}\"]\ntogether = \"10m\"\n",
                    stage.performer
                );
                let step = stage.add(dice, "both", text);
                step.approvals = Some(Vec::new());
            }
            2 => {
                let text = format!(
                    "kind = \"manual\"\ninstructions = \"Put the card in{who}.\"\n{}point_of_no_return = \"paper\"\n",
                    if repeats { "settles = [\"payment_method\"]\n" } else { "" }
                );
                stage.add(dice, "card", text).point_of_no_return = true;
            }
            3 => {
                let text = format!(
                    "kind = \"ask\"\nfields = [{{ name = \"word\", type = \"string\", text = \"Which word{who}?\", example = \"yes\" }}]\n"
                );
                stage.add(dice, "ask", text);
            }
            4 => {
                let probe = "probe = { action = \"sts:GetCallerIdentity\", expect = \"Account == '111111111111'\" }\n";
                let text = format!(
                    "kind = \"command\"\nargv = [\"do\", \"it\"]\n{}point_of_no_return = \"a program\"\n",
                    if dice.percent(50) { probe } else { "" }
                );
                stage.add(dice, "program", text).point_of_no_return = true;
            }
            5 => {
                let text = format!("kind = \"wait\"\nfor = \"{}\"\n", dice.one(&["1s", "30m", "3d"]));
                stage.add(dice, "wait", text);
            }
            _ => {
                let text = look(dice, repeats);
                stage.add(dice, "look", text);
            }
        }
    }
    stage
}
