//! Limits for the processes of the environment, by control groups: the memory that the function has,
//! and how fast storage reads.
//!
//! cgroup v1 (`Documentation/admin-guide/cgroup-v1/memory.rst`, `blkio-controller.rst`) where the
//! controllers are mounted so, else v2 (`cgroup-v2.rst`). Both take root, or a group that was
//! delegated. As in Lambda's virtual machine, the page cache that the processes fill is part of the
//! memory they are given; it is dropped before anything is killed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;

/// How fast storage reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Bytes a second.
    pub bytes: u64,
    /// Requests a second.
    pub requests: u64,
}

impl std::str::FromStr for Storage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once(':').and_then(|(mb, requests)| {
            let (mb, requests): (u64, u64) = (mb.parse().ok()?, requests.parse().ok()?);
            Some(Self { bytes: mb.checked_mul(1_000_000)?, requests })
        });
        numbers
            .filter(|found| found.bytes > 0 && found.requests > 0)
            .ok_or_else(|| format!("{text}: not MEGABYTES:REQUESTS a second, such as 100:500"))
    }
}

/// A process joins by writing `0` to `cgroup.procs`.
pub struct ControlGroup {
    folder: PathBuf,
    procs: File,
    version: u8,
}

/// Controllers by their names in both versions.
#[derive(Clone, Copy)]
struct Controller {
    v1: &'static str,
    v2: &'static str,
}

/// So many names are tried for a group.
const NAMES: usize = 100;

const MEMORY: Controller = Controller { v1: "memory", v2: "memory" };
const BLOCK: Controller = Controller { v1: "blkio", v2: "io" };

/// What became of `--memory`.
#[derive(Debug, Serialize)]
pub struct MemoryUse {
    /// Megabytes (2^20 bytes) that the function is told to have.
    pub megabytes: u32,
    /// Why that is not enforced; `None` where it is.
    pub not_enforced: Option<String>,
    /// The most that was used, page cache included, in bytes.
    pub peak: Option<u64>,
    /// How many processes were ended for lack of memory.
    pub killed: u64,
}

/// What was read from slowed-down storage.
#[derive(Debug, Serialize)]
pub struct StorageUse {
    pub bytes: u64,
    pub requests: u64,
}

/// The limits of one environment.
pub struct Limits {
    megabytes: u32,
    memory: Result<ControlGroup>,
    storage: Option<ControlGroup>,
}

impl Limits {
    /// Makes the control groups. Where memory cannot be limited that is said; storage that cannot be
    /// slowed down is an error, since that was asked for. `file` lies on that storage.
    pub fn new(megabytes: u32, storage: Option<Storage>, file: &Path) -> Result<Self> {
        let memory = limited_memory(u64::from(megabytes) << 20);
        let slow =
            |storage| slow_storage(storage, file).context("--storage: reads cannot be slowed down here");
        Ok(Self { megabytes, memory, storage: storage.map(slow).transpose()? })
    }

    /// What a process writes `0` to in order to join.
    pub fn doors(&self) -> Vec<RawFd> {
        self.memory.iter().chain(&self.storage).map(|group| group.procs.as_raw_fd()).collect()
    }

    /// What became of the memory.
    pub fn memory(&self) -> MemoryUse {
        let (peak, killed) = match &self.memory {
            Ok(group) => (group.peak(), group.killed()),
            Err(_) => (None, 0),
        };
        let not_enforced = self.memory.as_ref().err().map(|error| format!("{error:#}"));
        MemoryUse { megabytes: self.megabytes, not_enforced, peak, killed }
    }

    /// What was read from storage that was slowed down.
    pub fn storage(&self) -> Option<StorageUse> {
        self.storage.as_ref().map(ControlGroup::reads)
    }
}

fn limited_memory(bytes: u64) -> Result<ControlGroup> {
    let group = ControlGroup::new(MEMORY)?;
    if group.version == 1 {
        group.set("memory.limit_in_bytes", &bytes.to_string())?;
        // Memory and swap together; the kernel may be without that file.
        let _ = group.set("memory.memsw.limit_in_bytes", &bytes.to_string());
    } else {
        group.set("memory.max", &bytes.to_string())?;
        let _ = group.set("memory.swap.max", "0");
    }
    Ok(group)
}

fn slow_storage(storage: Storage, file: &Path) -> Result<ControlGroup> {
    let device = whole_device(fs::metadata(file)?.dev());
    let group = ControlGroup::new(BLOCK)?;
    let Storage { bytes, requests } = storage;
    if group.version == 1 {
        group.set("blkio.throttle.read_bps_device", &format!("{device} {bytes}"))?;
        group.set("blkio.throttle.read_iops_device", &format!("{device} {requests}"))?;
    } else {
        group.set("io.max", &format!("{device} rbps={bytes} riops={requests}"))?;
    }
    Ok(group)
}

