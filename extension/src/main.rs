//! The Lambda extension: reads what a cold start will need into the page cache, while the runtime
//! starts, in the order of the archive's prefetch plan.
//!
//! Two threads. The main one talks to the Extensions API and does nothing before it registers,
//! since Lambda starts the runtime only when every extension has; it asks for the first event at
//! once, so that Init never waits for reading. The other one finds the archives ([`archives`]),
//! submits read-ahead of what is hot, reads on in plan order ([`reading`]) and verifies what it read
//! ([`verification`]); it ends with one line of log ([`report`]).
//!
//! Nothing here is fatal: Lambda ends the environment of an extension that exits, whatever its
//! status, so what goes wrong is a line of log and the process goes on waiting.

use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

mod api;
mod archives;
mod budget;
mod events;
mod log;
mod places;
mod prefetch;
mod reading;
mod report;
mod residency;
mod settings;
mod stop;
mod verification;

use settings::Settings;
use stop::Stop;

/// Stack of the reading thread, in bytes. Its buffers are on the heap.
const STACK: usize = 256 << 10;

fn main() -> ExitCode {
    let begun = Instant::now();
    let settings = Arc::new(Settings::from_environment());
    let stop = Arc::new(Stop::default());
    let mut reading = None;
    if settings.prefetch {
        let (settings, stop) = (Arc::clone(&settings), Arc::clone(&stop));
        let reader = thread::Builder::new().name("prefetch".to_owned()).stack_size(STACK);
        let log = settings.log;
        match reader.spawn(move || prefetch::run(&settings, &stop, begun)) {
            Ok(thread) => reading = Some(thread),
            Err(error) => log.warn(&format!("nothing is read ahead: no thread: {error}")),
        }
    }
    events::follow(&settings, &stop);
    if !let_speak(reading) {
        settings.log.warn("prefetch: ended while it waited for storage stopped_by=shutdown");
    }
    ExitCode::SUCCESS
}

/// Gives the reading thread, which has been told to stop, a moment for its line; whether it has ended.
fn let_speak(reading: Option<JoinHandle<()>>) -> bool {
    const MOMENT: Duration = Duration::from_millis(20);
    let end = Instant::now() + MOMENT;
    while reading.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
    reading.is_none_or(|thread| thread.is_finished())
}
