//! The catalogue's probes and undos, through the expression language that the engine uses:
//! what they say of answers as AWS gives them, and that they never decide without an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]
use countersign::base::Time;
use countersign::catalogue::action::{Side, Undo};
use countersign::catalogue::{self, Action};
use countersign::expression;
use serde_json::{Map, Value, json};

fn action(name: &str) -> &'static Action {
    catalogue::find(name).unwrap_or_else(|| panic!("{name}"))
}

fn scope(with: &Value, reads: &Value) -> Value {
    json!({"with": with, "output": null, "before": null, "reads": reads})
}

fn search(expression: &str, scope: &Value) -> Value {
    expression::search(expression, scope, Time(0)).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// Done, not done.
fn says(side: &Side, scope: &Value) -> (bool, bool) {
    let told = |expression| search(expression, scope).as_bool().unwrap_or_else(|| panic!("{expression}: no boolean"));
    (told(side.done), told(side.not_done))
}

fn ok(answer: Value) -> Value {
    json!({"answer": answer, "error": null})
}

fn failed(code: &str) -> Value {
    json!({"answer": null, "error": code})
}

/// The caller's side of `name`: what it says of these reads, and the output it finds.
fn probe(name: &str, with: Value, reads: Value) -> ((bool, bool), Value) {
    let side = &action(name).probe[0];
    let scope = scope(&with, &reads);
    let said = says(side, &scope);
    let output = if said.0 && !side.output.is_empty() { search(side.output, &scope) } else { Value::Null };
    (said, output)
}

const DONE: (bool, bool) = (true, false);
const NOT_DONE: (bool, bool) = (false, true);
const UNKNOWN: (bool, bool) = (false, false);

#[test]
fn no_probe_decides_without_an_answer() {
    for action in catalogue::all().filter(|action| action.mutates) {
        for side in action.probe {
            for code in [None, Some("AccessDeniedException"), Some("TooManyRequestsException"), Some("ConnectionLost")]
            {
                let one = json!({"answer": null, "error": code});
                let reads: Map<String, Value> =
                    side.reads.iter().map(|read| (read.id.to_owned(), one.clone())).collect();
                let with = json!({"Target": {"Id": "1", "Type": "ACCOUNT"}, "Tags": [{"Key": "a", "Value": "b"}],
                    "TagKeys": ["a"], "UserName": "u", "PolicyArn": "p", "AccessKeyId": "k", "Name": "n", "Email": "e",
                    "AccountName": "a", "AccountId": "1", "SourceParentId": "r-1", "DestinationParentId": "ou-1"});
                let said = says(side, &scope(&with, &Value::Object(reads)));
                assert_eq!(said, UNKNOWN, "{} {} {code:?}", action.name, side.name);
            }
        }
    }
}

#[test]
fn an_invitation_is_found_by_whom_it_is_for() {
    let with = json!({"Target": {"Id": "333333333333", "Type": "ACCOUNT"}});
    let handshake = |id: &str, account: &str, state: &str| {
        json!({"Id": id, "State": state, "Parties": [
            {"Id": "o-new", "Type": "ORGANIZATION"}, {"Id": account, "Type": "ACCOUNT"}]})
    };
    let reads = |handshakes: Value| json!({"handshakes": ok(json!({"Handshakes": handshakes}))});
    let name = "organizations:InviteAccountToOrganization";
    let (said, output) = probe(
        name,
        with.clone(),
        reads(json!([
            handshake("h-old", "333333333333", "CANCELED"),
            handshake("h-other", "444444444444", "OPEN"),
            handshake("h-this", "333333333333", "REQUESTED"),
        ])),
    );
    assert_eq!(said, DONE);
    assert_eq!(output["Handshake"]["Id"], json!("h-this"));
    assert_eq!(output["Handshake"]["State"], json!("REQUESTED"));
    let others = json!([handshake("h-old", "333333333333", "EXPIRED"), handshake("h-other", "444444444444", "OPEN")]);
    assert_eq!(probe(name, with.clone(), reads(others)).0, NOT_DONE);
    assert_eq!(probe(name, with, reads(json!([]))).0, NOT_DONE);
}

/// Known by AWS's own answer it is read by its id; the list is left to answers that were lost, or can't be read.
#[test]
fn an_invitation_that_is_known_is_read_by_its_id() {
    let name = "organizations:InviteAccountToOrganization";
    let with = json!({"Target": {"Id": "333333333333", "Type": "ACCOUNT"}});
    for (state, said) in
        [("OPEN", DONE), ("REQUESTED", DONE), ("ACCEPTED", DONE), ("CANCELED", UNKNOWN), ("EXPIRED", UNKNOWN)]
    {
        let reads = json!({"handshake": ok(json!({"Handshake": {"Id": "h-1", "State": state}}))});
        assert_eq!(probe(name, with.clone(), reads).0, said, "{state}");
    }
    let [one, list] = action(name).probe[0].reads else { panic!("not two reads") };
    let filled = |text: &str, output: Value, reads: Value| {
        let scope = json!({"with": with, "output": output, "reads": reads});
        expression::fill(&json!(text), &scope, Time(0)).unwrap()
    };
    let given = json!({"Handshake": {"Id": "h-1"}});
    assert_eq!(filled(one.with[0].1, Value::Null, json!({})), Value::Null);
    assert_eq!(filled(one.with[0].1, given.clone(), json!({})), json!("h-1"));
    let filter = |handshake| filled(list.with[0].1, given.clone(), json!({"handshake": handshake}));
    assert_eq!(filter(ok(given.clone())), Value::Null);
    for unread in [ok(Value::Null), failed("AccessDeniedException"), failed("HandshakeNotFoundException")] {
        assert_eq!(filter(unread), json!({"ActionType": "INVITE"}));
    }
}

#[test]
fn places_organizations_and_accounts_are_told() {
    let with = json!({"AccountId": "1", "SourceParentId": "r-1", "DestinationParentId": "ou-1"});
    for (parent, said) in [("ou-1", DONE), ("r-1", NOT_DONE), ("ou-2", UNKNOWN)] {
        let reads = json!({"parents": ok(json!({"Parents": [{"Id": parent}]}))});
        assert_eq!(probe("organizations:MoveAccount", with.clone(), reads).0, said, "{parent}");
    }
    let inside = json!({"organization": ok(json!({"Organization": {"Id": "o-1", "MasterAccountId": "1"}}))});
    let outside = json!({"organization": failed("AWSOrganizationsNotInUseException")});
    for name in ["organizations:LeaveOrganization", "organizations:DeleteOrganization"] {
        assert_eq!(probe(name, json!({}), inside.clone()).0, NOT_DONE, "{name}");
        assert_eq!(probe(name, json!({}), outside.clone()).0, DONE, "{name}");
    }
    for (account, said) in [("1", DONE), ("2", UNKNOWN)] {
        let mut reads = inside.clone();
        reads["identity"] = ok(json!({"Account": account}));
        let (found, output) = probe("organizations:CreateOrganization", json!({}), reads);
        assert_eq!(found, said);
        assert!(found == UNKNOWN || output["Organization"]["Id"] == json!("o-1"));
    }
    let gone = json!({"account": failed("AccountNotFoundException")});
    let name = "organizations:RemoveAccountFromOrganization";
    assert_eq!(probe(name, json!({"AccountId": "1"}), gone).0, DONE);
    assert_eq!(
        probe(name, json!({"AccountId": "1"}), json!({"account": ok(json!({"Account": {"Id": "1"}}))})).0,
        NOT_DONE
    );
}

#[test]
fn a_new_account_is_found_by_its_email_or_while_it_is_made_by_its_name() {
    let with = json!({"Email": "new@example.com", "AccountName": "new"});
    let name = "organizations:CreateAccount";
    let reads = |accounts: Value, statuses: Value| json!({"accounts": ok(json!({"Accounts": accounts})), "statuses": ok(json!({"CreateAccountStatuses": statuses}))});
    let ready = reads(
        json!([{"Id": "1", "Email": "new@example.com"}]),
        json!([{"Id": "car-0", "AccountId": "9"}, {"Id": "car-1", "AccountId": "1"}]),
    );
    let (said, output) = probe(name, with.clone(), ready);
    assert_eq!((said, &output["CreateAccountStatus"]["Id"]), (DONE, &json!("car-1")));
    let making = reads(json!([]), json!([{"Id": "car-2", "AccountName": "new", "State": "IN_PROGRESS"}]));
    let (said, output) = probe(name, with.clone(), making);
    assert_eq!((said, &output["CreateAccountStatus"]["Id"]), (DONE, &json!("car-2")));
    let none = reads(json!([{"Id": "9", "Email": "x@example.com"}]), json!([]));
    assert_eq!(probe(name, with, none).0, NOT_DONE);
}

#[test]
fn units_and_tags_are_told() {
    let with = json!({"ParentId": "r-1", "Name": "Moved"});
    let units = |names: Value| json!({"units": ok(json!({"OrganizationalUnits": names}))});
    let name = "organizations:CreateOrganizationalUnit";
    let (said, output) = probe(name, with.clone(), units(json!([{"Id": "ou-1", "Name": "Moved"}])));
    assert_eq!((said, &output["OrganizationalUnit"]["Id"]), (DONE, &json!("ou-1")));
    assert_eq!(probe(name, with, units(json!([]))).0, NOT_DONE);

    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let tags = |tags: Value| json!({"tags": ok(json!({"Tags": tags}))});
    let with = json!({"ResourceId": "1", "Tags": [tag("a", "1"), tag("b", "2")]});
    let name = "organizations:TagResource";
    assert_eq!(probe(name, with.clone(), tags(json!([tag("b", "2"), tag("a", "1")]))).0, DONE);
    assert_eq!(probe(name, with.clone(), tags(json!([tag("a", "1"), tag("b", "9")]))).0, UNKNOWN);
    assert_eq!(probe(name, with, tags(json!([tag("a", "9")]))).0, NOT_DONE);
    let with = json!({"ResourceId": "1", "TagKeys": ["a"]});
    assert_eq!(probe("organizations:UntagResource", with.clone(), tags(json!([tag("b", "2")]))).0, DONE);
    assert_eq!(probe("organizations:UntagResource", with, tags(json!([tag("a", "2")]))).0, NOT_DONE);
}

#[test]
fn users_policies_and_keys_are_told() {
    let with = json!({"UserName": "way-in", "PolicyArn": "arn:p", "AccessKeyId": "AKIA1"});
    let gone = failed("NoSuchEntity");
    let there = ok(json!({"User": {"UserName": "way-in"}}));
    assert_eq!(probe("iam:CreateUser", with.clone(), json!({"user": there})).0, DONE);
    assert_eq!(probe("iam:CreateUser", with.clone(), json!({"user": gone})).0, NOT_DONE);
    assert_eq!(probe("iam:DeleteUser", with.clone(), json!({"user": gone})).0, DONE);
    let policies = json!({"policies": ok(json!({"AttachedPolicies": [{"PolicyArn": "arn:p"}]}))});
    assert_eq!(probe("iam:AttachUserPolicy", with.clone(), policies.clone()).0, DONE);
    assert_eq!(probe("iam:DetachUserPolicy", with.clone(), policies).0, NOT_DONE);
    assert_eq!(probe("iam:DetachUserPolicy", with.clone(), json!({"policies": gone})).0, DONE);
    let keys = json!({"keys": ok(json!({"AccessKeyMetadata": [{"AccessKeyId": "AKIA1"}]}))});
    assert_eq!(probe("iam:DeleteAccessKey", with.clone(), keys.clone()).0, NOT_DONE);
    assert_eq!(probe("iam:DeleteAccessKey", with.clone(), json!({"keys": gone})).0, DONE);
    assert_eq!(probe("iam:CreateAccessKey", with, keys).0, UNKNOWN, "nobody guesses whose key it is");
}

#[test]
fn parameters_of_probes_and_undos_can_be_filled() {
    for action in catalogue::all() {
        for read in action.probe.iter().flat_map(|side| side.reads) {
            let with: Map<String, Value> =
                read.with.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            expression::fill(&Value::Object(with), &scope(&json!({}), &json!({})), Time(0)).unwrap();
        }
        let Undo::Usual(steps) = &action.undo else { continue };
        for step in *steps {
            let with: Map<String, Value> =
                step.with.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            expression::fill(&Value::Object(with), &json!({"with": {}, "output": {}}), Time(0)).unwrap();
        }
    }
    let filter = json!("${{ActionType: 'INVITE'}}");
    let filled = expression::fill(&filter, &scope(&json!({}), &json!({})), Time(0)).unwrap();
    assert_eq!(filled, json!({"ActionType": "INVITE"}));
}
