//! One measured process: spawned, waited for, and what it used.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

/// A process that takes longer is killed.
const PATIENCE: Duration = Duration::from_secs(300);

/// Keeps the descriptors that this process was started with (a shell's, make's job server) out of
/// the processes it measures: what a program does at its exit can depend on what is open.
///
/// # Errors
/// When the kernel refuses (it needs Linux 5.11).
pub fn keep_descriptors_to_ourselves() -> Result<()> {
    let flags = libc::c_int::try_from(libc::CLOSE_RANGE_CLOEXEC)?;
    // SAFETY: descriptors are only marked close-on-exec; none is closed here.
    let result = unsafe { libc::close_range(3, libc::c_uint::MAX, flags) };
    if result != 0 {
        return Err(std::io::Error::last_os_error()).context("close_range");
    }
    Ok(())
}

/// A program with its arguments, its whole environment and its working directory.
#[derive(Debug, Clone)]
pub struct Command {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    directory: PathBuf,
}

impl Command {
    /// A command without arguments and with an empty environment.
    pub fn new(program: &Path, directory: &Path) -> Self {
        Self {
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            directory: directory.to_owned(),
        }
    }

    /// Sets an environment variable.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.environment.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Passes a variable of this process's own environment on, if it is set.
    pub fn inherit(&mut self, name: &str) -> &mut Self {
        if let Some(value) = std::env::var_os(name) {
            self.set(name, value);
        }
        self
    }

    /// Has it run in another directory.
    pub fn within(&mut self, directory: &Path) -> &mut Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// Adds an argument.
    pub fn argument(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Has another program run the command, after arguments of its own.
    pub fn through(&mut self, program: &Path, arguments: &[&OsStr]) -> &mut Self {
        let own = std::mem::replace(&mut self.program, program.to_owned()).into_os_string();
        let before = arguments.iter().map(|&argument| argument.to_owned()).chain([own]);
        self.arguments.splice(0..0, before);
        self
    }

    /// Environment variables, as `NAME=VALUE`.
    pub fn assignments(&self) -> impl Iterator<Item = OsString> {
        self.environment.iter().map(|(name, value)| {
            let mut assignment = name.clone();
            assignment.push("=");
            assignment.push(value);
            assignment
        })
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// When it cannot be started, or takes longer than five minutes. A failure of the command
    /// itself is in the outcome.
    pub fn run(&self) -> Result<Outcome> {
        let (output, errors) = (memory_file()?, memory_file()?);
        let mut command = std::process::Command::new(&self.program);
        // Nothing here asks for more than posix_spawn(3) can do, so the standard library uses it: the
        // child does not copy this process's page tables.
        command.args(&self.arguments).env_clear().envs(&self.environment).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(errors.try_clone()?);
        let (begun, began) = (Instant::now(), monotonic()?);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        let (status, usage, wall) = wait(child.id(), begun)?;
        Ok(Outcome {
            began,
            status,
            sample: Sample::new(wall, &usage),
            output: text(output)?,
            errors: text(errors)?,
        })
    }

    /// Starts the command in a session of its own (a checkpoint of a process takes its whole session) and waits
    /// for its first line, which has to be `ready`. Its stderr goes to `log`.
    ///
    /// # Errors
    /// When it cannot be started, or ends before that: the end of its log is in the error.
    pub fn start(&self, log: &Path) -> Result<Running> {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(&self.environment).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?);
        // SAFETY: between fork and exec only setsid(2) is called.
        unsafe {
            std::os::unix::process::CommandExt::pre_exec(&mut command, || {
                libc::setsid();
                Ok(())
            });
        }
        let mut running = Running(command.spawn()?);
        let mut line = String::new();
        let output = running.0.stdout.take().context("a pipe")?;
        BufReader::new(output).read_line(&mut line)?;
        if line != "ready\n" {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            bail!("it did not become ready: {}", said.trim_end().lines().next_back().unwrap_or_default());
        }
        Ok(running)
    }

    /// Runs the command and returns what it printed on stdout.
    ///
    /// # Errors
    /// When it cannot be started or fails; its stderr is in the error.
    pub fn output(&self) -> Result<String> {
        let outcome = self.run()?;
        if !outcome.status.success() {
            bail!("{} failed, {}:\n{}", self.program.display(), outcome.status, outcome.errors.trim_end());
        }
        Ok(outcome.output)
    }
}

/// A process that goes on in the background; killed when dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a process ended, and what it used.
#[derive(Debug)]
pub struct Outcome {
    /// When it was about to be spawned, in nanoseconds of CLOCK_MONOTONIC.
    pub began: u64,
    /// How it ended.
    pub status: ExitStatus,
    /// What it used.
    pub sample: Sample,
    /// What it wrote to stdout.
    pub output: String,
    /// What it wrote to stderr.
    pub errors: String,
}

/// What one process used, from before its spawning to its exit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Elapsed milliseconds.
    pub wall: f64,
    /// Processor time in user mode, in milliseconds.
    pub user: f64,
    /// Processor time in the kernel, in milliseconds.
    pub system: f64,
    /// Peak resident set, in MiB. The kernel counts what the spawning process had resident too
    /// (`exec_mmap` in Linux's `fs/exec.c`), so this process must stay smaller than any it measures.
    pub peak_rss: f64,
    /// Page faults served without reading.
    pub minor_faults: f64,
    /// Page faults that waited for the disk.
    pub major_faults: f64,
}

