//! What `snapshot` tells at its end.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use glowplug_archive::header::Validation;
use glowplug_archive::manifest::{LeftOut, StalePyc};
use glowplug_archive::{Archive, Manifest};
use serde::Serialize;

use crate::dump::Dumped;
use crate::image::Imaged;
use crate::prefetch::Planning;
use crate::units;

/// Rows of a list before it is cut.
const ROWS: usize = 12;

/// The summary.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The archive.
    path: PathBuf,
    /// Its length in bytes.
    bytes: u64,
    /// What was snapshotted.
    target: String,
    /// Version of the interpreter.
    python: String,
    /// Modules with code in the archive.
    modules: usize,
    /// Bytes of their objects, without strings that several use.
    module_bytes: u64,
    /// Extension modules whose place is recorded.
    extensions: usize,
    /// Imported, but not in the archive.
    left_out: Vec<LeftOut>,
    /// Without a good `.pyc`.
    stale_pyc: Vec<StalePyc>,
    /// Shared libraries seen.
    shared_libraries: usize,
    /// Data files seen.
    data_files: usize,
    /// Their bytes.
    data_bytes: u64,
    /// Compiled regular expressions in the archive.
    regexes: u64,
    /// Compiled source texts in the archive.
    texts: u64,
    /// Recorded expressions and texts that could not be kept.
    not_kept: u64,
    /// What is read ahead.
    prefetch: Planning,
    /// The process image, where one was asked for.
    image: Option<Imaged>,
    /// How staleness is judged.
    validation: Validation,
    /// Seconds for recording, dumping, planning and checking.
    seconds: [f64; 4],
}

impl Summary {
    /// Of the archive as it lies there.
    pub fn new(
        archive: &Archive,
        dumped: &Dumped,
        prefetch: Planning,
        image: Option<Imaged>,
        times: [Duration; 4],
    ) -> Result<Self> {
        let Manifest {
            target,
            validation,
            modules,
            extensions,
            left_out,
            stale_pyc,
            shared_libraries,
            data_files,
            regexes,
            compiled,
            ..
        } = archive.manifest()?;
        Ok(Self {
            path: dumped.path.clone(),
            bytes: dumped.bytes,
            target,
            python: archive.header().fingerprint.version_text(),
            modules: modules.len(),
            module_bytes: modules.iter().map(|m| m.bytes).sum(),
            extensions: extensions.len(),
            left_out,
            stale_pyc,
            shared_libraries: shared_libraries.len(),
            data_files: data_files.len(),
            data_bytes: data_files.iter().map(|f| f.size).sum(),
            regexes,
            texts: compiled.iter().map(|c| c.texts).sum(),
            not_kept: dumped.regexes_left_out + dumped.texts_left_out,
            prefetch,
            image,
            validation,
            seconds: times.map(|t| t.as_secs_f64()),
        })
    }
}

/// What a validation mode means for whoever deploys the archive.
pub const fn meaning(validation: Validation) -> &'static str {
    match validation {
        Validation::CheckedStat => "a module is taken if its source has the same time and size",
        Validation::CheckedHash => "a module is taken if its source has the same content",
        Validation::Unchecked => "sources are not looked at; build the archive again when they change",
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = Duration::from_secs_f64(self.seconds.iter().sum());
        let [traced, dumped, planned, checked] =
            self.seconds.map(|s| units::duration(Duration::from_secs_f64(s)));
        writeln!(f, "{}", self.path.display())?;
        writeln!(f, "  target       {} on CPython {}", self.target, self.python)?;
        writeln!(f, "  size         {}", units::bytes(self.bytes))?;
        let extensions = units::count(self.extensions, "extension module");
        let code = units::bytes(self.module_bytes);
        writeln!(f, "  modules      {} ({code} of code), places of {extensions}", self.modules)?;
        write!(
            f,
            "  kept         {} compiled regular expressions, {} compiled texts",
            self.regexes, self.texts
        )?;
        if self.not_kept > 0 {
            write!(f, " ({} could not be kept)", self.not_kept)?;
        }
        let data = units::bytes(self.data_bytes);
        let libraries = units::count(self.shared_libraries, "shared library");
        writeln!(f, "\n  seen         {libraries}, {} ({data})", units::count(self.data_files, "data file"))?;
        self.write_prefetch(f)?;
        self.write_image(f)?;
        self.write_bytecode(f)?;
        self.write_left_out(f)?;
        writeln!(f, "  validation   {}: {}", self.validation.name(), meaning(self.validation))?;
        let total = units::duration(total);
        writeln!(
            f,
            "  time         {total} (recording {traced}, dumping {dumped}, planning {planned}, checking {checked})"
        )
    }
}

