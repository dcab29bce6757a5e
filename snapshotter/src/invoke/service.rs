//! Lambda's APIs: the simulator, and in front of it a layer that makes it answer as the real service
//! does and keeps a record.
//!
//! What the front changes (of `lambda-simulator` 0.2.0):
//! - `/next` says `Content-Type: application/json`; without it awslambdaric hands the handler a str;
//! - requests need no `Content-Type`; the simulator wants one where it reads JSON;
//! - what the runtime reports is answered with 202 and a status in JSON; the simulator answers an
//!   initialisation error with 200, which awslambdaric takes for a failure.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_simulator::{InvocationBuilder, ShutdownReason, Simulator};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::plan::{Failure, Invocation, Moment, Plan};

/// The simulator's limit of a response, and a little more so that it is the simulator that refuses.
const LARGEST: usize = 8 << 20;
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const REGION: &str = "eu-central-1";
const ACCOUNT: &str = "123456789012";
const NAME: &str = "function";

/// What was seen so far.
#[derive(Default)]
pub struct Record {
    pub timeline: Vec<(String, Instant)>,
    /// Extensions that registered, by identifier: their names.
    registered: HashMap<String, String>,
    /// Extensions that asked for an event, by identifier, with how often.
    asked: HashMap<String, usize>,
    /// How often the runtime asked for an event.
    pub runtime_asked: usize,
    pub init_error: Option<Failure>,
    invocations: HashMap<String, Invocation>,
}

impl Record {
    pub fn mark(&mut self, what: impl Into<String>) {
        self.timeline.push((what.into(), Instant::now()));
    }

    pub fn registered(&self) -> usize {
        self.registered.len()
    }

    /// Extensions that asked for an event at least `times` times.
    pub fn asked(&self, times: usize) -> usize {
        self.asked.values().filter(|count| **count >= times).count()
    }

    /// Moments relative to the first.
    pub fn moments(&self) -> Vec<Moment> {
        let Some((_, start)) = self.timeline.first() else { return Vec::new() };
        let at = |when: &Instant| when.duration_since(*start).as_secs_f64() * 1e3;
        self.timeline.iter().map(|(what, when)| Moment { what: what.clone(), at: at(when) }).collect()
    }
}

struct Shared {
    record: Mutex<Record>,
    changed: Notify,
    simulator: SocketAddr,
    client: Client<HttpConnector, Full<axum::body::Bytes>>,
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("no holder of the lock panics")
    }
}

/// The running service.
pub struct Service {
    simulator: Simulator,
    shared: Arc<Shared>,
    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub address: SocketAddr,
    timeout: Duration,
}

impl Service {
    /// Starts simulator and front on ports of the loopback interface.
    pub async fn start(plan: &Plan) -> Result<Self> {
        let timeout = Duration::from_secs(plan.timeout);
        let simulator = Simulator::builder()
            .invocation_timeout(timeout)
            .function_name(NAME)
            .memory_size_mb(plan.memory)
            .handler(&plan.handler)
            .region(REGION)
            .account_id(ACCOUNT)
            .build()
            .await
            .context("the Lambda simulator does not start")?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let shared = Arc::new(Shared {
            record: Mutex::default(),
            changed: Notify::new(),
            simulator: simulator.addr(),
            client,
        });
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for the Lambda APIs")?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { simulator, shared, address, timeout })
    }

    /// The variables that Lambda sets for the runtime.
    pub fn environment(&self) -> HashMap<String, String> {
        let mut variables = self.simulator.lambda_env_vars();
        variables.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), self.address.to_string());
        variables
    }

    /// What was seen so far.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.shared.record()
    }

    /// Waits until `ready` finds what it looks for.
    pub async fn until<T>(&self, mut ready: impl FnMut(&Record) -> Option<T>) -> T {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change in between is missed.
            changed.as_mut().enable();
            if let Some(found) = ready(&self.record()) {
                return found;
            }
            changed.await;
        }
    }

    /// Gives the runtime an event and the extensions notice of it; the invocation's number.
    pub async fn send(&self, event: Value) -> Result<String> {
        let invocation = InvocationBuilder::new()
            .payload(event)
            .timeout_ms(u64::try_from(self.timeout.as_millis())?)
            .function_arn(format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"))
            .build()?;
        self.record().mark("event sent");
        Ok(self.simulator.enqueue(invocation).await)
    }

    /// Waits for the answer to an event.
    pub async fn answer(&self, id: &str) -> Invocation {
        self.until(|record| record.invocations.get(id).cloned()).await
    }

    /// Sends SHUTDOWN to the extensions and waits for them, 2 s at most.
    pub async fn shut_down(self) -> Vec<Moment> {
        self.record().mark("shutdown");
        self.simulator.graceful_shutdown(ShutdownReason::Spindown).await;
        self.shared.record().moments()
    }
}

