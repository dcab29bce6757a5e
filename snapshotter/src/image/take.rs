//! Running the target for its image, and restoring it as a start would.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};
use rand::Rng as _;
use serde_json::json;

use super::files::Guard;
use super::found::{self, Obstacle, Replay};
use super::Order;
use crate::failure::{TargetFailed, status};
use crate::interpreter::optimize_options;
use crate::lambda;
use crate::payload;
use crate::progress::Progress;
use crate::recording::{self, run_shown};

/// Status of process D where something stands in the way of an image.
const REFUSED: i32 = 5;
/// Keeps libraries that calculate in parallel to one thread (their own documentation).
const ONE_THREAD: [&str; 6] = [
    "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
];

/// Where and in which environment the target runs.
pub struct Surroundings {
    /// Variables.
    variables: BTreeMap<String, String>,
    /// Those that are there for the snapshot only.
    own: Vec<String>,
    /// The function's directory, as the function sees it.
    root: Option<PathBuf>,
    /// The folder it is started in.
    folder: PathBuf,
    /// Key of the image's digests.
    pub key: [u64; 2],
}

impl Surroundings {
    /// For an order.
    pub fn new(order: &Order<'_>) -> Result<Self> {
        let target = order.target;
        let root = target.root.clone();
        let folder = match &root {
            Some(root) => root.clone(),
            None => std::env::current_dir().context("the current folder")?,
        };
        let mut variables = BTreeMap::new();
        for name in ["PATH", "HOME", "LANG", "LC_ALL", "TZ"] {
            if let Ok(value) = std::env::var(name) {
                variables.insert(name.to_owned(), value);
            }
        }
        if let Some(root) = root.as_deref().filter(|_| target.handler.is_some()) {
            variables.clear();
            variables.extend(lambda::environment(root, Path::new("/opt"), &target.python.minor));
            // The function has some; without any, an SDK would look for them in the network.
            for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
                variables.insert(name.to_owned(), "GLOWPLUGSNAPSHOT".to_owned());
            }
        }
        variables.extend(target.environment.pairs().iter().cloned());
        let mut own = Vec::new();
        let threads = ONE_THREAD.map(|name| (name, "1".to_owned()));
        for (name, value) in order.baseline.variables().into_iter().chain(threads) {
            // What the user says of these is for the function.
            if !variables.contains_key(name) {
                variables.insert(name.to_owned(), value);
                own.push(name.to_owned());
            }
        }
        let mut random = rand::rng();
        Ok(Self { variables, own, root, folder, key: [random.next_u64(), random.next_u64()] })
    }

    /// The function's directory.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Guards by the paths that a start sees.
    pub fn outside(&self, guards: Vec<Guard>) -> Vec<Guard> {
        guards
    }

    fn apply(&self, command: &mut Command) {
        command.env_clear().envs(&self.variables).current_dir(&self.folder);
    }
}

/// Runs the target up to its snapshot point. Returns the folder with what was found.
pub fn take(order: &Order<'_>, surroundings: &Surroundings, progress: &Progress) -> Result<PathBuf> {
    let folder = order.scripts.join("image");
    run(order, surroundings, progress, &folder, false)?;
    Ok(folder)
}

/// What a plain start answers to the events; `None` without events.
pub fn plain_answers(
    order: &Order<'_>,
    surroundings: &Surroundings,
    progress: &Progress,
) -> Result<Option<Vec<String>>> {
    if order.target.events.is_empty() || order.target.handler.is_none() {
        return Ok(None);
    }
    let folder = order.scripts.join("plain");
    run(order, surroundings, progress, &folder, true)?;
    found::read(&folder, "responses.json").map(Some)
}

