//! The extension and the Extensions API: what it asks for when, and what it does when that fails.

mod support;

use std::time::Duration;

use support::{Answer, Api, Sandbox, field};

#[test]
fn it_registers_by_its_file_name_and_then_asks_for_events_until_shutdown() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    sandbox.archive("app", &[]);
    let mut running = sandbox.start(&api, &[]);
    let register = api.request();
    assert_eq!(register.line, "POST /2020-01-01/extension/register");
    assert_eq!(register.header("lambda-extension-name"), "glowplug-extension");
    assert_eq!(register.body, r#"{"events":["INVOKE","SHUTDOWN"]}"#);
    register.answer(Answer::Registered);
    for _ in 0..3 {
        api.next().answer(Answer::Event("INVOKE"));
    }
    api.next().answer(Answer::Event("SOMETHING_NEW"));
    api.shut_down();
    assert!(running.ended().success());
}

#[test]
fn its_name_is_that_of_the_link_it_was_started_by() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    let link = sandbox.path("glowplug");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_glowplug-extension"), &link).expect("linked");
    let mut command = std::process::Command::new(link);
    command.env_clear().env("AWS_LAMBDA_RUNTIME_API", &api.address).stderr(std::process::Stdio::piped());
    let _running = support::Running::start(command);
    assert_eq!(api.request().header("lambda-extension-name"), "glowplug");
}

#[test]
fn init_does_not_wait_for_reading() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    // A plan that takes a while.
    let big = vec![1; 64 << 20];
    let entry = sandbox.function_file("big", &big);
    sandbox.archive("app", &[entry]);
    let running = sandbox.start(&api, &[]);
    let registered = api.register();
    let next = api.next();
    assert!(next.arrived - registered < Duration::from_secs(1));
    drop(next);
    drop(running);
}

#[test]
fn a_refused_registration_is_one_line_and_the_process_stays() {
    for status in [400, 403, 500] {
        let (api, sandbox) = (Api::start(), Sandbox::new());
        let mut running = sandbox.start(&api, &[("GLOWPLUG_PREFETCH", "off")]);
        api.request().answer(Answer::Status(status));
        let line = running.line();
        assert!(line.contains("register") && line.contains(&status.to_string()), "{line}");
        assert!(running.stays() && running.is_silent());
        assert!(api.request_within(Duration::from_millis(100)).is_none());
    }
}

#[test]
fn a_refused_next_is_one_line_and_the_process_stays() {
    for status in [403, 500] {
        let (api, sandbox) = (Api::start(), Sandbox::new());
        let mut running = sandbox.start(&api, &[("GLOWPLUG_PREFETCH", "off")]);
        api.register();
        api.next().answer(Answer::Status(status));
        let line = running.line();
        assert!(line.contains("next") && line.contains(&status.to_string()), "{line}");
        assert!(running.stays() && running.is_silent());
    }
}

#[test]
fn a_closed_connection_is_tried_again_a_few_times() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    let mut running = sandbox.start(&api, &[("GLOWPLUG_PREFETCH", "off")]);
    api.request().answer(Answer::Close);
    api.register();
    api.next().answer(Answer::Close);
    api.next().answer(Answer::Event("INVOKE"));
    for _ in 0..4 {
        api.next().answer(Answer::Close);
    }
    let line = running.line();
    assert!(line.contains("next") && line.contains("cannot be reached"), "{line}");
    assert!(running.stays() && running.is_silent());
}

#[test]
fn an_api_that_is_not_there_is_one_line_and_the_plan_is_followed_all_the_same() {
    let sandbox = Sandbox::new();
    sandbox.archive("app", &[]);
    let mut running = support::Running::start(sandbox.command("127.0.0.1:9"));
    let mut lines = [running.line(), running.line()];
    lines.sort();
    assert!(lines[0].contains("prefetch") && field(&lines[0], "stopped_by") == "done", "{lines:?}");
    assert!(lines[1].contains("register"), "{lines:?}");
    assert!(running.stays() && running.is_silent());
}

#[test]
fn without_an_address_it_says_so_and_stays() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("");
    command.env("GLOWPLUG_PREFETCH", "off");
    let mut running = support::Running::start(command);
    assert!(running.line().contains("AWS_LAMBDA_RUNTIME_API"));
    assert!(running.stays());
}

#[test]
fn an_api_that_never_answers_register_is_given_up_after_five_seconds() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    sandbox.archive("app", &[]);
    let mut running = sandbox.start(&api, &[]);
    api.request().answer(Answer::Silence);
    assert_eq!(field(&running.line(), "stopped_by"), "done");
    // Registering again would only be refused: whoever is silent has heard it.
    assert!(running.line().contains("register"));
    assert!(running.stays() && running.is_silent());
}

#[test]
fn a_slow_api_is_waited_for() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    let mut running = sandbox.start(&api, &[("GLOWPLUG_PREFETCH", "off"), ("MINREQ_TIMEOUT", "1")]);
    let pause = Duration::from_millis(1500);
    api.request().answer(Answer::Later(pause, Box::new(Answer::Registered)));
    api.next().answer(Answer::Later(pause, Box::new(Answer::Event("SHUTDOWN"))));
    assert!(running.ended().success());
    assert!(running.is_silent());
}

#[test]
fn nothing_is_read_when_it_is_switched_off_and_invocations_are_not_asked_for() {
    for variable in [("GLOWPLUG_PREFETCH", "off"), ("GLOWPLUG_MODE", "off")] {
        let (api, sandbox) = (Api::start(), Sandbox::new());
        sandbox.archive("app", &[]);
        let mut running = sandbox.start(&api, &[variable]);
        let register = api.request();
        assert_eq!(register.body, r#"{"events":["SHUTDOWN"]}"#);
        register.answer(Answer::Registered);
        api.shut_down();
        assert!(running.ended().success());
        assert!(running.is_silent());
    }
}

#[test]
fn shutdown_during_prefetch_ends_it_at_once_with_status_0() {
    let (api, sandbox) = (Api::start(), Sandbox::new());
    // Read a thousand times over: some seconds of work.
    let big = sandbox.function_file("big", &vec![1; 16 << 20]);
    sandbox.archive("app", &vec![big; 2000]);
    let mut running = sandbox.start(&api, &[("GLOWPLUG_PREFETCH_MS", "60000")]);
    api.register();
    let next = api.next();
    std::thread::sleep(Duration::from_millis(30));
    next.answer(Answer::Event("SHUTDOWN"));
    let asked = std::time::Instant::now();
    assert!(running.ended().success());
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    let line = running.line();
    assert!(["shutdown", "memory"].contains(&field(&line, "stopped_by")), "{line}");
}
