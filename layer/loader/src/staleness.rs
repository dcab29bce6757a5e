//! Whether an archived module still is what lies on disk (PEP 552's three ways).

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use glowplug_archive::checksum;
use glowplug_archive::header::Validation;
use glowplug_archive::modules::ModuleRecord;

/// `Ok` where the module may be served; else what is wrong with its source at `path`.
pub fn check(validation: Validation, module: &ModuleRecord, path: &str) -> Result<(), String> {
    match validation {
        Validation::Unchecked => Ok(()),
        Validation::CheckedStat => {
            let found = std::fs::metadata(Path::new(path)).map_err(|e| format!("{path}: {e}"))?;
            if found.len() == module.source_size && found.mtime() == module.source_mtime {
                Ok(())
            } else {
                Err(format!("{path} was changed after the snapshot"))
            }
        }
        Validation::CheckedHash => {
            let found = std::fs::read(Path::new(path)).map_err(|e| format!("{path}: {e}"))?;
            if found.len() as u64 == module.source_size && checksum::of(&found) == module.source_hash {
                Ok(())
            } else {
                Err(format!("{path} was changed after the snapshot"))
            }
        }
    }
}
