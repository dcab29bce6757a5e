//! The outcome of `glowplug invoke`, for people and as JSON.

use serde_json::{Value, json};

use super::eviction::Eviction;
use super::plan::{Failure, Invocation, Outcome};
use crate::units;

/// Everything.
pub fn as_json(outcome: &Outcome, evicted: Option<&Eviction>, isolated: bool) -> Value {
    json!({"outcome": outcome, "evicted": evicted, "isolated": isolated})
}

/// Responses, logs and the timeline.
pub fn print(outcome: &Outcome, evicted: Option<&Eviction>) {
    if let Some(evicted) = evicted {
        println!(
            "evicted: {} of {} files, {} stayed because they are in use\n",
            units::bytes(evicted.bytes - evicted.left.min(evicted.bytes)),
            evicted.files,
            units::bytes(evicted.left)
        );
    }
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

fn print_failure(title: &str, failure: &Failure) {
    println!("{title} {}\n{:#}\n", failure.error_type.as_deref().unwrap_or_default(), failure.body);
}
