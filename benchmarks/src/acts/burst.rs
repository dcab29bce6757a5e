//! An external extension that takes the CPU share down to that of the memory size when Init is over.
//!
//! Lambda gives about two vCPUs during Init whatever the memory size, and a share of them afterwards.
//! An extension sees the end of Init: that is when its first event comes.

use std::os::fd::FromRawFd as _;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs::File, io::Write as _};

use anyhow::{Context as _, Result, ensure};

/// The name it is executed by, and that it registers by.
pub const NAME: &str = "bench-burst";
/// An open descriptor of the control group's quota, and what is to be written there: `9:5790`.
pub const QUOTA: &str = "GLOWPLUG_BENCH_QUOTA";

const API: &str = "2020-01-01/extension";
const SECONDS: u64 = 600;

/// Registers, waits for the first event, sets the quota, and waits to be ended.
pub fn run() -> Result<ExitCode> {
    let host = std::env::var("AWS_LAMBDA_RUNTIME_API").context("AWS_LAMBDA_RUNTIME_API")?;
    let registered = minreq::post(format!("http://{host}/{API}/register"))
        .with_header("Lambda-Extension-Name", NAME)
        .with_header("Content-Type", "application/json")
        .with_body(r#"{"events": ["INVOKE", "SHUTDOWN"]}"#)
        .send()?;
    ensure!(registered.status_code == 200, "register: status {}", registered.status_code);
    let identifier = registered.headers.get("lambda-extension-identifier").context("no identifier")?;
    let next = || -> Result<String> {
        let request = minreq::get(format!("http://{host}/{API}/event/next"))
            .with_header("Lambda-Extension-Identifier", identifier.as_str())
            .with_timeout(SECONDS);
        Ok(request.send()?.as_str()?.to_owned())
    };
    let event = next()?;
    if event.contains("INVOKE") {
        set(&std::env::var(QUOTA).context(QUOTA)?)?;
    }
    while !next()?.contains("SHUTDOWN") {}
    std::thread::sleep(Duration::from_millis(1));
    Ok(ExitCode::SUCCESS)
}

fn set(text: &str) -> Result<()> {
    let (descriptor, quota) = text.split_once(':').context("DESCRIPTOR:QUOTA")?;
    // SAFETY: the suite passed this descriptor on for this program alone; nothing else here uses it.
    let mut file = unsafe { File::from_raw_fd(descriptor.parse()?) };
    file.write_all(quota.as_bytes()).context("setting the quota")
}
