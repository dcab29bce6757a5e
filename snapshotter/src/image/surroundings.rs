//! Where and in which environment the target runs for its image: as it will when it is restored.
//!
//! An image has the paths of its process in it, so a handler runs with its directory at `/var/task`, as on Lambda, in
//! a mount namespace of its own; where that is not permitted, with its directory where it is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rand::Rng as _;

use super::Order;
use crate::cli::Isolation;
use crate::invoke::isolation;
use crate::invoke::python;
use crate::lambda;
use crate::target::Target;

/// Where Lambda has the function.
const TASK: &str = "/var/task";
/// Variables of this process that a program gets, with those for the interpreter; a handler gets Lambda's.
const ALLOWED: [&str; 5] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ"];
/// Keeps libraries that calculate in parallel to one thread (their own documentation).
const ONE_THREAD: [&str; 6] = [
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
];
/// An SDK that finds no credentials looks for them in the network; the function will have some.
pub const CREDENTIALS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
/// What stands for them in the image.
pub const PLACEHOLDER: &str = "GLOWPLUGSNAPSHOT";

/// The environment of a target whose directory is at `root`, and the names of what is in it for the snapshot only.
pub fn environment(
    target: &Target,
    root: Option<&Path>,
    more: Vec<(&'static str, String)>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let mut variables = BTreeMap::new();
    match root.filter(|_| target.handler.is_some()) {
        Some(root) => {
            variables.extend(lambda::environment(root, Path::new("/opt"), &target.python.minor));
            variables.extend(CREDENTIALS.map(|name| (name.to_owned(), PLACEHOLDER.to_owned())));
        }
        None => {
            let allowed = |name: &str| ALLOWED.contains(&name) || name.starts_with("PYTHON");
            variables.extend(std::env::vars().filter(|(name, _)| allowed(name)));
        }
    }
    variables.extend(target.environment.pairs().iter().cloned());
    let mut own = Vec::new();
    for (name, value) in more.into_iter().chain(ONE_THREAD.map(|name| (name, "1".to_owned()))) {
        // What the user says of these is for the function.
        if !variables.contains_key(name) {
            variables.insert(name.to_owned(), value);
            own.push(name.to_owned());
        }
    }
    (variables, own)
}

/// Where and in which environment the target runs.
pub struct Surroundings {
    variables: BTreeMap<String, String>,
    /// Variables that are there for the snapshot only.
    pub own: Vec<String>,
    /// The function's directory, as the function sees it, and as it is.
    root: Option<(PathBuf, PathBuf)>,
    /// The folder it is started in, as it sees it.
    folder: PathBuf,
    /// Arguments for bubblewrap.
    mounts: Option<Vec<OsString>>,
    /// Key of the image's digests.
    pub key: [u64; 2],
}

impl Surroundings {
    /// For an order, with OpenBLAS calculating for `core`.
    pub fn new(order: &Order<'_>, core: &str) -> Result<Self> {
        let target = order.target;
        let mut root = target.root.clone().map(|root| (root.clone(), root));
        let mut mounts = None;
        if let Some((seen, real)) = root.as_mut().filter(|_| target.handler.is_some())
            && real != Path::new(TASK)
            && wanted(order.isolation)?
        {
            let folders = python::probe(&target.python.executable)?.folders;
            let mut arguments = isolation::mounts(real, None, &folders)?;
            arguments.extend(["--bind".into(), order.scripts.into(), order.scripts.into()]);
            arguments.extend(["--die-with-parent", "--chdir", TASK].map(OsString::from));
            mounts = Some(arguments);
            *seen = TASK.into();
        }
        let folder = match &root {
            Some((seen, _)) => seen.clone(),
            None => std::env::current_dir().context("the current folder")?,
        };
        let seen = root.as_ref().map(|(seen, _)| seen.as_path());
        let (variables, own) = environment(target, seen, order.baseline.variables(core));
        let mut random = rand::rng();
        let key = [random.next_u64(), random.next_u64()];
        Ok(Self { variables, own, root, folder, mounts, key })
    }

    /// Whether the target gets an environment variable.
    pub fn has(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// The function's directory, as the function sees it.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_ref().map(|(seen, _)| seen.as_path())
    }

    /// Where a path of the function really is.
    pub fn real(&self, path: &str) -> PathBuf {
        let inside = self
            .root
            .as_ref()
            .and_then(|(seen, real)| Some(real.join(Path::new(path).strip_prefix(seen).ok()?)));
        inside.unwrap_or_else(|| path.into())
    }

    /// The crash latch of a restore (layer/wrapper, latch.rs).
    pub fn latch(&self) -> PathBuf {
        let folder = self.variables.get("TMPDIR").map_or("/tmp", String::as_str);
        Path::new(folder).join(latch_name(self.key))
    }

    /// A command that runs there.
    pub fn command(&self, program: &Path) -> Result<Command> {
        let mut command = match &self.mounts {
            Some(arguments) => {
                let mut command = Command::new("bwrap");
                command.args(arguments).arg(program);
                command
            }
            None => {
                let mut command = Command::new(program);
                command.current_dir(&self.folder);
                command
            }
        };
        command.env_clear().envs(&self.variables);
        without_inheritance(&mut command);
        Ok(command)
    }
}

/// Name of the crash latch of the image with this key.
pub fn latch_name(key: [u64; 2]) -> String {
    format!(".glowplug-{:016x}", key[0])
}

/// Whether to isolate.
fn wanted(isolation: Isolation) -> Result<bool> {
    match isolation {
        Isolation::None => Ok(false),
        Isolation::Bubblewrap => isolation::check().map(|()| true),
        Isolation::Auto => Ok(isolation::check()
            .inspect_err(|why| {
                tracing::warn!("{why:#}: the image is for the function's directory where it is now")
            })
            .is_ok()),
    }
}

/// Descriptors inherited from whoever runs the snapshot step are not the function's, nor are signals that it ignores, as
/// a shell has its background jobs ignore SIGINT.
fn without_inheritance(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    const LAST_STANDARD: libc::c_int = 31;
    // SAFETY: between fork and exec only signal(2) and close_range(2) are called. Where a kernel before 5.11 does not
    // have the latter, what is inherited is told apart by process D.
    unsafe {
        command.pre_exec(|| {
            for number in 1..=LAST_STANDARD {
                libc::signal(number, libc::SIG_DFL);
            }
            libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
            Ok(())
        });
    }
}
