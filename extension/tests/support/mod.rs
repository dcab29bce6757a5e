//! A small Extensions API, archives with plans, and the extension running between them.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use glowplug_archive::fingerprint::{Fingerprint, this_machine};
use glowplug_archive::header::{StringMark, Validation};
use glowplug_archive::heap::{HeapBuilder, Objects};
use glowplug_archive::manifest::Manifest;
use glowplug_archive::plan::{Base, PlanEntry};
use glowplug_archive::writer::{self, Contents, ModuleEntry};

/// Longest wait for anything that should happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the API does with a request.
pub enum Answer {
    /// An answer to `register`.
    Registered,
    /// An event.
    Event(&'static str),
    /// This status, with an empty body.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
    /// The connection is kept open and nothing is said.
    Silence,
    /// As the one inside, a little later.
    Later(Duration, Box<Answer>),
}

/// The API's side of one request.
pub struct Request {
    /// `POST /2020-01-01/extension/register`.
    pub line: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
    /// When all of it had arrived.
    pub arrived: Instant,
    stream: TcpStream,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub fn answer(mut self, answer: Answer) {
        let (status, headers, body) = match answer {
            Answer::Registered => {
                let body = r#"{"functionName":"f","functionVersion":"1","handler":"app.handler"}"#;
                (200, "Lambda-Extension-Identifier: an-identifier\r\n", body.to_owned())
            }
            Answer::Event(kind) => (200, "", format!(r#"{{"eventType":"{kind}","deadlineMs":1}}"#)),
            Answer::Status(status) => (status, "", String::new()),
            Answer::Close => {
                let _ = self.stream.shutdown(Shutdown::Both);
                return;
            }
            Answer::Silence => {
                std::mem::forget(self.stream);
                return;
            }
            Answer::Later(pause, answer) => {
                thread::sleep(pause);
                return self.answer(*answer);
            }
        };
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        let _ = self.stream.write_all(text.as_bytes());
    }
}

/// A local Extensions API: requests come out one by one, and the test answers them.
pub struct Api {
    pub address: String,
    requests: Receiver<Request>,
}

impl Api {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender: Sender<Request> = sender.clone();
                thread::spawn(move || {
                    if let Some(request) = receive(stream) {
                        let _ = sender.send(request);
                    }
                });
            }
        });
        Self { address, requests }
    }

    /// The next request.
    pub fn request(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).expect("the extension sends a request")
    }

    /// The next request, if one comes within `time`.
    pub fn request_within(&self, time: Duration) -> Option<Request> {
        self.requests.recv_timeout(time).ok()
    }

    /// Answers the registration.
    pub fn register(&self) -> Instant {
        let request = self.request();
        assert_eq!(request.line, "POST /2020-01-01/extension/register");
        let arrived = request.arrived;
        request.answer(Answer::Registered);
        arrived
    }

    /// The request for the next event.
    pub fn next(&self) -> Request {
        let request = self.request();
        assert_eq!(request.line, "GET /2020-01-01/extension/event/next");
        assert_eq!(request.header("lambda-extension-identifier"), "an-identifier");
        request
    }

    /// Has the environment end with the next event.
    pub fn shut_down(&self) {
        self.next().answer(Answer::Event("SHUTDOWN"));
    }
}

fn receive(stream: TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(key, _)| key == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = lines[0].trim_end_matches(" HTTP/1.1").to_owned();
    let body = String::from_utf8(body).ok()?;
    Some(Request { line, headers, body, arrived: Instant::now(), stream: reader.into_inner() })
}

/// A folder that stands for `/opt`, `/var/task` and `/var/lang`.
pub struct Sandbox {
    pub folder: tempfile::TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["opt/glowplug", "task", "lang"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("made");
        }
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the function and says how it stands in a plan.
    pub fn function_file(&self, name: &str, content: &[u8]) -> PlanEntry {
        std::fs::write(self.path("task").join(name), content).expect("written");
        function_entry(name, 0, content.len() as u64, content.len() as u64)
    }

    /// Writes an archive that reads all of itself ahead, and then `others`.
    pub fn archive(&self, name: &str, others: &[PlanEntry]) -> PathBuf {
        self.archive_for(name, this_machine(), 12, others)
    }