impl Summary {
    fn write_prefetch(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Planning { failure, files, ranges, bytes, not_evicted } = &self.prefetch;
        if let Some(why) = failure {
            return writeln!(f, "  prefetch     no plan: {why}");
        }
        let (ranges, files) = (units::count(*ranges, "range"), units::count(*files, "file"));
        write!(f, "  prefetch     {ranges} of {files} ({})", units::bytes(*bytes))?;
        if *not_evicted > 0 {
            write!(f, "; {not_evicted} in use by others, their page cache stayed")?;
        }
        writeln!(f)
    }

    fn write_image(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(image) = &self.image else { return Ok(()) };
        let bytes = |n: u64| units::bytes(n).to_string();
        let sizes = &image.sizes;
        writeln!(
            f,
            "  image        {}: text {}, constants {}, data {}, heap {}, pack {}; {} of it read at every start",
            bytes(image.bytes),
            bytes(sizes.text),
            bytes(sizes.constants),
            bytes(sizes.data),
            bytes(sizes.heap),
            bytes(sizes.pack),
            bytes(sizes.hot),
        )?;
        if sizes.shared > 0 {
            writeln!(f, "               and {} mapped from installed files", bytes(sizes.shared))?;
        }
        if image.left_out > 0 {
            writeln!(f, "               without {} of code for other processors", bytes(image.left_out))?;
        }
        let mappings = units::count(image.mappings, "mapping");
        let written = units::count(image.written as usize, "page");
        writeln!(
            f,
            "               restored in {:.1} ms: {mappings}, {written} made ready to be written to",
            image.milliseconds
        )?;
        match image.same_answers {
            Some(true) => writeln!(f, "               answers the events as a plain start does")?,
            Some(false) => {
                writeln!(f, "               ANSWERS OTHERWISE than a plain start (times, random values?)")?
            }
            None => {}
        }
        if let Some(root) = &image.root {
            writeln!(f, "               for the function's directory at {}", root.display())?;
        }
        if let Some(why) = &image.no_working_set {
            writeln!(f, "               what a start touches could not be told apart: {why}")?;
        }
        let set = image.variables.iter().filter(|(_, set)| *set).map(|(name, _)| name.as_str());
        let set: Vec<&str> = set.collect();
        let count = units::count(image.variables.len(), "environment variable");
        writeln!(f, "               a start compares {count}, of these set: {}", set.join(", "))?;
        for warning in image.warnings.iter().filter(|w| w.kind != "environment").take(ROWS) {
            writeln!(f, "    {}: {}", warning.kind, warning.what)?;
            if !warning.remedy.is_empty() {
                writeln!(f, "      remedy: {}", warning.remedy)?;
            }
        }
        Ok(())
    }

    fn write_bytecode(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut states: Vec<String> = Vec::new();
        for state in ["missing", "stale", "unreadable"] {
            let names: Vec<&str> =
                self.stale_pyc.iter().filter(|s| s.state == state).map(|s| s.name.as_str()).collect();
            if !names.is_empty() {
                let more = if names.len() > 3 { ", ..." } else { "" };
                let shown = names[..names.len().min(3)].join(", ");
                states.push(format!("{} {state} ({shown}{more})", names.len()));
            }
        }
        let text = if states.is_empty() { "all present and valid".to_owned() } else { states.join(", ") };
        writeln!(f, "  .pyc         {text}")
    }

    fn write_left_out(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  left out     {}", units::count(self.left_out.len(), "module"))?;
        for module in self.left_out.iter().take(ROWS) {
            writeln!(f, "    {}: {}", module.name, module.reason)?;
        }
        if self.left_out.len() > ROWS {
            let more = self.left_out.len() - ROWS;
            writeln!(f, "    and {more} more: glowplug inspect shows all")?;
        }
        Ok(())
    }
}
