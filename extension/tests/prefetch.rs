//! What is read ahead, within which bounds, and what is said about it.

mod support;

use std::time::Duration;

use glowplug_archive::Archive;
use glowplug_archive::header::SectionKind;
use glowplug_archive::plan::{Base, PlanEntry};
use support::{Answer, Api, Running, Sandbox, damage, field, function_entry, number};

/// Starts the extension, lets it register and finish, and returns its line.
fn line_of(sandbox: &Sandbox, variables: &[(&str, &str)]) -> String {
    let api = Api::start();
    let running = sandbox.start(&api, variables);
    api.register();
    let _next = api.next();
    running.line()
}

/// Drops a file from the page cache; whether that worked is for the caller to judge.
fn evict(path: &std::path::Path) {
    let file = std::fs::File::open(path).expect("there");
    file.sync_all().expect("written to disk");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("advised");
}

#[test]
fn the_plan_is_read_to_its_end_and_the_archive_is_verified() {
    let sandbox = Sandbox::new();
    let data = sandbox.function_file("data.json", &vec![1; 100_000]);
    let library = function_entry("library.so", 8192, 300_000, 1_000_000);
    sandbox.function_file("library.so", &vec![2; 1_000_000]);
    let archive = sandbox.archive("app", &[data, library]);
    let line = line_of(&sandbox, &[]);
    let size = std::fs::metadata(&archive).expect("there").len();
    assert_eq!(field(&line, "stopped_by"), "done", "{line}");
    assert_eq!(field(&line, "archive"), "app.glow");
    assert_eq!(number(&line, "files"), 3);
    assert_eq!(number(&line, "planned_bytes"), size + 400_000);
    assert_eq!(number(&line, "read_bytes") + number(&line, "resident_bytes"), size + 400_000);
    let archive = Archive::open(&archive).expect("sound");
    assert!(
        number(&line, "verified_bytes") >= archive.section(SectionKind::Heap).expect("there").len() as u64,
        "{line}"
    );
    assert_eq!(field(&line, "faults"), "");
}

#[test]
fn what_was_not_in_the_page_cache_is_there_afterwards() {
    let sandbox = Sandbox::new();
    let data = sandbox.function_file("data.bin", &vec![1; 3_000_000]);
    let archive = sandbox.archive("app", &[data]);
    evict(&sandbox.path("task/data.bin"));
    evict(&archive);
    let first = line_of(&sandbox, &[]);
    let second = line_of(&sandbox, &[]);
    let planned = number(&first, "planned_bytes");
    if field(&first, "resident_bytes") == "null" {
        return; // A file system that cannot say.
    }
    assert_eq!(number(&second, "resident_bytes"), planned, "{second}");
    // A file system in memory cannot be evicted from.
    if number(&first, "read_bytes") > 0 {
        assert!(number(&first, "read_bytes") > 2_000_000, "{first}");
    }
}

#[test]
fn files_are_found_where_lambda_has_them_or_where_they_were() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.path("elsewhere");
    let site = sandbox.path("opt/python/lib/python3.12/site-packages/pkg");
    let lang = sandbox.path("lang/lib");
    for folder in [&elsewhere, &site, &lang] {
        std::fs::create_dir_all(folder).expect("made");
    }
    std::fs::write(elsewhere.join("kept"), [1; 10]).expect("written");
    std::fs::write(site.join("moved.so"), [1; 20]).expect("written");
    std::fs::write(lang.join("libpython.so"), [1; 30]).expect("written");
    std::fs::write(sandbox.path("opt/glowplug/start.py"), [1; 40]).expect("written");
    let entry = |base, origin: &str, path: &str, file_size| PlanEntry {
        base,
        origin: origin.to_owned(),
        path: path.to_owned(),
        offset: 0,
        length: file_size,
        file_size,
        hot: false,
    };
    let origin = elsewhere.to_str().expect("UTF-8");
    let entries = [
        entry(Base::Path, origin, "kept", 10),
        entry(Base::Path, "/gone/site-packages", "pkg/moved.so", 20),
        entry(Base::Runtime, "/gone", "lib/libpython.so", 30),
        entry(Base::Layer, "/gone", "glowplug/start.py", 40),
        entry(Base::Absolute, "/", &elsewhere.join("kept").to_str().expect("UTF-8")[1..], 10),
    ];
    let archive = sandbox.archive("app", &entries);
    let line = line_of(&sandbox, &[]);
    let size = std::fs::metadata(archive).expect("there").len();
    assert_eq!(number(&line, "read_bytes") + number(&line, "resident_bytes"), size + 110, "{line}");
    assert_eq!(number(&line, "files"), 6);
    assert_eq!(field(&line, "missing"), "");
}

