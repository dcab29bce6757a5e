//! A stand-in for the runtime: has CRIU restore a checkpointed process, and lives as long as that does.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// The name it is executed by.
pub const NAME: &str = "bench-criu";
/// The `criu` program.
pub const PROGRAM: &str = "GLOWPLUG_BENCH_CRIU";
/// The folder of the checkpoint.
pub const IMAGES: &str = "GLOWPLUG_BENCH_IMAGES";
/// The file that the restored process takes its environment from.
pub const ENVIRONMENT: &str = "GLOWPLUG_BENCH_ENVIRONMENT";
/// The number of the checkpointed process, which the restored one has too.
pub const PROCESS: &str = "GLOWPLUG_BENCH_PROCESS";

static ENDED: AtomicBool = AtomicBool::new(false);

extern "C" fn end(_: libc::c_int) {
    ENDED.store(true, Ordering::SeqCst);
}

/// Writes the environment, restores, and ends the restored process when it is ended itself.
pub fn run() -> Result<ExitCode> {
    let variable = |name: &'static str| std::env::var_os(name).map(PathBuf::from).context(name);
    let (program, images, file) = (variable(PROGRAM)?, variable(IMAGES)?, variable(ENVIRONMENT)?);
    let process: i32 = std::env::var(PROCESS)?.parse()?;
    let handler: extern "C" fn(libc::c_int) = end;
    // SAFETY: the handler only stores to an atomic.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    let environment: HashMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let unfinished = file.with_extension("new");
    std::fs::write(&unfinished, serde_json::to_vec(&environment)?)?;
    std::fs::rename(&unfinished, &file)?;
    let mut restore = Command::new(program);
    restore.arg("restore").arg("--images-dir").arg(&images).args([
        "--restore-detached",
        "--log-file",
        "restore.log",
    ]);
    let status = restore.stdout(Stdio::null()).stderr(Stdio::null()).status().context("cannot run criu");
    let restored = status.and_then(|status| {
        ensure!(
            status.success(),
            "criu restore failed ({status}); see {}",
            images.join("restore.log").display()
        );
        Ok(())
    });
    // SAFETY: no pointers are passed; the number is that of the restored process, which this one is to end.
    while restored.is_ok() && !ENDED.load(Ordering::SeqCst) && unsafe { libc::kill(process, 0) } == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    // SAFETY: as above.
    unsafe { libc::kill(process, libc::SIGKILL) };
    let _ = std::fs::remove_file(&file);
    restored.map(|()| ExitCode::SUCCESS)
}