/// Major and minor number of the disk that a device is, or is a partition of: only disks can be
/// slowed down.
fn whole_device(device: u64) -> String {
    let number = format!("{}:{}", libc::major(device), libc::minor(device));
    let link = PathBuf::from(format!("/sys/dev/block/{number}"));
    let disk = fs::canonicalize(&link).ok().filter(|found| found.join("partition").exists());
    let parent = disk.as_deref().and_then(Path::parent).map(|parent| parent.join("dev"));
    let found = parent.and_then(|file| fs::read_to_string(file).ok()).map(|text| text.trim().to_owned());
    found.unwrap_or(number)
}

impl ControlGroup {
    fn new(controller: Controller) -> Result<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").context("no control groups")?;
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mut why = Vec::new();
        for (folder, version) in places(controller, &groups, &mounts) {
            match Self::below(&folder, version) {
                Ok(group) => return Ok(group),
                Err(error) => why.push(format!("{error:#}")),
            }
        }
        why.dedup();
        bail!(
            "no control group with the {} controller can be made{}",
            controller.v2,
            if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) }
        )
    }

    /// A new group in `parent`, after making sure that processes can join it.
    fn below(parent: &Path, version: u8) -> Result<Self> {
        let folder = new_folder(parent)?;
        let opened = File::options().write(true).open(folder.join("cgroup.procs"));
        let found = opened.map(|procs| Self { folder: folder.clone(), procs, version });
        let group = found.inspect_err(|_| drop(fs::remove_dir(&folder)))?;
        let mut trial = Command::new("true");
        let door = group.procs.as_raw_fd();
        // SAFETY: between fork and exec only write(2) is called.
        unsafe { trial.pre_exec(move || join(&[door])) };
        let ended = trial.status().with_context(|| format!("{}: cannot be joined", folder.display()))?;
        ensure!(ended.success(), "{}: a process there ended with {ended}", folder.display());
        Ok(group)
    }

    fn set(&self, file: &str, value: &str) -> Result<()> {
        let path = self.folder.join(file);
        fs::write(&path, value).with_context(|| format!("cannot write {value} to {}", path.display()))
    }

    fn number(&self, file: &str) -> Option<u64> {
        fs::read_to_string(self.folder.join(file)).ok()?.trim().parse().ok()
    }

    fn peak(&self) -> Option<u64> {
        self.number(if self.version == 1 { "memory.max_usage_in_bytes" } else { "memory.peak" })
    }

    /// Sums over all devices: of lines such as `254:0 Read 4096` or `254:0 rbytes=4096 rios=1`.
    fn reads(&self) -> StorageUse {
        let file = |name: &str| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let v1 = |text: String| {
            let value = |line: &str| line.split_once(" Read ")?.1.parse::<u64>().ok();
            text.lines().filter_map(value).sum()
        };
        if self.version == 1 {
            let bytes = v1(file("blkio.throttle.io_service_bytes"));
            return StorageUse { bytes, requests: v1(file("blkio.throttle.io_serviced")) };
        }
        let text = file("io.stat");
        let v2 = |key: &str| {
            text.split_whitespace().filter_map(|field| field.strip_prefix(key)?.parse::<u64>().ok()).sum()
        };
        StorageUse { bytes: v2("rbytes="), requests: v2("rios=") }
    }

    fn killed(&self) -> u64 {
        let file = if self.version == 1 { "memory.oom_control" } else { "memory.events" };
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Processes that were killed a moment ago may still be on their way out.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        tracing::warn!("{} could not be removed", self.folder.display());
    }
}

/// Makes a folder for a group. One of the same process id that was left behind, as its process was killed, is passed by: it may
/// still have members.
fn new_folder(parent: &Path) -> Result<PathBuf> {
    let name = format!("glowplug-{}", std::process::id());
    let names = std::iter::once(name.clone()).chain((2..=NAMES).map(|number| format!("{name}-{number}")));
    let mut last = parent.to_owned();
    for folder in names.map(|name| parent.join(name)) {
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => last = folder,
            done => return done.map(|()| folder.clone()).with_context(|| folder.display().to_string()),
        }
    }
    bail!("{}, and {} more like it, are there already: remove what is not in use", last.display(), NAMES - 1)
}

