//! Plays a runbook on the simulated AWS: the product's own engine and AWS code, simulated people with
//! throw-away keys, a virtual clock. Starts no process, reads no credentials, opens no connection.

pub mod actors;
pub mod devices;
pub mod people;
pub mod prove;
pub mod theatre;
pub mod world;

use crate::base::RunId;
use crate::engine::next::Stop;
use crate::engine::port::Random;
use crate::engine::state::Run;
use crate::journal::MemoryStore;
use crate::record::entry::Entry;
use crate::run::{RunError, open};
use std::rc::Rc;
use std::sync::Arc;
use theatre::Theatre;
use world::{RehearsalClock, Wire};

/// How a rehearsal ended.
pub struct Played {
    pub run: Run,
    pub store: MemoryStore,
    pub stop: Stop,
    pub wire: Arc<Wire>,
    /// How often somebody sat down.
    pub seats: u64,
}

/// What a rehearsal is told, entry by entry.
pub type Tell = Rc<dyn Fn(&Run, &Entry)>;

/// Plays one run to its end, or to where no simulated person can help.
pub async fn play(
    store: MemoryStore,
    id: RunId,
    opening: open::Opening,
    wire: Arc<Wire>,
    clock: RehearsalClock,
    random: impl Random + Clone + 'static,
    tell: Tell,
) -> Result<Played, RunError> {
    let theatre = Theatre::new(store.clone(), id, &opening.basis.people, wire, clock, random, tell);
    let mut store = store;
    let seated = theatre.open(&mut store, opening)?;
    theatre.play(store, seated).await
}
