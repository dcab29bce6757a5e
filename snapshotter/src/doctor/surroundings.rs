//! Where and in which environment the target is examined: as it is for its image.

use std::path::Path;
use std::process::Command;

use crate::lambda;
use crate::target::Target;

/// Variables of this process that a target without a handler gets.
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

/// Gives a process folder and environment: Lambda's for a handler, and what the user sets.
pub fn apply(target: &Target, command: &mut Command) {
    command.env_clear().envs(ONE_THREAD.map(|name| (name, "1")));
    match target.root.as_deref().filter(|_| target.handler.is_some()) {
        Some(root) => {
            command.envs(lambda::environment(root, Path::new("/opt"), &target.python.minor));
        }
        None => {
            command.envs(ALLOWED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
    }
    command.envs(target.environment.pairs().iter().map(|(name, value)| (name, value)));
    if let Some(root) = &target.root {
        command.current_dir(root);
    }
}