    /// The same for a machine and a minor version of Python.
    pub fn archive_for(&self, name: &str, machine: u16, minor: u32, others: &[PlanEntry]) -> PathBuf {
        let path = self.path("opt/glowplug").join(format!("{name}.glow"));
        writer::write(contents(name, machine, minor), &path).expect("the archive can be written");
        let size = std::fs::metadata(&path).expect("written").len();
        let mut entries = vec![own_entry(0, size)];
        entries.extend_from_slice(others);
        writer::add_plan(&path, &entries).expect("the plan fits");
        path
    }

    /// The extension, ready to be started.
    pub fn command(&self, api: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glowplug-extension"));
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api)
            .env("GLOWPLUG_OPT", self.path("opt"))
            .env("GLOWPLUG_TASK_ROOT", self.path("task"))
            .env("GLOWPLUG_RUNTIME_PREFIX", self.path("lang"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the extension with more variables.
    pub fn start(&self, api: &Api, variables: &[(&str, &str)]) -> Running {
        let mut command = self.command(&api.address);
        command.envs(variables.iter().copied());
        Running::start(command)
    }
}

/// A range of a file of the function.
pub fn function_entry(path: &str, offset: u64, length: u64, file_size: u64) -> PlanEntry {
    PlanEntry {
        base: Base::Function,
        origin: "/no/such/origin".to_owned(),
        path: path.to_owned(),
        offset,
        length,
        file_size,
        hot: false,
    }
}

/// A range of the archive itself.
pub fn own_entry(offset: u64, length: u64) -> PlanEntry {
    PlanEntry {
        base: Base::Archive,
        origin: String::new(),
        path: String::new(),
        offset,
        length,
        file_size: 0,
        hot: true,
    }
}

/// An archive of a few modules.
fn contents(name: &str, machine: u16, minor: u32) -> Contents {
    let mut heap = HeapBuilder::default();
    let mut module = |number: u32| {
        let (mut persistent, mut transient) = (Objects::default(), Objects::default());
        persistent.push(&vec![number as u8; 50_000]);
        let code = transient.push(&[number as u8; 16]);
        let name = format!("module{number}");
        let path = format!("{name}.py");
        let code = Some((heap.add_module(persistent, transient), code));
        ModuleEntry { name, root: 0, path, flags: 0, code, source: None }
    };
    let modules = (0..8).map(&mut module).collect();
    Contents {
        fingerprint: Fingerprint {
            machine,
            page_size: 4096,
            python_version: (3 << 24) | (minor << 16),
            flags: 0,
            soabi: format!("cpython-3{minor}-x86_64-linux-gnu"),
            interpreter: vec![7; 20],
            libc: vec![9; 20],
        },
        validation: Validation::Unchecked,
        optimize: 0,
        string_mark: StringMark::default(),
        garbage: 0,
        roots: vec![(glowplug_archive::modules::RootKind::Function, "/srv".to_owned())],
        heap,
        modules,
        compiled: Vec::new(),
        regexes: Vec::new(),
        manifest: Manifest {
            glowplug: "0.1.0".to_owned(),
            name: name.to_owned(),
            target: "app.handler".to_owned(),
            python: String::new(),
            validation: Validation::Unchecked,
            roots: Vec::new(),
            modules: Vec::new(),
            extensions: Vec::new(),
            left_out: Vec::new(),
            stale_pyc: Vec::new(),
            shared_libraries: Vec::new(),
            data_files: Vec::new(),
            regexes: 0,
            compiled: Vec::new(),
        },
    }
}

/// The extension as it runs. It is ended when this is dropped.
pub struct Running {
    pub begun: Instant,
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let begun = Instant::now();
        let mut child = command.spawn().expect("the extension starts");
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { begun, child, lines }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of log.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the extension logs a line")
    }

    /// Whether nothing more is logged for a moment.
    pub fn is_silent(&self) -> bool {
        self.lines.recv_timeout(Duration::from_millis(150)).is_err()
    }

    /// Whether it goes on running for a moment.
    pub fn stays(&mut self) -> bool {
        thread::sleep(Duration::from_millis(150));
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// How it ended.
    pub fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return status;
            }
            assert!(Instant::now() < end, "the extension does not end");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value of a field in a plain line.
pub fn field<'a>(line: &'a str, key: &str) -> &'a str {
    line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
}

/// The same as a number.
pub fn number(line: &str, key: &str) -> u64 {
    field(line, key).parse().unwrap_or_else(|_| panic!("no number {key} in: {line}"))
}

/// Flips a bit of a file.
pub fn damage(path: &Path, at: u64) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::options().read(true).write(true).open(path).expect("there");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("inside");
    file.write_all_at(&[byte[0] ^ 4], at).expect("written");
}
