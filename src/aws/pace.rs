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
    /// AWS said that it is too much: nobody asks before this.
    closed_until: SystemTime,
}

impl Paces {
    /// Waits until one more request of this kind is within AWS's rate for the account, and until whoever was throttled
    /// may ask again.
    pub(super) async fn wait(&self, action: &'static Action, account: &str, clockwork: &Clockwork) {
        let pause = self.take(action, account, clockwork.time.now());
        clockwork.wait(pause).await;
    }

    /// One request was throttled: no other of its kind goes out before `pause` is over, whichever item it is for.
    pub(super) fn back_off(&self, action: &'static Action, account: &str, pause: Duration, now: SystemTime) {
        let mut buckets = self.buckets();
        let bucket = buckets.entry((account.to_owned(), action.name)).or_insert_with(|| Bucket::full(action, now));
        bucket.refill(action, now);
        bucket.tokens = bucket.tokens.min(0.0);
        bucket.closed_until = bucket.closed_until.max(now + pause);
    }

    /// Takes a token, on credit if need be: the time until it would have been there.
    fn take(&self, action: &'static Action, account: &str, now: SystemTime) -> Duration {
        let mut buckets = self.buckets();
        let key = (account.to_owned(), action.name);
        if action.rate.is_none() && !buckets.contains_key(&key) {
            return Duration::ZERO;
        }
        let bucket = buckets.entry(key).or_insert_with(|| Bucket::full(action, now));
        bucket.refill(action, now);
        let closed = bucket.closed_until.duration_since(now).unwrap_or_default();
        let Some((rate, _)) = action.rate else { return closed };
        bucket.tokens -= 1.0;
        let short = if bucket.tokens >= 0.0 { 0.0 } else { -bucket.tokens / rate };
        Duration::from_secs_f64(short).max(closed)
    }

    fn buckets(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn full(action: &Action, now: SystemTime) -> Bucket {
        Bucket { tokens: action.rate.map_or(0.0, |(_, burst)| f64::from(burst)), at: now, closed_until: UNIX_EPOCH }
    }

    fn refill(&mut self, action: &Action, now: SystemTime) {
        let (rate, burst) = action.rate.unwrap_or((0.0, 0));
        let passed = now.duration_since(self.at).unwrap_or_default().as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(f64::from(burst));
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicI64, Ordering};

    const START: i64 = 1_767_323_045_000;

    struct Hand(AtomicI64, Waiters);

    impl VirtualTime for Hand {
        fn now(&self) -> Time {
            Time(self.0.load(Ordering::SeqCst))
        }
        fn advance(&self, ms: i64) {
            self.0.fetch_add(ms, Ordering::SeqCst);
        }
        fn waiters(&self) -> &Waiters {
            &self.1
        }
    }

    /// When each of so many items that ask at once gets its turn, in milliseconds.
    fn turns(paces: &Paces, name: &str, items: usize) -> Vec<i64> {
        let action = catalogue::find(name).unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(START), Waiters::default()));
        let virtually = Virtual::new(Arc::<Hand>::clone(&clock));
        let clockwork =
            Clockwork { time: SharedTimeSource::new(virtually.clone()), sleep: SharedAsyncSleep::new(virtually) };
        let one = |_| async {
            paces.wait(action, "111111111111", &clockwork).await;
            clock.now().0 - START
        };
        let all = join_all((0..items).map(one));
        let mut all = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(all);
        all.sort_unstable();
        all
    }

    #[test]
    fn a_burst_is_free_and_what_follows_comes_at_the_rate_whoever_asks() {
        let all = turns(&Paces::default(), "organizations:DescribeOrganization", 6);
        assert_eq!(all, [0, 0, 1_000, 2_000, 3_000, 4_000]);
        let paces = Paces::default();
        let action = catalogue::find("organizations:DescribeOrganization").unwrap();
        let now = UNIX_EPOCH;
        let take = |account: &str, now| paces.take(action, account, now);
        assert_eq!([take("1", now), take("1", now)], [Duration::ZERO; 2]);
        assert_eq!(take("1", now), Duration::from_secs(1));
        assert_eq!(take("2", now), Duration::ZERO);
        assert_eq!(take("1", now + Duration::from_secs(10)), Duration::ZERO);
    }

    #[test]
    fn whoever_is_throttled_holds_up_all_the_others() {
        let start = UNIX_EPOCH + Duration::from_millis(START as u64);
        for (name, wanted) in [
            ("organizations:DescribeOrganization", [4_000, 4_000, 4_000, 4_000]),
            // AWS publishes no rate: nothing waits but for the throttling itself.
            ("sts:GetCallerIdentity", [4_000, 4_000, 4_000, 4_000]),
        ] {
            let paces = Paces::default();
            paces.back_off(catalogue::find(name).unwrap(), "111111111111", Duration::from_secs(4), start);
            assert_eq!(turns(&paces, name, 4), wanted, "{name}");
            assert_eq!(paces.take(catalogue::find(name).unwrap(), "222222222222", start), Duration::ZERO);
        }
    }
}
