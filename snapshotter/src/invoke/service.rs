//! Lambda's APIs: the simulator, and in front of it a layer that makes it answer as the real service
//! does and keeps a record.
//!
//! What the front changes (of `lambda-simulator` 0.2.0):
//! - `/next` says `Content-Type: application/json`; without it awslambdaric hands the handler a str;
//! - requests need no `Content-Type`; the simulator wants one where it reads JSON;
//! - what the runtime reports is answered with 202 and a status in JSON; the simulator answers an
//!   initialisation error with 200, which awslambdaric takes for a failure.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::serve::IncomingStream;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_simulator::{InvocationBuilder, ShutdownReason, Simulator};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::faults::{Fault, Faulty, Wrong};
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
    /// Extensions that had a wrong answer: nothing more is expected of them.
    excused: HashSet<String>,
    /// How often the runtime asked for an event.
    pub runtime_asked: usize,
    pub init_error: Option<Failure>,
    invocations: HashMap<String, Invocation>,
}

impl Record {
    pub fn mark(&mut self, what: impl Into<String>) {
        self.mark_at(what, Instant::now());
    }

    pub fn mark_at(&mut self, what: impl Into<String>, at: Instant) {
        self.timeline.push((what.into(), at));
    }

    /// Extensions that registered, or need not.
    pub fn registered(&self) -> usize {
        let missing =
            self.excused.iter().filter(|name| !self.registered.values().any(|other| other == *name));
        self.registered.len() + missing.count()
    }

    /// Extensions that asked for an event at least `times` times, or need not.
    pub fn asked(&self, times: usize) -> usize {
        let name = |id: &String| self.registered.get(id);
        let excused = |id: &String| name(id).is_some_and(|name| self.excused.contains(name));
        let asked = self.asked.iter().filter(|(id, count)| **count >= times && !excused(id));
        asked.count() + self.excused.len()
    }

    /// Moments relative to the first, in their order.
    pub fn moments(&self) -> Vec<Moment> {
        let mut timeline = self.timeline.clone();
        timeline.sort_by_key(|(_, when)| *when);
        let Some(start) = timeline.first().map(|(_, when)| *when) else { return Vec::new() };
        let at = |when: &Instant| when.duration_since(start).as_secs_f64() * 1e3;
        timeline.iter().map(|(what, when)| Moment { what: what.clone(), at: at(when) }).collect()
    }
}

struct Shared {
    faults: Vec<Fault>,
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
        connect(&client, simulator.addr()).await;
        let shared = Arc::new(Shared {
            faults: plan.faults.clone(),
            record: Mutex::default(),
            changed: Notify::new(),
            simulator: simulator.addr(),
            client,
        });
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for the Lambda APIs")?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let router = router.into_make_service_with_connect_info::<Connection>();
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

/// Connects the front to the simulator, for the two that may wait for an event at once, a runtime and an extension.
/// The real service has no such second connection, so no start is to wait for it.
async fn connect(client: &Client<HttpConnector, Full<axum::body::Bytes>>, simulator: SocketAddr) {
    let ask = async || {
        // There is nothing at this path. Where the simulator does not answer, the first request is going to say so.
        let request = Request::get(format!("http://{simulator}/")).body(Full::default());
        if let Ok(request) = request
            && let Ok(answered) = client.request(request).await
        {
            // A connection is free again when its answer has been read.
            let _ = answered.into_body().collect().await;
        }
    };
    tokio::join!(ask(), ask());
}

/// A connection of a client.
#[derive(Clone)]
struct Connection {
    /// When it was made.
    since: Instant,
    /// Another descriptor of the same socket.
    socket: Option<Arc<std::net::TcpStream>>,
    /// Whether it has brought a request.
    used: Arc<AtomicBool>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let socket = stream.io().as_fd().try_clone_to_owned().ok().map(|socket| Arc::new(socket.into()));
        Self { since: Instant::now(), socket, used: Arc::default() }
    }
}

/// One request: noted, passed on to the simulator, and its answer put right.
async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request<Body>,
) -> Response<Body> {
    let is_first = !connection.used.swap(true, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, r#"{"errorType":"Runtime.RequestTooLarge"}"#);
    };
    let path = head.uri.path().to_owned();
    let call = Call::of(&head.method, &path, &head.headers);
    note_request(&shared, &call, &head.headers, &body, is_first.then_some(connection.since));
    if let Some(wrong) = shared.faults.iter().find_map(|fault| call.suffers(fault))
        && let Some(answer) = go_wrong(&shared, &call, wrong, &connection).await
    {
        return answer;
    }

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

/// The wrong answer, if it is not the right one too late.
async fn go_wrong(
    shared: &Shared,
    call: &Call,
    wrong: Wrong,
    connection: &Connection,
) -> Option<Response<Body>> {
    if let Wrong::Slow(time) = wrong {
        tokio::time::sleep(time).await;
        return None;
    }
    let name = match call {
        Call::Register { name } => Some(name.clone()),
        Call::ExtensionNext { id } => shared.record().registered.get(id).cloned(),
        _ => None,
    };
    shared.record().excused.extend(name);
    shared.changed.notify_waiters();
    match wrong {
        Wrong::Silent => std::future::pending().await,
        Wrong::Close => {
            let _ = connection.socket.as_ref().map(|socket| socket.shutdown(Shutdown::Both));
            Some(plain(StatusCode::OK, "nobody reads this"))
        }
        Wrong::Slow(_) => None,
        Wrong::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Some(plain(status, r#"{"errorType":"Extension.Fault","errorMessage":"asked for by --fault"}"#))
        }
    }
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
    fn suffers(&self, fault: &Fault) -> Option<Wrong> {
        let hit = matches!(
            (self, fault.call),
            (Self::Register { .. }, Faulty::Register) | (Self::ExtensionNext { .. }, Faulty::Next)
        );
        hit.then_some(fault.wrong)
    }

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

/// `connected` is when the connection was made, if this is its first request.
fn note_request(shared: &Shared, call: &Call, headers: &HeaderMap, body: &[u8], connected: Option<Instant>) {
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
                // awslambdaric imports the handler and then connects, for this very request
                // (bootstrap.py, `run`; `runtime_client` makes no connection before).
                if let Some(connected) = connected {
                    record.mark_at("handler imported", connected);
                }
                record.mark("runtime asks for an event");
            }
        }
        Call::Report { id, error: false } => {
            let first = record.invocations.is_empty();
            record.mark(if first { "first response" } else { "response" });
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