/// One request: noted, passed on to the simulator, and its answer put right.
async fn answer(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, r#"{"errorType":"Runtime.RequestTooLarge"}"#);
    };
    let path = head.uri.path().to_owned();
    let call = Call::of(&head.method, &path, &head.headers);
    note_request(&shared, &call, &head.headers, &body);

    let mut passed = Request::builder().method(head.method).uri(format!("http://{}{path}", shared.simulator));
    if let Some(headers) = passed.headers_mut() {
        *headers = head.headers;
        headers.remove(header::HOST);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let Ok(passed) = passed.body(Full::new(body)) else { return plain(StatusCode::BAD_REQUEST, "") };
    let Ok(answered) = shared.client.request(passed).await else {
        // The simulator has ended.
        return plain(StatusCode::INTERNAL_SERVER_ERROR, r#"{"errorType":"ContainerError"}"#);
    };
    let (mut head, body) = answered.into_parts();
    if head.status.is_success() {
        match call {
            Call::Report { .. } | Call::InitError => {
                return plain(StatusCode::ACCEPTED, r#"{"status":"OK"}"#);
            }
            Call::Next => {
                let json = HeaderValue::from_static("application/json");
                head.headers.insert(header::CONTENT_TYPE, json);
            }
            Call::Register { name } => note_registration(&shared, name, &head.headers),
            Call::ExtensionNext { .. } | Call::Other => {}
        }
    }
    Response::from_parts(head, Body::new(body))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What a request is about.
enum Call {
    Next,
    Report { id: String, error: bool },
    InitError,
    Register { name: String },
    ExtensionNext { id: String },
    Other,
}

impl Call {
    fn of(method: &Method, path: &str, headers: &HeaderMap) -> Self {
        let text =
            |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method.as_str(), &parts[..]) {
            ("GET", ["2018-06-01", "runtime", "invocation", "next"]) => Self::Next,
            ("POST", ["2018-06-01", "runtime", "invocation", id, kind @ ("response" | "error")]) => {
                Self::Report { id: (*id).to_owned(), error: *kind == "error" }
            }
            ("POST", ["2018-06-01", "runtime", "init", "error"]) => Self::InitError,
            ("POST", ["2020-01-01", "extension", "register"]) => {
                Self::Register { name: text("lambda-extension-name") }
            }
            ("GET", ["2020-01-01", "extension", "event", "next"]) => {
                Self::ExtensionNext { id: text("lambda-extension-identifier") }
            }
            _ => Self::Other,
        }
    }
}

fn note_request(shared: &Shared, call: &Call, headers: &HeaderMap, body: &[u8]) {
    let value = || serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into());
    let failure = || Failure {
        error_type: headers.get(ERROR_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned),
        body: value(),
    };
    let mut record = shared.record();
    match call {
        Call::Next => {
            record.runtime_asked += 1;
            if record.runtime_asked == 1 {
                record.mark("handler imported, runtime asks for an event");
            }
        }
        Call::Report { id, error: false } => {
            record.mark("response");
            record.invocations.insert(id.clone(), Invocation::Response(value()));
        }
        Call::Report { id, error: true } => {
            record.mark("error reported");
            record.invocations.insert(id.clone(), Invocation::Error(failure()));
        }
        Call::InitError => {
            record.mark("initialisation error reported");
            record.init_error = Some(failure());
        }
        Call::ExtensionNext { id } => {
            let count = record.asked.entry(id.clone()).or_default();
            *count += 1;
            if *count == 1 {
                let name = record.registered.get(id).cloned().unwrap_or_default();
                record.mark(format!("extension {name} asks for an event"));
            }
        }
        Call::Register { name } => record.mark(format!("extension {name} registers")),
        Call::Other => {}
    }
    drop(record);
    shared.changed.notify_waiters();
}

fn note_registration(shared: &Shared, name: String, headers: &HeaderMap) {
    let id = headers.get("lambda-extension-identifier").and_then(|v| v.to_str().ok()).unwrap_or_default();
    shared.record().registered.insert(id.to_owned(), name);
    shared.changed.notify_waiters();
}
