//! How fast AWS is asked, and whose clock the SDK goes by: the machine's, or a virtual one that
//! jumps instead of waiting.

use crate::base::Time;
use crate::catalogue::Action;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock that stands still until somebody waits for it (rehearsal).
pub trait VirtualTime: Send + Sync {
    fn now(&self) -> Time;
    /// Moves the clock on by `ms`.
    fn advance(&self, ms: i64);
    /// Everybody who waits on this clock.
    fn waiters(&self) -> &Waiters;
}

/// Waits on a virtual clock: of all that wait, the one whose time comes first moves it.
pub async fn wait(clock: Arc<dyn VirtualTime>, ms: i64) {
    let duration = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Virtual { clock }.sleep(duration).await;
}

/// The SDK's view of a [`VirtualTime`].
#[derive(Clone)]
pub(super) struct Virtual {
    clock: Arc<dyn VirtualTime>,
}

/// Who waits until when. Clones share it.
#[derive(Clone, Default)]
pub struct Waiters(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    next: u64,
    until: BTreeMap<u64, Time>,
}

impl Virtual {
    pub(super) fn new(clock: Arc<dyn VirtualTime>) -> Virtual {
        Virtual { clock }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.clock.waiters().0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, until: Time) -> u64 {
        let mut waiting = self.waiting();
        waiting.next += 1;
        let id = waiting.next;
        waiting.until.insert(id, until);
        id
    }
}

impl fmt::Debug for Virtual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Virtual")
    }
}

impl TimeSource for Virtual {
    fn now(&self) -> SystemTime {
        let ms = u64::try_from(self.clock.now().0).unwrap_or(0);
        UNIX_EPOCH + Duration::from_millis(ms)
    }
}

impl AsyncSleep for Virtual {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(Jump { time: self.clone(), duration, patience: 16, entered: None })
    }
}

/// Lets everything else that is ready go first, then moves the clock: a time limit on work that is
/// merely not polled yet must not run out.
struct Jump {
    time: Virtual,
    duration: Duration,
    patience: u32,
    /// Since the first poll: its number among those who wait, and until when.
    entered: Option<(u64, Time)>,
}

impl Future for Jump {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let now = self.time.clock.now();
        let (id, until) = match self.entered {
            Some(entered) => entered,
            None => {
                let until = now.plus(i64::try_from(self.duration.as_millis()).unwrap_or(i64::MAX));
                let entered = (self.time.enter(until), until);
                self.entered = Some(entered);
                entered
            }
        };
        if now >= until {
            return Poll::Ready(());
        }
        let first = self.time.waiting().until.iter().min_by_key(|(id, until)| (**until, **id)).map(|(id, _)| *id);
        if self.patience == 0 && first == Some(id) {
            self.time.clock.advance(until.since(now));
            return Poll::Ready(());
        }
        self.patience = self.patience.saturating_sub(1);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Jump {
    fn drop(&mut self) {
        if let Some((id, _)) = self.entered {
            self.time.waiting().until.remove(&id);
        }
    }
}

/// Clock and waiting, as the SDK takes them.
#[derive(Clone, Debug)]
pub(super) struct Clockwork {
    pub(super) time: SharedTimeSource,
    pub(super) sleep: SharedAsyncSleep,
}

impl Clockwork {
    pub(super) async fn wait(&self, duration: Duration) {
        if !duration.is_zero() {
            self.sleep.sleep(duration).await;
        }
    }
}

/// Token buckets by account and action, at the rates that AWS publishes; shared by all parallel items.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<BTreeMap<(String, &'static str), Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: SystemTime,
}

impl Paces {
    /// Waits until one more request of this kind is within AWS's rate for the account.
    pub(super) async fn wait(&self, action: &'static Action, account: &str, clockwork: &Clockwork) {
        let Some((rate, burst)) = action.rate else { return };
        let pause = self.take(action.name, account, rate, burst, clockwork.time.now());
        clockwork.wait(pause).await;
    }

    /// Takes a token, on credit if need be: the time until it would have been there.
    fn take(&self, name: &'static str, account: &str, rate: f64, burst: u32, now: SystemTime) -> Duration {
        let burst = f64::from(burst);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((account.to_owned(), name)).or_insert(Bucket { tokens: burst, at: now });
        let passed = now.duration_since(bucket.at).unwrap_or_default().as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate).min(burst) - 1.0;
        bucket.at = now;
        if bucket.tokens >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-bucket.tokens / rate) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_what_follows_comes_at_the_rate() {
        let paces = Paces::default();
        let now = UNIX_EPOCH;
        let take = |account: &str, now| paces.take("organizations:DescribeOrganization", account, 1.0, 2, now);
        assert_eq!(take("1", now), Duration::ZERO);
        assert_eq!(take("1", now), Duration::ZERO);
        assert_eq!(take("1", now), Duration::from_secs(1));
        assert_eq!(take("1", now), Duration::from_secs(2));
        assert_eq!(take("2", now), Duration::ZERO);
        assert_eq!(take("1", now + Duration::from_secs(10)), Duration::ZERO);
    }
}
