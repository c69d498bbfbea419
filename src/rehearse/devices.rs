//! The MFA devices of simulated people, and the simulated AWS account in which their codes are checked: the customer's,
//! which is not the runbook's business, and so a world of its own. Codes are made as real devices make them.

use crate::aws::MfaWanted;
use crate::base::{Digest, Time};
use crate::engine::port::Clock;
use crate::people::{Mfa, People};
use crate::record::corroboration::session_name;
use crate::record::fact::Corroborated;
use crate::rehearse::world::{RehearsalClock, Wire};
use crate::simulator::{Reply, Request, Simulator, World, signature, state, totp};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Where a person without an account of their own has a device.
pub const ACCOUNT: &str = "999999999999";
const ROLE: &str = "approve";
const STEP_MS: i64 = 30_000;

/// A device and a role for a simulated person.
pub fn invented(person: &str) -> Mfa {
    Mfa { serial: format!("arn:aws:iam::{ACCOUNT}:mfa/{person}"), role: format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}") }
}

/// AWS as approvers see it, and their devices.
pub struct Devices(RefCell<Option<Simulator>>);

impl Devices {
    /// One user and one device for everybody who has `mfa` in the people file.
    pub fn of(people: &People, now: Time) -> Devices {
        let world = World::parse("devices", &world(people)).ok();
        Devices(RefCell::new(world.map(|world| Simulator::new(&world, now))))
    }

    /// The person reads a code off the device, and AWS checks it.
    pub fn corroborate(
        &self,
        people: &People,
        person: &str,
        statement: &Digest,
        clock: &RehearsalClock,
    ) -> Result<Corroborated, String> {
        let mfa = people.get(person).and_then(|person| person.mfa.as_ref()).ok_or("no device")?;
        let mut aws = self.0.borrow_mut();
        let aws = aws.as_mut().ok_or("no simulated AWS for devices")?;
        let keys = aws.credentials(person).ok_or("no credentials")?;
        let code = next_code(aws.state(), &keys.account, person, clock).ok_or("no code")?;
        let now = clock.now();
        let form = [
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &mfa.role),
            ("RoleSessionName", &session_name(statement)),
            ("SerialNumber", &mfa.serial),
            ("TokenCode", &code),
        ];
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = signed(body.join("&"), &keys.access_key, &keys.secret_key, now).ok_or("no signature")?;
        let Reply::Answer { status: 200, headers, body } = aws.handle(&request, now).reply else {
            return Err(format!("AWS took no code of {person}"));
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        Ok(Corroborated {
            statement: *statement,
            account: mfa.role.split(':').nth(4).unwrap_or_default().to_owned(),
            arn: between(&text, "Arn"),
            assumed_role_id: between(&text, "AssumedRoleId"),
            date: Some(now.seconds()),
            endpoint: "http://simulator.invalid".to_owned(),
            request_id: header("x-amzn-requestid"),
            serial: mfa.serial.clone(),
        })
    }
}

/// The serial and the next code of the device of whoever assumes a role with MFA.
pub fn session_code(wire: &Wire, clock: &RehearsalClock, wanted: &MfaWanted<'_>) -> Option<(String, String)> {
    let mut parts = wanted.caller.splitn(6, ':');
    let (account, resource) = (parts.nth(4)?, parts.next()?);
    let user = resource.strip_prefix("user/")?.rsplit('/').next()?;
    let simulator = wire.simulator();
    let serial = simulator.state().accounts.get(account)?.users.get(user)?.mfa.as_ref()?.serial.clone();
    let code = next_code(simulator.state(), account, user, clock)?;
    Some((serial, code))
}

/// The code that the device shows now; where that was used, the person waits for the next.
fn next_code(state: &state::State, account: &str, user: &str, clock: &RehearsalClock) -> Option<String> {
    let device = state.accounts.get(account)?.users.get(user)?.mfa.as_ref()?;
    let step = totp::step(clock.now()).max(device.used.map_or(0, |used| used + 1));
    clock.advance_to(Time(i64::try_from(step).ok()?.checked_mul(STEP_MS)?));
    totp::code(&device.seed, step)
}

/// The accounts, users and roles that the people's `mfa` names.
fn world(people: &People) -> String {
    let mut text = "schema = 1\n".to_owned();
    let mut accounts = BTreeSet::new();
    let mut roles = BTreeSet::new();
    for person in people.people.values() {
        let Some(mfa) = &person.mfa else { continue };
        let (account, role) = (mfa.role.split(':').nth(4).unwrap_or_default(), mfa.role.rsplit('/').next());
        if accounts.insert(account.to_owned()) {
            text.push_str(&format!(
                "\n[[accounts]]\nid = {:?}\nname = \"approvers\"\nemail = \"approvers+{account}@example.com\"\n",
                account
            ));
        }
        if roles.insert(mfa.role.clone()) {
            text.push_str(&format!(
                "\n[[roles]]\naccount = {account:?}\nname = {:?}\ntrusts = [{account:?}]\nmfa = true\n",
                role.unwrap_or_default()
            ));
        }
        let id = &person.id;
        text.push_str(&format!(
            "\n[[principals]]\nprofile = {id:?}\naccount = {account:?}\nkind = \"user\"\nname = {id:?}\n\
             mfa = {{ serial = {:?}, seed = {:?} }}\n",
            mfa.serial,
            seed(id)
        ));
    }
    text
}

/// Base32 of the person's name: anybody can make these codes.
fn seed(person: &str) -> String {
    let digest = Digest::of(format!("countersign rehearsal device {person}").as_bytes()).0;
    digest.iter().take(20).map(|byte| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte & 31)])).collect()
}

fn signed(body: String, key: &str, secret: &str, now: Time) -> Option<Request> {
    let moment: String = now.seconds().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let headers = [
        ("host", "sts.simulator.invalid".to_owned()),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("x-amz-date", moment),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let mut request = Request { method: "POST".into(), path: "/".into(), headers, body: body.into_bytes() };
    let authorization = signature::authorization(&request, key, secret, "sts")?;
    request.headers.push(("authorization".to_owned(), authorization));
    Some(request)
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn between(text: &str, tag: &str) -> String {
    let inside = text.split_once(&format!("<{tag}>")).and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")));
    inside.map(|(inside, _)| inside.to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sshsig::{KeyKind, rehearsal_key};

    #[test]
    fn a_simulated_person_makes_codes_that_aws_takes_once_each() {
        let key = rehearsal_key("carol", KeyKind::Ed25519).line("x");
        let Mfa { serial, role } = invented("carol");
        let text = format!(
            "schema = 1\n[people.carol]\nname = \"C\"\nparty = \"p\"\nroles = [\"h\"]\nkeys = [\"{key}\"]\nmfa = {{ serial = \"{serial}\", role = \"{role}\" }}\n"
        );
        let people = crate::people::parse("people", &text, true).0.unwrap();
        let clock = RehearsalClock::at(Time(1_800_000_000_000));
        let devices = Devices::of(&people, clock.now());
        let mut last = clock.now();
        for number in 0..3 {
            let statement = Digest::of(&[number]);
            let found = devices.corroborate(&people, "carol", &statement, &clock).unwrap();
            let name = session_name(&statement);
            assert_eq!(found.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/approve/{name}"));
            assert!(found.assumed_role_id.ends_with(&format!(":{name}")) && found.request_id.is_some());
            // Each code works once, so the second has to wait for the next.
            assert!(number == 0 || clock.now().since(last) > 0);
            last = clock.now();
        }
        assert!(devices.corroborate(&people, "dave", &Digest::of(b"x"), &clock).is_err());
    }
}
