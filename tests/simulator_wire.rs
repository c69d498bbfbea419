//! Whatever arrives on the wire: the simulator answers it as AWS would, with an error where it is none of AWS's
//! requests, and is the same afterwards. Never a panic, never an answer of the simulator's own failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use countersign::base::Time;
use countersign::simulator::{Reply, Request, Simulator, World, errors};
use proptest::prelude::*;

const WORLD: &str = include_str!("../runbooks/worlds/move_member_accounts.toml");
const NOW: Time = Time(1_790_000_000_000);

fn aws(signatures: bool) -> Simulator {
    let settings = format!("throttling = false\nsignatures = {signatures}");
    let world = World::parse("world.toml", &WORLD.replace("throttling = true", &settings)).unwrap();
    Simulator::new(&world, NOW)
}

fn request(method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Request {
    Request { method: method.to_owned(), path: path.to_owned(), headers: headers.to_vec(), body: body.to_vec() }
}

/// Status and body; every answer has AWS's headers.
fn answered(aws: &mut Simulator, request: &Request) -> (u16, String) {
    match aws.handle(request, NOW).reply {
        Reply::Answer { status, headers, body } => {
            let has = |name: &str| headers.iter().any(|(known, value)| known == name && !value.is_empty());
            assert!(has("content-type"), "{headers:?}");
            assert!(
                request.path.starts_with("/_countersign/") || has("x-amzn-requestid") && has("date"),
                "{headers:?}"
            );
            (status, String::from_utf8(body).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

const CREDENTIAL: &str = "AWS4-HMAC-SHA256 Credential=AKIASIMULATEDNEW0001/20260102/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";

fn header() -> impl Strategy<Value = (String, String)> {
    let names = vec![
        "authorization",
        "Authorization",
        "x-amz-target",
        "x-amz-date",
        "content-type",
        "host",
        "x-amz-security-token",
        "X",
    ];
    let actions: Vec<String> = errors::actions().map(|action| action.replace(':', ".")).collect();
    let targets = prop::sample::select(actions)
        .prop_map(|name| format!("AWSOrganizationsV20161128.{}", &name[name.find('.').unwrap() + 1..]));
    let values = prop_oneof![
        3 => Just(CREDENTIAL.to_owned()),
        3 => targets,
        1 => Just("AWS4-HMAC-SHA256 Credential=".to_owned()),
        1 => Just("AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;;,Signature=".to_owned()),
        1 => Just("application/x-amz-json-1.1".to_owned()),
        1 => ".{0,40}",
    ];
    (prop::sample::select(names).prop_map(str::to_owned), values)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let actions: Vec<&'static str> = errors::actions().collect();
    let form = (prop::sample::select(actions), "(&?[A-Za-z.%=1-9]{0,12}){0,6}", any::<bool>()).prop_map(
        |(action, more, sts)| {
            let (_, name) = action.split_once(':').unwrap();
            let version = if sts { "2011-06-15" } else { "2010-05-08" };
            format!("Action={name}&Version={version}&{more}").into_bytes()
        },
    );
    prop_oneof![
        4 => form,
        2 => prop::collection::vec(any::<u8>(), 0..200),
        2 => "[{]?\"?[A-Za-z]{0,8}\"?:?[\\[{\"0-9]{0,20}[}]?".prop_map(String::into_bytes),
        1 => Just(b"{}".to_vec()),
        // Deeper than a JSON reader goes.
        1 => (1usize..20_000).prop_map(|depth| b"{\"a\":".repeat(depth)),
        1 => (1usize..300_000).prop_map(|size| vec![b'%'; size]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_on_the_wire_gets_an_answer(
        method in prop::sample::select(vec!["POST", "GET", "PUT", "", "OPTIONS"]),
        path in prop_oneof![Just("/".to_owned()), Just("/_countersign/fault".to_owned()), "/[ -~]{0,20}", ".{0,8}"],
        headers in prop::collection::vec(header(), 0..7),
        body in body(),
        signatures in any::<bool>(),
    ) {
        let mut aws = aws(signatures);
        let before = aws.state().clone();
        let (status, text) = answered(&mut aws, &request(method, &path, &headers, &body));
        prop_assert!(status == 200 || (400..500).contains(&status), "{status}: {text}");
        prop_assert!(!text.contains("InternalFailure"), "{text}");
        // A refused request changes nothing.
        prop_assert!(status == 200 || *aws.state() == before);
        if !path.starts_with("/_countersign/") && status != 200 {
            prop_assert!(text.contains("__type") || text.contains("<Code>"), "{text}");
        }
    }
}

/// Headers, body, and the status and code of the answer.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, u16, &'a str);

/// What is wrong with a request decides the error, in AWS's words for its protocol.
#[test]
fn requests_that_are_none_have_aws_s_errors() {
    let with = |headers: &[(&str, &str)], body: &str| {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        answered(&mut aws(true), &request("POST", "/", &headers, body.as_bytes()))
    };
    let target = ("x-amz-target", "AWSOrganizationsV20161128.ListRoots");
    let unknown = (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIANOBODY0000000001/20260102/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
    );
    let cases: [Case<'_>; 10] = [
        (&[], "", 400, "MissingAction"),
        (&[], "Action=GetUser", 400, "InvalidAction"),
        (&[], "Action=GetUser&Version=2010-05-08", 403, "MissingAuthenticationToken"),
        (&[], "Action=NoSuch&Version=2010-05-08", 400, "InvalidAction"),
        (&[unknown], "Action=GetUser&Version=2010-05-08", 403, "InvalidClientTokenId"),
        (&[("authorization", CREDENTIAL)], "Action=GetUser&Version=2010-05-08", 400, "IncompleteSignature"),
        (&[target], "{}", 400, "MissingAuthenticationTokenException"),
        (&[target, unknown], "{}", 400, "UnrecognizedClientException"),
        (&[("x-amz-target", "AWSOrganizationsV20161128.NoSuch")], "{}", 400, "UnknownOperationException"),
        (&[("x-amz-target", "DynamoDB_20120810.ListTables")], "{}", 400, "UnknownOperationException"),
    ];
    for (headers, body, status, code) in cases {
        let (got, text) = with(headers, body);
        assert_eq!(got, status, "{headers:?} {body}: {text}");
        assert!(
            text.contains(&format!("\"{code}\"")) || text.contains(&format!("<Code>{code}</Code>")),
            "{headers:?} {body}: {text}"
        );
    }
}
