//! The runtime API for a replay: gives out the events and takes the answers, so that the restored process goes all
//! the way that it goes on Lambda ("Using the Lambda runtime API").

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::runtime::Runtime;

use crate::target::Target;

/// How long a handler may take, in milliseconds.
const LIMIT: u128 = 300_000;

/// The running service; it ends when this is dropped.
pub struct RuntimeApi {
    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub address: SocketAddr,
    _runtime: Runtime,
}

#[derive(Default)]
struct Events {
    waiting: VecDeque<String>,
    given: usize,
    function: String,
}

impl RuntimeApi {
    /// Starts it on a port of the loopback interface.
    pub fn start(target: &Target) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let function = target.handler.as_ref().map_or("program", |handler| &handler.module);
        let events = Events {
            waiting: target.events.iter().map(|event| event.content.to_string()).collect(),
            given: 0,
            function: format!("arn:aws:lambda:us-east-1:123456789012:function:{function}"),
        };
        let router = Router::new().fallback(answer).with_state(Arc::new(Mutex::new(events)));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("no port for the runtime API")?;
        let address = listener.local_addr()?;
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, _runtime: runtime })
    }
}

/// `GET .../next` is an event, as the runtime is told of those of the priming (`glowplug_image/runtime.py`); all else
/// is an answer. Where no event is left, `next` says so: the process ends its replay before it asks.
async fn answer(State(events): State<Arc<Mutex<Events>>>, method: Method) -> Response {
    if method != Method::GET {
        return StatusCode::ACCEPTED.into_response();
    }
    let mut events = events.lock().expect("no holder of the lock panics");
    let Some(event) = events.waiting.pop_front() else { return StatusCode::GONE.into_response() };
    let number = events.given;
    events.given += 1;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", format!("00000000-0000-4000-8000-{number:012}")),
        ("lambda-runtime-deadline-ms", (now + LIMIT).to_string()),
        ("lambda-runtime-invoked-function-arn", events.function.clone()),
        (
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0".to_owned(),
        ),
    ];
    (headers, event).into_response()
}
