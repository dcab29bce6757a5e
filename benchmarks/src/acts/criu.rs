//! A stand-in for the runtime: has CRIU restore a checkpointed process, and lives as long as that does.

use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt as _;
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

/// Where what CRIU knows is kept.
const FOLDER: &CStr = c"/dev/shm/glowplug-bench-criu";

/// Has the folder removed when dropped.
pub struct Knowledge;

impl Drop for Knowledge {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(OsStr::from_bytes(FOLDER.to_bytes()));
    }
}

/// Lets CRIU keep what it found out about the kernel. It keeps that in `/run`, if that is a tmpfs, and finds it out
/// anew at every restore otherwise, which takes as long as the restore: where `/run` is none, this process and those
/// it starts see a folder of `/dev/shm` there.
///
/// # Errors
/// When that is not permitted.
pub fn keep_what_it_knows() -> Result<()> {
    // SAFETY: all-zero bytes are a valid `statfs`.
    let mut about: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path is zero-terminated, and `about` a live value of the right type.
    if unsafe { libc::statfs(c"/run".as_ptr(), &raw mut about) } == 0 && about.f_type == libc::TMPFS_MAGIC {
        return Ok(());
    }
    std::fs::create_dir_all(OsStr::from_bytes(FOLDER.to_bytes()))?;
    let mount = |source: *const libc::c_char, target: &CStr, flags| {
        // SAFETY: the texts are zero-terminated, or null where the kernel does not look at them (mount(2)).
        let done = unsafe { libc::mount(source, target.as_ptr(), std::ptr::null(), flags, std::ptr::null()) };
        if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: no pointers are passed.
    ensure!(unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0, "unshare: {}", std::io::Error::last_os_error());
    mount(std::ptr::null(), c"/", libc::MS_REC | libc::MS_PRIVATE).context("mount /")?;
    mount(FOLDER.as_ptr(), c"/run", libc::MS_BIND).context("mount /run")
}

/// Writes the environment, restores, and ends the restored process when it is ended itself.
pub fn run() -> Result<ExitCode> {
    let variable = |name: &'static str| std::env::var_os(name).map(PathBuf::from).context(name);
    let (program, images, file) = (variable(PROGRAM)?, variable(IMAGES)?, variable(ENVIRONMENT)?);
    let process: i32 = std::env::var(PROCESS)?.parse()?;
    // The restored process becomes a child of this one when criu is done.
    // SAFETY: no pointers are passed.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    let handler: extern "C" fn(libc::c_int) = end;
    // SAFETY: the handler only stores to an atomic.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    let environment: HashMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let unfinished = file.with_extension("new");
    std::fs::write(&unfinished, serde_json::to_vec(&environment)?)?;
    std::fs::rename(&unfinished, &file)?;
    keep_what_it_knows()?;
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
    if restored.is_ok() {
        let ended = |options| {
            // SAFETY: a null pointer says that the status is not wanted.
            let waited = unsafe { libc::waitpid(process, std::ptr::null_mut(), options) };
            waited != 0
        };
        while !ENDED.load(Ordering::SeqCst) && !ended(libc::WNOHANG) {
            std::thread::sleep(Duration::from_millis(5));
        }
        // SAFETY: no pointers are passed; it is this process's child, if it has not ended.
        unsafe { libc::kill(process, libc::SIGKILL) };
        // The next restore needs its number.
        ended(0);
    }
    let _ = std::fs::remove_file(&file);
    restored.map(|()| ExitCode::SUCCESS)
}
