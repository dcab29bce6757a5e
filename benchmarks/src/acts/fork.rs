//! A stand-in for the runtime: asks a warm process to fork, and lives as long as the fork does.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

/// The name it is executed by.
pub const NAME: &str = "bench-fork";
/// Where the warm process listens.
pub const SOCKET: &str = "GLOWPLUG_BENCH_SOCKET";

/// Sends the environment, which the fork takes over, and waits.
pub fn run() -> Result<ExitCode> {
    let path = std::env::var_os(SOCKET).context(SOCKET)?;
    let mut stream = UnixStream::connect(&path).context("the warm process does not listen")?;
    let environment: HashMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let mut message = serde_json::to_vec(&environment)?;
    message.push(b'\n');
    stream.write_all(&message)?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    bail!("the fork ended: {said}")
}
