//! Running the target for its image, and restoring it as a start would.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::json;

use super::found::{self, Obstacle, Replay};
use super::runtime_api::RuntimeApi;
use super::surroundings::Surroundings;
use super::{Order, clock};
use crate::failure::{TargetFailed, status};
use crate::payload;
use crate::progress::Progress;
use crate::recording::{self, run_shown};

/// Status of process D where something stands in the way of an image.
const REFUSED: i32 = 5;
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
    let options = target.options();
    let handler = target.handler.as_ref().map(|h| format!("{}.{}", h.module, h.function));
    let spec = json!({
        "output": folder,
        "options": options,
        "handler": handler,
        "root": surroundings.root(),
        "events": target.events,
        // A plain start answers each event once: that is what a restored process is compared with.
        "prime_rounds": if plain { 1 } else { order.prime_rounds },
        "plain": plain,
        "name": target.handler.as_ref().map_or("program", |h| &h.module),
        "program": target.program,
        "own_variables": surroundings.own,
    });
    let path = folder.join("spec.json");
    fs::write(&path, spec.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = surroundings.command(&target.python.executable)?;
    clock::begin_anew(&mut command);
    command.args(&options).args([&order.scripts.join("image.py"), &path]);
    let ended = run_shown(command, progress)?;
    if ended.code() == Some(REFUSED) {
        return Err(refusal(&found::read::<Vec<Obstacle>>(folder, "refused.json")?));
    }
    recording::check(ended, recording::NOTHING_WRITTEN)?;
    let wanted = if plain { "responses.json" } else { "capture.json" };
    if !folder.join(wanted).is_file() {
        return Err(TargetFailed("the target ended its process before its image was taken".to_owned()).into());
    }
    Ok(())
}

/// The error that names what stands in the way.
pub fn refusal(found: &[Obstacle]) -> anyhow::Error {
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
    let mut command = surroundings.command(&order.scripts.join(payload::WRAPPER_NAME))?;
    for name in &surroundings.own {
        command.env_remove(name);
    }
    command
        .env("GLOWPLUG_ARCHIVE", order.archive)
        .env("GLOWPLUG_MODE", "auto")
        .env("GLOWPLUG_REPLAY", &folder)
        .arg(&target.python.executable)
        .args(target.options());
    let api = target.handler.is_some().then(|| RuntimeApi::start(target)).transpose()?;
    if let Some(api) = &api {
        command.env("AWS_LAMBDA_RUNTIME_API", api.address.to_string());
    }
    match &target.handler {
        Some(handler) => {
            command.args(["-m", "awslambdaric"]).arg(format!("{}.{}", handler.module, handler.function))
        }
        None => command.args(&target.program),
    };
    let mut no_working_set = None;
    if recorded {
        command.env("GLOWPLUG_RECORD", "1");
        no_working_set = evict(order.archive).err().map(|error| format!("{error:#}"));
    }
    let ended = run_shown(command, progress);
    // Its crash latch; that of an isolated target is gone already.
    let _ = fs::remove_file(surroundings.latch());
    let ended = ended?;
    if !ended.success() || !result.is_file() {
        let how =
            if ended.code() == Some(status::TARGET.into()) { "failed".to_owned() } else { ended.to_string() };
        bail!("the image was taken, but restoring it did not work ({how}): see above");
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
        bail!(
            "the archive cannot be taken out of the page cache: {}",
            std::io::Error::from_raw_os_error(failed)
        );
    }
    Ok(())
}