impl Sample {
    #[allow(clippy::cast_precision_loss)]
    fn new(wall: Duration, usage: &libc::rusage) -> Self {
        let milliseconds = |t: libc::timeval| (t.tv_sec as f64).mul_add(1e3, t.tv_usec as f64 / 1e3);
        Self {
            wall: wall.as_secs_f64() * 1e3,
            user: milliseconds(usage.ru_utime),
            system: milliseconds(usage.ru_stime),
            peak_rss: usage.ru_maxrss as f64 / 1024.0,
            minor_faults: usage.ru_minflt as f64,
            major_faults: usage.ru_majflt as f64,
        }
    }
}

/// CLOCK_MONOTONIC in nanoseconds, as Python's `time.monotonic_ns` gives it (clock_gettime(2)).
fn monotonic() -> Result<u64> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live value of the right type.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) } != 0 {
        return Err(std::io::Error::last_os_error()).context("clock_gettime");
    }
    Ok(u64::try_from(now.tv_sec)? * 1_000_000_000 + u64::try_from(now.tv_nsec)?)
}

/// CLOCK_REALTIME in nanoseconds, as Python's `time.time_ns` gives it.
///
/// # Errors
/// Before 1970.
pub fn time() -> Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())
}

/// Waits for a child's exit; reaps it.
fn wait(child: u32, begun: Instant) -> Result<(ExitStatus, libc::rusage, Duration)> {
    let pid = libc::pid_t::try_from(child)?;
    // SAFETY: no pointers are passed; the child is not reaped before `wait4` below, so `pid` is its.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error()).context("pidfd_open (needs Linux 5.3)");
    }
    // SAFETY: the call succeeded, so the descriptor is open and nobody else's.
    let pidfd = unsafe { OwnedFd::from_raw_fd(i32::try_from(descriptor)?) };
    let mut polled = libc::pollfd { fd: pidfd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let patience = i32::try_from(PATIENCE.as_millis())?;
    // SAFETY: `polled` is one valid pollfd.
    let ready = unsafe { libc::poll(&raw mut polled, 1, patience) };
    let wall = begun.elapsed();
    if ready != 1 {
        // SAFETY: no pointers are passed, and the child is not reaped yet.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the right types.
    let reaped = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    if reaped != pid {
        return Err(std::io::Error::last_os_error()).context("wait4");
    }
    if ready != 1 {
        bail!("process took longer than {} s and was killed", PATIENCE.as_secs());
    }
    Ok((ExitStatus::from_raw(status), usage, wall))
}

/// A file without a name: a pipe could fill up and block the measured process.
fn memory_file() -> Result<File> {
    // SAFETY: the name is a valid C string.
    let descriptor = unsafe { libc::memfd_create(c"output".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error()).context("memfd_create");
    }
    // SAFETY: the call succeeded, so the descriptor is open and nobody else's.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

fn text(mut file: File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new(Path::new("/bin/sh"), Path::new("/"));
        command.argument("-c").argument(script).set("GREETING", "hello");
        command
    }

    #[test]
    fn output_errors_and_status_are_kept_apart() {
        let outcome = shell("echo $GREETING; echo oh >&2; exit 3").run().unwrap();
        assert_eq!((outcome.output.as_str(), outcome.errors.as_str()), ("hello\n", "oh\n"));
        assert_eq!(outcome.status.code(), Some(3));
    }

    #[test]
    fn wall_time_is_from_spawn_to_exit() {
        let sample = shell("sleep 0.1").run().unwrap().sample;
        assert!((100.0..1000.0).contains(&sample.wall), "{sample:?}");
        assert!(sample.user + sample.system < 50.0, "{sample:?}");
        assert!(sample.peak_rss > 0.0 && sample.minor_faults > 0.0, "{sample:?}");
    }

    #[test]
    fn the_environment_is_only_what_was_set() {
        assert_eq!(shell("env | grep -v -e PWD -e _=").output().unwrap(), "GREETING=hello\n");
        assert_eq!(shell("").assignments().collect::<Vec<_>>(), ["GREETING=hello"]);
    }

    #[test]
    fn no_descriptor_but_the_standard_streams_is_passed_on() {
        let inherited = File::open("/dev/null").unwrap();
        // SAFETY: duplicates an open descriptor; the copy is not close-on-exec.
        let copy = unsafe { OwnedFd::from_raw_fd(libc::dup(inherited.as_raw_fd())) };
        keep_descriptors_to_ourselves().unwrap();
        assert_eq!(
            shell(&format!("test -e /proc/self/fd/{}", copy.as_raw_fd())).run().unwrap().status.code(),
            Some(1)
        );
    }

    #[test]
    fn a_failure_is_reported_with_what_the_process_said() {
        let error = shell("echo why >&2; exit 1").output().unwrap_err().to_string();
        assert!(error.contains("exit status: 1") && error.ends_with("why"), "{error}");
    }
}