/// Moves the calling process through these doors. Called between fork and exec: no allocation.
pub fn join(doors: &[RawFd]) -> std::io::Result<()> {
    for door in doors {
        // SAFETY: an open descriptor of a `cgroup.procs`, and one byte.
        if unsafe { libc::write(*door, c"0".as_ptr().cast(), 1) } != 1 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Has processes that are started from here inherit the doors, or not.
pub fn keep_open_across_exec(doors: &[RawFd], keep: bool) -> std::io::Result<()> {
    for door in doors {
        // SAFETY: an open descriptor; only its flag is changed.
        if unsafe { libc::fcntl(*door, libc::F_SETFD, if keep { 0 } else { libc::FD_CLOEXEC }) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Joins for good: what is executed next does not see the doors.
pub fn enter(doors: Vec<RawFd>) -> impl FnMut() -> std::io::Result<()> + Send + Sync + 'static {
    move || {
        join(&doors)?;
        keep_open_across_exec(&doors, false)
    }
}

/// Where a group with the controller may be made, best first, with the version.
fn places(controller: Controller, groups: &str, mounts: &str) -> Vec<(PathBuf, u8)> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(own)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if controllers.split(',').any(|name| name == controller.v1) {
            // A child of the own group: v1 lets groups have processes and children.
            let mounted = mounted(mounts, |kind, options| {
                kind == "cgroup" && options.split(',').any(|option| option == controller.v1)
            });
            found.extend(mounted.map(|(root, point)| (within(&root, &point, own), 1)));
        } else if controllers.is_empty() {
            // A sibling of the own group or of one further up: in v2 a group with processes has no
            // children with controllers ("no internal process" rule), and the parent must pass the
            // controller on.
            let Some((root, point)) = mounted(mounts, |kind, _| kind == "cgroup2") else { continue };
            let own = within(&root, &point, own);
            for parent in own.ancestors().skip(1).take_while(|parent| parent.starts_with(&point)) {
                let passed = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
                if passed.split_whitespace().any(|name| name == controller.v2) {
                    found.push((parent.to_owned(), 2));
                }
            }
        }
    }
    found
}

/// Root and mount point of the first mount that fits (proc(5), `/proc/pid/mountinfo`).
fn mounted(mounts: &str, fits: impl Fn(&str, &str) -> bool) -> Option<(String, PathBuf)> {
    mounts.lines().find_map(|line| {
        let (place, about) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let mut about = about.split(' ');
        let (kind, _, options) = (about.next()?, about.next()?, about.next()?);
        fits(kind, options).then(|| (root.to_owned(), point.into()))
    })
}

/// The folder of a group, below a mount whose root is perhaps not the hierarchy's.
fn within(root: &str, point: &Path, own: &str) -> PathBuf {
    let rest = own.strip_prefix(root).unwrap_or(own).trim_start_matches('/');
    if rest.is_empty() { point.to_owned() } else { point.join(OsStr::new(rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
25 20 0:22 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
26 20 0:23 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    #[test]
    fn a_v1_group_is_made_below_the_own_one() {
        let found = places(MEMORY, "4:memory:/a/b\n0::/\n", MOUNTS);
        assert_eq!(found, [(PathBuf::from("/sys/fs/cgroup/memory/a/b"), 1)]);
        let inside = MOUNTS.replace(" / /sys/fs/cgroup/memory", " /a /sys/fs/cgroup/memory");
        assert_eq!(places(MEMORY, "4:memory:/a/b\n", &inside)[0].0, Path::new("/sys/fs/cgroup/memory/b"));
        assert_eq!(places(BLOCK, "4:memory:/a/b\n", MOUNTS), []);
    }

    #[test]
    fn a_group_that_was_left_behind_is_passed_by() {
        let parent = tempfile::tempdir().unwrap();
        let name = format!("glowplug-{}", std::process::id());
        let next = |_| new_folder(parent.path()).unwrap();
        let made: Vec<PathBuf> = (0..3).map(next).collect();
        let wanted = [name.clone(), format!("{name}-2"), format!("{name}-3")];
        assert_eq!(made, wanted.map(|name| parent.path().join(name)));
        (3..NAMES).for_each(|number| drop(next(number)));
        let error = new_folder(parent.path()).unwrap_err().to_string();
        assert!(error.contains("are there already"), "{error}");
        let error = new_folder(&parent.path().join("missing")).unwrap_err();
        assert_eq!(error.downcast_ref::<std::io::Error>().unwrap().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn storage_is_megabytes_and_requests() {
        assert_eq!("100:500".parse(), Ok(Storage { bytes: 100_000_000, requests: 500 }));
        for text in ["100", "0:5", "5:0", "a:b"] {
            assert!(text.parse::<Storage>().is_err(), "{text}");
        }
    }
}
