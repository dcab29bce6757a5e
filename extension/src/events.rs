//! From `register` to SHUTDOWN.

use std::thread;
use std::time::Duration;

use crate::api::{Event, Extension, Failure};
use crate::settings::Settings;
use crate::stop::{Reason, Stop};

/// How often a request is tried again whose connection failed, and how long is waited before.
const AGAIN: [Duration; 3] =
    [Duration::from_millis(5), Duration::from_millis(50), Duration::from_millis(250)];

/// Registers and follows the events; returns at SHUTDOWN.
///
/// `next` is asked for at once: Init ends when the runtime and all extensions have asked, so reading
/// goes on beside it and delays nothing. Where the API fails, this waits for ever: an extension that
/// exits ends its environment, also with status 0 (`Extension.Crash`: exit code 0).
pub fn follow(settings: &Settings, stop: &Stop) {
    let log = settings.log;
    let Some(address) = &settings.api else {
        log.warn("AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda extension");
        wait_for_ever();
    };
    // Without anything to stop, invocations are none of our business.
    let registered = again(|| Extension::register(address, &settings.name, settings.prefetch));
    let extension = match registered {
        Ok(extension) => extension,
        Err(failure) => {
            log.warn(&format!("register: {failure}"));
            wait_for_ever();
        }
    };
    loop {
        match again(|| extension.next()) {
            Ok(Event::Invoke) => stop.request(Reason::Invoke),
            Ok(Event::Shutdown) => {
                stop.request(Reason::Shutdown);
                return;
            }
            Ok(Event::Other) => {}
            Err(failure) => {
                log.warn(&format!("next: {failure}"));
                wait_for_ever();
            }
        }
    }
}

/// Tries again where the connection failed. An answer, whatever it says, is final: the guide calls
/// 4xx and 500 non-recoverable.
fn again<T>(mut request: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut result = request();
    for pause in AGAIN {
        let Err(Failure::Broken(_)) = result else { break };
        thread::sleep(pause);
        result = request();
    }
    result
}

fn wait_for_ever() -> ! {
    loop {
        thread::park();
    }
}
