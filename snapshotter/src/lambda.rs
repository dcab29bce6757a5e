//! The environment that Lambda gives a Python function.

use std::path::Path;

/// Variables of a managed Python runtime that are the same for all functions ("Using Lambda environment
/// variables"), with the function at `task`, layers at `layer`, for Python `minor` (such as `3.12`).
pub fn environment(task: &Path, layer: &Path, minor: &str) -> Vec<(String, String)> {
    let (task, layer) = (task.display(), layer.display());
    let pairs = [
        ("AWS_EXECUTION_ENV", format!("AWS_Lambda_python{minor}")),
        ("LAMBDA_TASK_ROOT", task.to_string()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("LD_LIBRARY_PATH", format!("/var/lang/lib:{task}:{task}/lib:{layer}/lib")),
        ("PATH", format!("/var/lang/bin:/usr/local/bin:/usr/bin:/bin:{layer}/bin")),
        // Where the managed runtime's own start puts the layers in `sys.path`.
        ("PYTHONPATH", format!("{layer}/python/lib/python{minor}/site-packages:{layer}/python")),
        ("TZ", ":UTC".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
