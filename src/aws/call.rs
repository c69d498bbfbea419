//! One call: the frame around every SDK request, and how lists are read to their end.
//!
//! To add an operation: an entry in the catalogue, one arm in the service's file, done.

use super::fault::{self, Seen, invalid};
use super::pace::{Clockwork, Paces};
use super::shape::With;
use super::{account, iam, invoicing, organizations, plain, sts, whole};
use crate::catalogue::{Action, Class};
use crate::engine::port::Fault;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;
use std::time::Duration;

/// How often a read is tried, and the first pause between two tries.
const READ_TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// More pages than any list of AWS has: a server that never ends is not believed.
const MOST_PAGES: usize = 2000;
/// Until a connection stands.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Everything that one request of an action needs.
pub(super) struct Wire<'a> {
    pub(super) action: &'static Action,
    pub(super) seen: Seen,
    pub(super) account: &'a str,
    pub(super) clockwork: &'a Clockwork,
    pub(super) paces: &'a Paces,
    sdk: SdkConfig,
}

impl<'a> Wire<'a> {
    /// The SDK's own retries are off: a change goes out once, and what is tried again is decided by the catalogue.
    pub(super) fn new(
        action: &'static Action,
        session: &SdkConfig,
        account: &'a str,
        time_limit_ms: i64,
        seen: Seen,
        (clockwork, paces): (&'a Clockwork, &'a Paces),
    ) -> Wire<'a> {
        let limit = Duration::from_millis(u64::try_from(time_limit_ms).unwrap_or(1).max(1));
        let timeouts = TimeoutConfig::builder().operation_timeout(limit).connect_timeout(CONNECT_LIMIT.min(limit));
        let sdk = session.to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts.build()).build();
        Wire { action, seen, account, clockwork, paces, sdk }
    }

    /// The same session and limits for one of the reads that a read is made of.
    pub(super) fn of(&self, action: &'static Action) -> Wire<'a> {
        Wire { action, seen: self.seen.clone(), sdk: self.sdk.clone(), ..*self }
    }

    pub(super) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Before each request of a read: keeps to AWS's rate.
    pub(super) async fn pace(&self) {
        if !self.action.mutates {
            self.paces.wait(self.action, self.account, self.clockwork).await;
        }
    }

    /// After each request: AWS's answer, or what its absence means.
    pub(super) fn judge<T, E>(&self, answer: Result<T, SdkError<E, HttpResponse>>) -> Result<T, Fault>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        answer.map_err(|error| fault::of(self.action, error, &self.seen))
    }
}

/// Performs the action: a change once, a read a few times where AWS says that trying again helps.
pub(super) async fn perform(wire: &Wire<'_>, with: With<'_>) -> Result<Value, Fault> {
    tried(wire, async || checked(wire.action, once(wire, with).await)).await
}

/// An attempt, and more of them where it is a read and AWS says that trying again helps.
pub(super) async fn tried(wire: &Wire<'_>, attempt: impl AsyncFn() -> Result<Value, Fault>) -> Result<Value, Fault> {
    let mut pause = FIRST_PAUSE;
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(fault) if fault.class == Class::Retry && !wire.action.mutates && tries < READ_TRIES => {
                // All items that read the same wait with it.
                wire.paces.back_off(wire.action, wire.account, pause, wire.clockwork.time.now());
                wire.clockwork.wait(pause).await;
                pause *= 2;
                tries += 1;
            }
            answer => return answer,
        }
    }
}

async fn once(wire: &Wire<'_>, with: With<'_>) -> Result<Value, Fault> {
    let answer = match wire.action.name.split(':').next() {
        Some("organizations") => organizations::perform(wire, with).await,
        Some("iam") => iam::perform(wire, with).await,
        Some("sts") => sts::perform(wire, with).await,
        Some("account") => account::perform(wire, with).await,
        Some("invoicing") => invoicing::perform(wire, with).await,
        Some("countersign") => whole::perform(wire, with).await,
        _ => plain::perform(wire, with).await,
    };
    answer.unwrap_or_else(|| Err(invalid(format!("{} cannot be called by this version", wire.action.name))))
}

/// The success of a change that lacks the very thing that it should bring is not believed.
fn checked(action: &'static Action, answer: Result<Value, Fault>) -> Result<Value, Fault> {
    match (answer, action.outputs.first()) {
        (Ok(value), Some(first)) if action.mutates && value.get(first.name).is_none() => {
            Err(fault::unreadable(action, &format!("AWS's answer has no {}", first.name)))
        }
        (answer, _) => answer,
    }
}

/// The list went on for ever.
pub(super) fn endless(action: &Action) -> Fault {
    fault::unreadable(action, "the list does not end")
}

/// Whether another page may be asked for: there is a token, it is new, and the list is not endless.
pub(super) fn goes_on(page: usize, last: &Option<String>, next: &Option<String>) -> Result<bool, ()> {
    match next {
        None => Ok(false),
        Some(_) if page >= MOST_PAGES || next == last => Err(()),
        Some(_) => Ok(true),
    }
}

/// One request: paced, watched, judged; `$json` makes the output of `$out`.
macro_rules! one {
    ($wire:expr, $request:expr, |$out:ident| $json:expr) => {{
        $wire.pace().await;
        let answer = $request.customize().interceptor($wire.seen.clone()).send().await;
        $wire.judge(answer).map(|$out| $json)
    }};
}

/// All pages of a list that goes on with `NextToken`; `$items` of each page, through `$one`.
macro_rules! pages {
    ($wire:expr, $request:expr, |$out:ident| $items:expr, $one:expr) => {
        $crate::aws::call::all_pages!($wire, $request, set_next_token, next_token, |$out| $items, $one)
    };
}

/// The same for IAM, whose lists go on with `Marker`.
macro_rules! marked_pages {
    ($wire:expr, $request:expr, |$out:ident| $items:expr, $one:expr) => {
        $crate::aws::call::all_pages!($wire, $request, set_marker, marker, |$out| $items, $one)
    };
}

macro_rules! all_pages {
    ($wire:expr, $request:expr, $set:ident, $get:ident, |$out:ident| $items:expr, $one:expr) => {{
        let request = $request;
        let mut all: Vec<Value> = Vec::new();
        let mut token: Option<String> = None;
        let mut page = 0;
        loop {
            $wire.pace().await;
            let request = request.clone().$set(token.clone());
            let answer = request.customize().interceptor($wire.seen.clone()).send().await;
            let $out = match $wire.judge(answer) {
                Ok(out) => out,
                Err(fault) => break Err(fault),
            };
            all.extend($items.iter().map($one));
            page += 1;
            let next = $out.$get().filter(|next| !next.is_empty()).map(str::to_owned);
            match $crate::aws::call::goes_on(page, &token, &next) {
                Ok(true) => token = next,
                Ok(false) => break Ok(object([($wire.action.pages.unwrap_or("Items"), Value::Array(all))])),
                Err(()) => break Err($crate::aws::call::endless($wire.action)),
            }
        }
    }};
}

pub(super) use {all_pages, marked_pages, one, pages};
