//! An event to a program or a webhook. Bounded in time; tries a webhook again while there is time; never decides
//! anything, and keeps the secret and the URL to itself.

use super::settings::{Secret, Settings, Webhook};
use crate::base::escape;
use crate::cli::child;
use crate::engine::port::Clock;
use crate::report::event::Event;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::process::Command;
use std::time::Duration;
use zeroize::Zeroizing;

/// The first pause between two tries; each is twice as long as the one before.
const FIRST_PAUSE_MS: i64 = 500;
/// One try takes no longer.
const TRY_MS: i64 = 10_000;
/// Standard Webhooks: a secret has 24 to 64 bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Whether trying again may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    #[cfg_attr(not(feature = "aws"), allow(dead_code))] // without the SDK there is no HTTP client to make it
    Again(String),
    Never(String),
}

/// Tells everybody of the settings; a sentence for each that could not be told.
pub async fn deliver(settings: &Settings, event: &Event, clock: &impl Clock) -> Vec<String> {
    let mut failures = Vec::new();
    if !settings.command.is_empty()
        && let Err(why) = program(settings, event)
    {
        failures.push(why);
    }
    if let Some(webhook) = &settings.webhook {
        let told =
            tried(clock, settings.give_up_after_ms, async |limit| post(webhook, event, clock, limit).await).await;
        if let Err(why) = told {
            failures.push(format!("the webhook: {why}"));
        }
    }
    failures
}

/// Tries until it works, until trying again can't help, or until the time is up.
pub async fn tried<K: Clock>(
    clock: &K,
    give_up_after_ms: i64,
    mut attempt: impl AsyncFnMut(Duration) -> Result<(), Trouble>,
) -> Result<(), String> {
    let until = clock.now().plus(give_up_after_ms);
    let mut pause = FIRST_PAUSE_MS;
    for count in 1.. {
        let left = until.since(clock.now()).clamp(1, TRY_MS);
        let why = match attempt(Duration::from_millis(left.unsigned_abs())).await {
            Ok(()) => return Ok(()),
            Err(Trouble::Never(why)) => return Err(why),
            Err(Trouble::Again(why)) => why,
        };
        if clock.now().plus(pause) >= until {
            let times = if count == 1 { "1 try".to_owned() } else { format!("{count} tries") };
            return Err(format!("{why} (given up after {times})"));
        }
        clock.sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
    Ok(())
}

/// The event is its stdin. Never a shell.
fn program(settings: &Settings, event: &Event) -> Result<(), String> {
    let Some((program, arguments)) = settings.command.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments);
    let limit = Duration::from_millis(settings.give_up_after_ms.unsigned_abs());
    let ended = child::run(command, event.body.as_bytes(), limit)?;
    if ended.good {
        return Ok(());
    }
    let last = ended.stderr.lines().last().map(|line| format!(": {}", escape::line(line))).unwrap_or_default();
    Err(format!("{}: {}{last}", escape::line(program), ended.how))
}

/// The secret's bytes.
fn secret(secret: &Secret) -> Result<Zeroizing<Vec<u8>>, String> {
    let (text, place) = match secret {
        Secret::Env(name) => (std::env::var(name).map_err(|_| "it is not set".to_owned()), name.clone()),
        Secret::File(path) => {
            (std::fs::read_to_string(path).map_err(|error| error.to_string()), path.display().to_string())
        }
    };
    let text = Zeroizing::new(text.map_err(|why| format!("its secret ({}): {why}", escape::line(&place)))?);
    let packed = text.trim();
    let bytes = STANDARD.decode(packed.strip_prefix("whsec_").unwrap_or(packed)).map(Zeroizing::new);
    bytes
        .ok()
        .filter(|bytes| SECRET_BYTES.contains(&bytes.len()))
        .ok_or_else(|| format!("its secret ({}) must be whsec_ and base64 of 24 to 64 bytes", escape::line(&place)))
}

/// `v1,` and the HMAC over id, time and body.
pub fn signature(key: &[u8], id: &str, seconds: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(feature = "aws")]
async fn post(webhook: &Webhook, event: &Event, clock: &impl Clock, limit: Duration) -> Result<(), Trouble> {
    let key = secret(&webhook.secret).map_err(Trouble::Never)?;
    let seconds = clock.now().0.div_euclid(1000);
    let signature =
        signature(&key, &event.id, seconds, &event.body).ok_or(Trouble::Never("no signature".to_owned()))?;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("user-agent", format!("countersign/{}", env!("CARGO_PKG_VERSION"))),
        ("webhook-id", event.id.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ];
    let answer = crate::cli::http::post(&webhook.url, &headers, event.body.clone().into_bytes(), limit).await;
    match answer {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        // Gone: it wants no more of this.
        Ok(answer) if answer.status == 410 => Err(Trouble::Never("it answered with status 410".to_owned())),
        Ok(answer) => Err(Trouble::Again(format!("it answered with status {}", answer.status))),
        Err(why) => Err(Trouble::Again(why)),
    }
}

#[cfg(not(feature = "aws"))]
async fn post(webhook: &Webhook, event: &Event, clock: &impl Clock, _: Duration) -> Result<(), Trouble> {
    let key = secret(&webhook.secret).map_err(Trouble::Never)?;
    let _ = signature(&key, &event.id, clock.now().0, &event.body);
    Err(Trouble::Never("this program was built without an HTTP client".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use std::cell::{Cell, RefCell};

    #[derive(Default)]
    struct Fake {
        now: Cell<i64>,
        pauses: RefCell<Vec<i64>>,
    }

    impl Clock for Fake {
        fn now(&self) -> Time {
            Time(self.now.get())
        }

        fn mono(&self) -> u64 {
            0
        }

        async fn sleep(&self, ms: i64) {
            self.now.set(self.now.get() + ms);
            self.pauses.borrow_mut().push(ms);
        }
    }

    fn on(future: impl Future<Output = Result<(), String>>) -> Result<(), String> {
        futures_util::FutureExt::now_or_never(future).unwrap()
    }

    #[test]
    fn it_is_tried_again_with_longer_pauses_until_it_works() {
        let (clock, mut count) = (Fake::default(), 0);
        let answer = on(tried(&clock, 30_000, async |_| {
            count += 1;
            if count < 4 { Err(Trouble::Again("500".to_owned())) } else { Ok(()) }
        }));
        assert_eq!((answer, count, clock.pauses.into_inner()), (Ok(()), 4, vec![500, 1000, 2000]));
    }

    /// Whatever a server does, no event takes longer than its time.
    #[test]
    fn a_server_that_hangs_is_given_up() {
        let (clock, limits) = (Fake::default(), RefCell::new(Vec::new()));
        let answer = on(tried(&clock, 30_000, async |limit: Duration| {
            limits.borrow_mut().push(limit.as_millis());
            clock.now.set(clock.now.get() + i64::try_from(limit.as_millis()).unwrap());
            Err(Trouble::Again("no answer".to_owned()))
        }));
        assert_eq!(answer, Err("no answer (given up after 3 tries)".to_owned()));
        assert_eq!(limits.into_inner(), [10_000, 10_000, 8_500]);
        assert!(clock.now.get() <= 30_000, "{}", clock.now.get());
    }

    #[test]
    fn what_is_gone_is_not_tried_again() {
        let clock = Fake::default();
        let answer = on(tried(&clock, 30_000, async |_| Err(Trouble::Never("410".to_owned()))));
        assert_eq!((answer, clock.pauses.into_inner()), (Err("410".to_owned()), vec![]));
    }

    /// The example of the Standard Webhooks libraries.
    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