#[test]
fn a_file_that_is_gone_or_another_one_is_passed_over_and_counted() {
    let sandbox = Sandbox::new();
    sandbox.function_file("grown", &[1; 200]);
    let entries = [
        function_entry("gone", 0, 10, 10),
        function_entry("grown", 0, 10, 100),
        function_entry("grown", 50, 10, 100),
    ];
    sandbox.archive("app", &entries);
    std::fs::create_dir(sandbox.path("task/gone")).expect("a folder of that name");
    let line = line_of(&sandbox, &[]);
    assert_eq!((number(&line, "missing"), number(&line, "different")), (1, 1), "{line}");
    assert_eq!(field(&line, "stopped_by"), "done");
}

#[test]
fn the_first_invocation_stops_it() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    let big = sandbox.function_file("big", &vec![1; 1 << 20]);
    sandbox.archive("app", &vec![big; 100_000]);
    let running = sandbox.start(&api, &[("GLOWPLUG_PREFETCH_MS", "60000")]);
    api.register();
    let next = api.next();
    next.answer(Answer::Event("INVOKE"));
    let line = running.line();
    assert_eq!(field(&line, "stopped_by"), "invoke", "{line}");
    assert!(number(&line, "read_bytes") + number(&line, "resident_bytes") < number(&line, "planned_bytes"));
    // And it answers the invocation, so that the environment can go on.
    api.next().answer(Answer::Event("INVOKE"));
    api.shut_down();
    assert!(running.is_silent());
}

#[test]
fn a_time_limit_stops_it() {
    let sandbox = Sandbox::new();
    let big = sandbox.function_file("big", &vec![1; 1 << 20]);
    sandbox.archive("app", &vec![big; 100_000]);
    let line = line_of(&sandbox, &[("GLOWPLUG_PREFETCH_MS", "20")]);
    assert_eq!(field(&line, "stopped_by"), "time", "{line}");
    assert!(number(&line, "microseconds") < 1_000_000, "{line}");
}

#[test]
fn with_128_mb_at_most_half_of_it_is_read() {
    let sandbox = Sandbox::new();
    let file = std::fs::File::create(sandbox.path("task/big")).expect("made");
    file.set_len(200 << 20).expect("a sparse file");
    sandbox.archive("app", &[function_entry("big", 0, 200 << 20, 200 << 20)]);
    let variables = [("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"), ("GLOWPLUG_PREFETCH_MS", "60000")];
    let line = line_of(&sandbox, &variables);
    assert_eq!(field(&line, "stopped_by"), "memory", "{line}");
    let read = number(&line, "read_bytes") + number(&line, "resident_bytes");
    assert!((32 << 20..=64 << 20).contains(&read), "{line}");
}

#[test]
fn a_damaged_module_is_named_and_the_rest_is_read() {
    let sandbox = Sandbox::new();
    let data = sandbox.function_file("data", &[1; 1000]);
    let path = sandbox.archive("app", &[data]);
    let archive = Archive::open(&path).expect("sound");
    let (place, _) = archive.stored_span(&archive.ranges()[3]);
    damage(&path, place + 100);
    let line = line_of(&sandbox, &[]);
    assert!(line.contains("checksum mismatch in range 3"), "{line}");
    assert_eq!((field(&line, "stopped_by"), number(&line, "files")), ("done", 2));
}

#[test]
fn an_archive_whose_header_or_plan_is_damaged_is_one_line() {
    for at in [8, 60, 4096 + 30] {
        let sandbox = Sandbox::new();
        damage(&sandbox.archive("app", &[]), at);
        let (api, mut running);
        api = Api::start();
        running = sandbox.start(&api, &[]);
        api.register();
        let next = api.next();
        let line = running.line();
        assert!(line.contains("app.glow") && line.contains("nothing of it is read ahead"), "{line}");
        assert!(running.is_silent() && running.stays());
        next.answer(Answer::Event("SHUTDOWN"));
        assert!(running.ended().success());
    }
}

#[test]
fn an_archive_cut_short_while_it_is_read_is_counted_and_nothing_crashes() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    // Something to read first, so that the archive is open and unread when it is cut.
    let before = sandbox.function_file("before", &[1; 4096]);
    let path = sandbox.archive("app", &[]);
    let size = std::fs::metadata(&path).expect("there").len();
    let mut entries = vec![before; 100_000];
    entries.push(support::own_entry(4096, size - 4096));
    glowplug_archive::writer::add_plan(&path, &entries).expect("it fits");
    let mut running = sandbox.start(&api, &[("GLOWPLUG_PREFETCH_MS", "60000")]);
    api.register();
    let next = api.next();
    std::fs::File::options().write(true).open(&path).expect("there").set_len(20_000).expect("cut");
    let line = running.line();
    // Either it was open already, or it is refused: both are one line.
    let noticed = !field(&line, "cut_short").is_empty() || line.contains("truncated");
    assert!(noticed, "{line}");
    next.answer(Answer::Event("SHUTDOWN"));
    assert!(running.ended().success());
}

#[test]
fn no_archive_is_one_line() {
    let sandbox = Sandbox::new();
    let line = line_of(&sandbox, &[]);
    assert!(line.contains("no archive in"), "{line}");
    let sandbox = Sandbox::new();
    let line = line_of(&sandbox, &[("GLOWPLUG_ARCHIVE", "/no/such/file.glow")]);
    assert!(line.contains("/no/such/file.glow"), "{line}");
}

