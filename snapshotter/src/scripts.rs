//! The Python scripts that run inside the target's interpreter.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Embeds scripts by their paths under `python/`.
macro_rules! scripts {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../python/", $path)))),*]
    };
}

const SCRIPTS: &[(&str, &str)] = scripts![
    "trace.py",
    "glowplug_trace/__init__.py",
    "glowplug_trace/bytecode_files.py",
    "glowplug_trace/collection.py",
    "glowplug_trace/data_files.py",
    "glowplug_trace/kept_code.py",
    "glowplug_trace/modules.py",
    "glowplug_trace/program.py",
    "glowplug_trace/python_info.py",
    "glowplug_trace/recording.py",
    "glowplug_trace/regexes.py",
    "glowplug_trace/search_path.py",
    "glowplug_trace/target.py",
    "glowplug_trace/texts.py",
    "prefetch.py",
    "glowplug_prefetch/__init__.py",
    "glowplug_prefetch/first_use.py",
    "glowplug_prefetch/mapped_files.py",
    "dump.py",
    "glowplug_dump/__init__.py",
    "glowplug_dump/archive.py",
    "glowplug_dump/code_objects.py",
    "glowplug_dump/regexes.py",
    "glowplug_dump/roots.py",
    "glowplug_dump/selection.py",
    "doctor.py",
    "image.py",
    "openblas.py",
    "secret_scan.py",
    "glowplug_image/__init__.py",
    "glowplug_image/address_space.py",
    "glowplug_image/capture.py",
    "glowplug_image/descriptors.py",
    "glowplug_image/fdinfo.py",
    "glowplug_image/native.py",
    "glowplug_image/obstacle.py",
    "glowplug_image/obstacles.py",
    "glowplug_image/obstacles_kernel.py",
    "glowplug_image/obstacles_network.py",
    "glowplug_image/obstacles_threads.py",
    "glowplug_image/obstacles_values.py",
    "glowplug_image/own_imports.py",
    "glowplug_image/owners.py",
    "glowplug_image/pairs.py",
    "glowplug_image/runtime.py",
    "glowplug_image/secrets_scan.py",
    "glowplug_image/sockets.py",
    "glowplug_image/system_calls.py",
    "glowplug_image/tasks.py",
    "glowplug_image/unix_sockets.py",
    "glowplug_image/variables.py",
    "glowplug_image/watch.py",
    "glowplug_image/watch_calls.py",
    "glowplug_image/watch_environment.py",
    "glowplug_image/watch_files.py",
    "glowplug_image/watch_imports.py",
    "glowplug_image/watch_kernel.py",
    "glowplug_image/watch_network.py",
    "glowplug_image/watch_processes.py",
    "glowplug_image/watch_threads.py",
];

/// Writes the scripts into `folder`.
pub fn unpack(folder: &Path) -> Result<()> {
    for (name, text) in SCRIPTS {
        let path = folder.join(name);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_of_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let is_script = |path: &Path| path.extension().is_some_and(|e| e == "py");
        let mut found = 0;
        let parts = ["glowplug_trace", "glowplug_prefetch", "glowplug_dump", "glowplug_image"]
            .map(|part| folder.join(part));
        let folders = [folder].into_iter().chain(parts);
        for folder in folders {
            let entries = fs::read_dir(folder).expect("listed");
            found += entries.filter(|e| is_script(&e.as_ref().expect("an entry").path())).count();
        }
        assert_eq!(found, SCRIPTS.len());
    }
}
