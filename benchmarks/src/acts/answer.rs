//! One answer of an initialised process, and when it was asked for: `bench-answer WAY ARGUMENTS...`.
//!
//! Prints nanoseconds of CLOCK_REALTIME, the answer, and the nanoseconds that come with it. `exec COMMAND...` goes
//! on as the command; `fork SOCKET` asks a warm process, which says itself when it began; `criu PROGRAM IMAGES FILE`
//! restores a checkpoint, which leaves its answer in the file.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::criu;
use crate::process::time;

/// The name it is executed by.
pub const NAME: &str = "bench-answer";

/// Does what the arguments say.
pub fn run() -> Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let way = words.next().context("no way named")?;
    let words: Vec<OsString> = words.collect();
    match (way.to_str(), &words[..]) {
        (Some("exec"), [program, arguments @ ..]) => {
            let mut command = Command::new(program);
            command.args(arguments);
            println!("{}", time()?);
            Err(command.exec()).context("exec")
        }
        (Some("fork"), [socket]) => {
            let mut answer = String::new();
            UnixStream::connect(socket)?.read_to_string(&mut answer)?;
            print!("{answer}");
            Ok(ExitCode::SUCCESS)
        }
        (Some("criu"), [program, images, file]) => {
            criu::keep_what_it_knows()?;
            let mut restore = Command::new(program);
            restore.arg("restore").arg("--images-dir").arg(images).args(["--log-file", "restore.log"]);
            restore.stdout(Stdio::null()).stderr(Stdio::null());
            let _ = std::fs::remove_file(file);
            let began = time()?;
            // It stays until the restored process, its child, has ended.
            let status = restore.status().context("cannot run criu")?;
            let answer = std::fs::read_to_string(file);
            ensure!(answer.is_ok(), "criu restore: {status}; see restore.log in {}", images.display());
            print!("{began}\n{}", answer?);
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("no such way: {way:?}"),
    }
}