#[test]
fn an_archive_without_a_plan_is_one_line() {
    let sandbox = Sandbox::new();
    let path = sandbox.archive("app", &[]);
    let archive = Archive::open(&path).expect("sound");
    // What the writer left before a plan was added: the same file with another kind of section 11.
    let mut bytes = std::fs::read(archive.path()).expect("read");
    bytes[176] = 99;
    let sum = glowplug_archive::checksum::of(&bytes[..4088]);
    bytes[4088..4096].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, bytes).expect("written");
    let line = line_of(&sandbox, &[]);
    assert!(line.contains("the plan section is missing"), "{line}");
}

#[test]
fn of_two_archives_both_plans_are_followed_unless_the_runtime_tells_them_apart() {
    let machine = glowplug_archive::fingerprint::this_machine();
    let sandbox = Sandbox::new();
    sandbox.archive_for("one", machine, 12, &[]);
    sandbox.archive_for("two", machine, 13, &[]);
    sandbox.archive_for("other-machine", 183 + 62 - machine, 12, &[]);
    let line = line_of(&sandbox, &[]);
    assert_eq!(field(&line, "archive"), "one.glow,two.glow");
    assert_eq!(field(&line, "faults"), "");

    std::fs::create_dir_all(sandbox.path("lang/lib/python3.13")).expect("made");
    assert_eq!(field(&line_of(&sandbox, &[]), "archive"), "two.glow");

    let named = sandbox.path("opt/glowplug/one.glow");
    let line = line_of(&sandbox, &[("GLOWPLUG_ARCHIVE", named.to_str().expect("UTF-8"))]);
    assert_eq!(field(&line, "archive"), "one.glow");
}

#[test]
fn an_archive_in_the_functions_directory_is_found_too() {
    let sandbox = Sandbox::new();
    let path = sandbox.archive("app", &[]);
    std::fs::rename(path, sandbox.path("task/app.glow")).expect("moved");
    assert_eq!(field(&line_of(&sandbox, &[]), "archive"), "app.glow");
}

#[test]
fn an_unreadable_layer_is_one_line() {
    let sandbox = Sandbox::new();
    // A file where a folder is expected: also root cannot list it.
    std::fs::remove_dir(sandbox.path("opt/glowplug")).expect("empty");
    std::fs::write(sandbox.path("opt/glowplug"), "").expect("written");
    let line = line_of(&sandbox, &[]);
    assert!(line.contains("opt/glowplug: "), "{line}");
}

#[test]
fn the_line_is_json_where_the_function_logs_json() {
    let sandbox = Sandbox::new();
    sandbox.archive("app", &[]);
    let line = line_of(&sandbox, &[("AWS_LAMBDA_LOG_FORMAT", "JSON")]);
    let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(value["level"], "INFO");
    assert_eq!(value["logger"], "glowplug.extension");
    assert_eq!(value["archive"], "app.glow");
    assert_eq!(value["stopped_by"], "done");
    assert!(value["microseconds"].as_u64().is_some_and(|n| n > 0));
    assert!(value["timestamp"].as_str().is_some_and(|t| t.ends_with('Z')));

    let sandbox = Sandbox::new();
    let line = line_of(&sandbox, &[("AWS_LAMBDA_LOG_FORMAT", "JSON")]);
    let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(value["level"], "WARN");
}

#[test]
fn a_pipe_among_the_planned_files_does_not_hold_it_up() {
    let sandbox = Sandbox::new();
    let status = std::process::Command::new("mkfifo").arg(sandbox.path("task/pipe")).status();
    if !status.is_ok_and(|s| s.success()) {
        return;
    }
    sandbox.archive("app", &[function_entry("pipe", 0, 10, 10)]);
    assert_eq!(number(&line_of(&sandbox, &[]), "missing"), 1);
}

#[test]
fn without_memory_for_a_thread_it_registers_and_stays() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    sandbox.archive("app", &[]);
    // RLIMIT_AS leaves room for the program and not for its buffers.
    let mut command = std::process::Command::new("prlimit");
    let inner = sandbox.command(&api.address);
    command.args(["--as=4500000"]).arg(inner.get_program());
    command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    // A panic of this build would print one for want of memory, and wait for ever for want of memory.
    command.env("RUST_BACKTRACE", "0");
    command.stderr(std::process::Stdio::piped());
    if std::process::Command::new("prlimit").arg("--version").output().is_err() {
        return;
    }
    let mut running = Running::start(command);
    match api.request_within(Duration::from_secs(5)) {
        Some(register) => {
            register.answer(Answer::Registered);
            let next = api.next();
            let _line = running.line();
            assert!(running.stays());
            next.answer(Answer::Event("SHUTDOWN"));
            assert!(running.ended().success());
        }
        // A dynamically linked build does not even start with so little.
        None => assert!(!running.ended().success()),
    }
}
