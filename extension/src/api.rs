//! The Extensions API, version 2020-01-01 (AWS Lambda Developer Guide, "Extensions API").

use serde_json::{Value, json};

/// How long the answer to `register` is waited for, in seconds. Lambda's own limit for Init is 10.
const REGISTER_LIMIT: u64 = 5;
/// For `next`, in seconds: never. Lambda freezes the process while it waits, and the guide asks for
/// no time limit; a number keeps the client from reading one from its own environment variable.
const NEXT_LIMIT: u64 = 100 * 365 * 24 * 3600;

/// minreq 2, `src/response.rs`, `parse_status_line`.
const NO_STATUS_LINE: &str = "Server did not provide a status line";

/// What happens next.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The function is invoked.
    Invoke,
    /// The environment ends.
    Shutdown,
    /// Something that this version does not know.
    Other,
}

/// Why a request failed.
#[derive(Debug)]
pub enum Failure {
    /// The API answered with this status.
    Refused(i32, String),
    /// The connection failed, or the answer is not one.
    Broken(String),
    /// The API took the request and does not answer.
    Silent,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(status, text) => write!(f, "the Extensions API answered {status} {text}"),
            Self::Silent => f.write_str("the Extensions API does not answer"),
            Self::Broken(what) => write!(f, "the Extensions API cannot be reached: {what}"),
        }
    }
}

/// A registered extension.
#[derive(Debug)]
pub struct Extension {
    next: String,
    identifier: String,
}

fn send(request: minreq::Request) -> Result<minreq::Response, Failure> {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    let response = request.with_follow_redirects(false).send().map_err(|error| match error {
        minreq::Error::IoError(e) if matches!(e.kind(), TimedOut | WouldBlock) => Failure::Silent,
        other => Failure::Broken(other.to_string()),
    })?;
    match response.status_code {
        200..=299 => Ok(response),
        // What minreq makes of a connection that ends before the status line.
        503 if response.reason_phrase == NO_STATUS_LINE => {
            Err(Failure::Broken("it closed the connection".to_owned()))
        }
        status => Err(Failure::Refused(status, response.reason_phrase)),
    }
}

impl Extension {
    /// Registers at the API at `address` (host and port) for SHUTDOWN, and for INVOKE if wanted.
    /// `name` is the executable's file name: Lambda waits for the extension of that name.
    pub fn register(address: &str, name: &str, invoke: bool) -> Result<Self, Failure> {
        let events = if invoke { json!(["INVOKE", "SHUTDOWN"]) } else { json!(["SHUTDOWN"]) };
        let request = minreq::post(format!("http://{address}/2020-01-01/extension/register"))
            .with_header("Lambda-Extension-Name", name)
            .with_header("Content-Type", "application/json")
            .with_body(json!({ "events": events }).to_string())
            .with_timeout(REGISTER_LIMIT);
        let response = send(request)?;
        let identifier = response
            .headers
            .get("lambda-extension-identifier")
            .ok_or_else(|| Failure::Broken("no Lambda-Extension-Identifier in its answer".to_owned()))?;
        let next = format!("http://{address}/2020-01-01/extension/event/next");
        Ok(Self { next, identifier: identifier.clone() })
    }

    /// Says that all work is done, and waits for the next event.
    pub fn next(&self) -> Result<Event, Failure> {
        let request = minreq::get(&self.next)
            .with_header("Lambda-Extension-Identifier", &self.identifier)
            .with_timeout(NEXT_LIMIT);
        let response = send(request)?;
        let event: Value = serde_json::from_slice(response.as_bytes())
            .map_err(|error| Failure::Broken(format!("an event that is not JSON: {error}")))?;
        Ok(match event["eventType"].as_str() {
            Some("INVOKE") => Event::Invoke,
            Some("SHUTDOWN") => Event::Shutdown,
            _ => Event::Other,
        })
    }
}