fn run(
    order: &Order<'_>,
    surroundings: &Surroundings,
    progress: &Progress,
    folder: &Path,
    plain: bool,
) -> Result<()> {
    let target = order.target;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let options = optimize_options(target.optimize.unwrap_or(0));
    let handler = target.handler.as_ref().map(|h| format!("{}.{}", h.module, h.function));
    let spec = json!({
        "output": folder,
        "options": options,
        "handler": handler,
        "root": target.root,
        "events": target.events,
        "prime": order.prime || plain,
        "plain": plain,
        "name": target.handler.as_ref().map_or("program", |h| &h.module),
        "program": target.program,
        "own_variables": surroundings.own,
    });
    let path = folder.join("spec.json");
    fs::write(&path, spec.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = Command::new(&target.python.executable);
    surroundings.apply(&mut command);
    command.args(options).args([&order.scripts.join("image.py"), &path]);
    without_descriptors(&mut command);
    let ended = run_shown(command, progress)?;
    if ended.code() == Some(REFUSED) {
        return Err(refusal(&found::read::<Vec<Obstacle>>(folder, "refused.json")?));
    }
    recording::check(ended)?;
    let wanted = if plain { "responses.json" } else { "capture.json" };
    if !folder.join(wanted).is_file() {
        return Err(TargetFailed("the target ended its process before its image was taken".to_owned()).into());
    }
    Ok(())
}

/// Descriptors inherited from whoever runs the snapshot step are not the function's.
fn without_descriptors(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: between fork and exec only close_range(2) is called. Where a kernel before 5.9 does not
    // have it, what is inherited is told apart by process D.
    unsafe {
        command.pre_exec(|| {
            libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
            Ok(())
        });
    }
}

fn refusal(found: &[Obstacle]) -> anyhow::Error {
    let mut lines = String::new();
    for obstacle in found {
        lines += &format!("\n  {}: {}", obstacle.kind, obstacle.what);
        if let (Some(file), Some(line)) = (&obstacle.file, obstacle.line) {
            lines += &format!("\n    made at {file}:{line}");
        }
        if !obstacle.remedy.is_empty() {
            lines += &format!("\n    remedy: {}", obstacle.remedy);
        }
    }
    anyhow!("no image can be taken of this process (`glowplug doctor` says more):{lines}")
}

/// What came of a replay.
pub struct Replayed {
    /// What the restored process says.
    pub replay: Replay,
    /// Why what it touched is not what a cold start touches.
    pub no_working_set: Option<String>,
}

/// Restores the image as a start would, in a fresh process, which answers the events and ends.
pub fn replay(
    order: &Order<'_>,
    surroundings: &Surroundings,
    progress: &Progress,
    recorded: bool,
) -> Result<Replayed> {
    let folder = order.scripts.join("replay");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let result = folder.join("replay.json");
    let _ = fs::remove_file(&result);
    let target = order.target;
    let mut command = Command::new(order.scripts.join(payload::WRAPPER_NAME));
    surroundings.apply(&mut command);
    for name in &surroundings.own {
        command.env_remove(name);
    }
    command
        .env("GLOWPLUG_ARCHIVE", order.archive)
        .env("GLOWPLUG_MODE", "auto")
        .env("GLOWPLUG_REPLAY", &folder)
        .env("TMPDIR", &folder)
        .arg(&target.python.executable)
        .args(optimize_options(target.optimize.unwrap_or(0)));
    match &target.handler {
        Some(handler) => {
            command.args(["-m", "awslambdaric"]).arg(format!("{}.{}", handler.module, handler.function))
        }
        None => command.args(&target.program),
    };
    without_descriptors(&mut command);
    let mut no_working_set = None;
    if recorded {
        command.env("GLOWPLUG_RECORD", "1");
        no_working_set = evict(order.archive).err().map(|error| format!("{error:#}"));
    }
    let ended = run_shown(command, progress)?;
    if !ended.success() || !result.is_file() {
        let how = if ended.code() == Some(status::TARGET.into()) { "failed".to_owned() } else { ended.to_string() };
        bail!("the image was taken, but restoring it did not work ({how}): see above. This is a bug of glowplug");
    }
    Ok(Replayed { replay: found::read(&folder, "replay.json")?, no_working_set })
}

/// Takes the archive out of the page cache.
fn evict(archive: &Path) -> Result<()> {
    let file = File::open(archive).context("the archive")?;
    file.sync_all().context("the archive")?;
    // SAFETY: no memory is involved.
    let failed = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    if failed != 0 {
        bail!("the archive cannot be taken out of the page cache: {}", std::io::Error::from_raw_os_error(failed));
    }
    Ok(())
}
