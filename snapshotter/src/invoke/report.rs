//! The outcome of `glowplug invoke`, for people and as JSON.

use serde_json::{Value, json};

use super::control_group::{MemoryUse, StorageUse};
use super::eviction::Eviction;
use super::plan::{Failure, Invocation, Outcome};
use crate::units;

/// Files in the page cache that are named.
const NAMED: usize = 5;

/// How the environment was made.
pub struct About {
    pub memory: MemoryUse,
    pub storage: Option<StorageUse>,
    pub evicted: Option<Eviction>,
    pub isolated: bool,
}

/// Everything.
pub fn as_json(outcome: &Outcome, about: &About) -> Value {
    let About { memory, storage, evicted, isolated } = about;
    json!({
        "outcome": outcome, "memory": memory, "storage": storage, "evicted": evicted, "isolated": isolated
    })
}

/// Responses, logs and the timeline.
pub fn print(outcome: &Outcome, about: &About) {
    println!("{}", memory(&about.memory));
    if let Some(StorageUse { bytes, requests }) = &about.storage {
        println!("storage: {} were read in {requests} requests", units::bytes(*bytes));
    }
    if let Some(evicted) = &about.evicted {
        print_evicted(evicted);
    }
    println!();
    for invocation in &outcome.invocations {
        match invocation {
            Invocation::Response(value) => println!("response\n{value:#}\n"),
            Invocation::Error(failure) => print_failure("error", failure),
        }
    }
    if let Some(failure) = &outcome.init_error {
        print_failure("initialisation error", failure);
    }
    if let Some(trouble) = &outcome.trouble {
        println!("trouble\n{trouble}\n");
    }
    if let Some(status) = &outcome.runtime_exit {
        println!("the runtime ended: {status}\n");
    }
    for (title, log) in
        [("log of the function", &outcome.log), ("log of the extensions", &outcome.extension_log)]
    {
        if !log.is_empty() {
            println!("{title}\n{}\n", log.trim_end());
        }
    }
    println!("timeline, ms");
    for moment in &outcome.timeline {
        println!("{:>9.1}  {}", moment.at, moment.what);
    }
}

fn memory(MemoryUse { megabytes, not_enforced, peak, .. }: &MemoryUse) -> String {
    match (not_enforced, peak) {
        (Some(why), _) => format!("memory: {megabytes} MB are told to the function, but not enforced: {why}"),
        (None, Some(peak)) => {
            let peak = units::bytes(*peak);
            format!("memory: {megabytes} MB are enforced; at most {peak} were used, page cache included")
        }
        (None, None) => format!("memory: {megabytes} MB are enforced"),
    }
}

fn print_evicted(Eviction { files, bytes, left, kept }: &Eviction) {
    let gone = units::bytes(bytes - left.min(bytes));
    println!("cold: {gone} of {} were taken out of the page cache", units::count(*files, "file"));
    if kept.is_empty() {
        return;
    }
    println!("      {} of {} stayed, being in use:", units::bytes(*left), units::count(kept.len(), "file"));
    for file in kept.iter().take(NAMED) {
        println!("      {:>9}  {}", units::bytes(file.bytes), file.path.display());
    }
    if kept.len() > NAMED {
        println!("      and {} more", kept.len() - NAMED);
    }
}

fn print_failure(title: &str, failure: &Failure) {
    println!("{title} {}\n{:#}\n", failure.error_type.as_deref().unwrap_or_default(), failure.body);
}
