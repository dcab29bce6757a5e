//! The core that OpenBLAS is told to calculate for, so that an image stays within its baseline.
//!
//! Not every OpenBLAS works with every core on every processor, though it accepts the name: told "Haswell" on an AMD
//! processor with AVX-512, version 0.3.34 crashes at a product of larger matrices. So each copy that the target
//! loads is tried in a process of its own first, as the image's process would use it (`python/openblas.py`).

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::Order;
use super::cpu::{CORE, CpuBaseline};
use super::found::Obstacle;

/// Cores whose code needs more than x86-64-v3: a copy that takes one, whatever it is told, was built for it alone.
const BEYOND_V3: [&str; 3] = ["SkylakeX", "Cooperlake", "SapphireRapids"];

/// What the image is made with.
pub struct Choice {
    /// What processors have to have.
    pub baseline: CpuBaseline,
    /// What OpenBLAS is told; not looked at for [`CpuBaseline::Native`].
    pub core: &'static str,
    /// What the user should know of it.
    pub warning: Option<Obstacle>,
}

/// Chooses the best core with which all copies work; else the image is for processors like this one.
///
/// # Errors
/// Where the interpreter cannot be run.
pub fn choose(order: &Order<'_>) -> Result<Choice> {
    let baseline = order.baseline;
    let libraries: Vec<&str> =
        order.shared_libraries.iter().map(String::as_str).filter(|path| may_be(path)).collect();
    let given = order.target.environment.value(CORE).is_some();
    let Some((best, others)) = baseline.cores().split_first() else {
        return Ok(Choice { baseline, core: "", warning: None });
    };
    if libraries.is_empty() || given || works(order, best, &libraries)? {
        return Ok(Choice { baseline, core: best, warning: None });
    }
    for core in others {
        if works(order, core, &libraries)? {
            let what = format!(
                "OpenBLAS fails on this processor with the code for {best}, so the image has that for {core}, \
                 which calculates more slowly"
            );
            return Ok(Choice { baseline, core, warning: Some(warning(what)) });
        }
    }
    let what = "OpenBLAS cannot be kept within the processors that were asked for, so the image is only for those with \
                all that this one has"
        .to_owned();
    Ok(Choice { baseline: CpuBaseline::Native, core: "", warning: Some(warning(what)) })
}

/// Whether a library may be one, by its name.
pub fn may_be(path: &str) -> bool {
    // Debian has it as openblas-pthread/libblas.so.3.
    path.to_lowercase().contains("blas")
}

/// Whether all copies calculate rightly with that core.
fn works(order: &Order<'_>, core: &str, libraries: &[&str]) -> Result<bool> {
    let python = &order.target.python.executable;
    let mut command = Command::new(python);
    order.target.environment.apply(&mut command);
    command
        .env(CORE, core)
        .env("OPENBLAS_NUM_THREADS", "1")
        .args(["-I", "-S"])
        .arg(order.scripts.join("openblas.py"))
        .args(libraries)
        .stdin(Stdio::null());
    let done = command.output().with_context(|| format!("cannot run {}", python.display()))?;
    let used = String::from_utf8_lossy(&done.stdout);
    tracing::debug!(
        "OpenBLAS as {core}: {}, {:?} {}",
        done.status,
        used,
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(done.status.success() && !used.lines().any(|name| BEYOND_V3.contains(&name)))
}

fn warning(what: String) -> Obstacle {
    Obstacle {
        kind: "openblas".to_owned(),
        what,
        module: None,
        file: None,
        line: None,
        library: None,
        remedy: "a version of numpy and SciPy with another OpenBLAS (0.3.34 has this fault on AMD processors with \
                 AVX-512), or --cpu-baseline native"
            .to_owned(),
    }
}
