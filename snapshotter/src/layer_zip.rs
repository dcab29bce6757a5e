//! `glowplug layer`: the files of a Lambda layer, zipped or in a directory.

use std::fs;
use std::io::{BufWriter, Seek, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use glowplug_archive::Archive;
use glowplug_archive::fingerprint::machine_name;
use glowplug_archive::header::Validation;
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::cli::LayerArguments;
use crate::failure::{self, Usage};
use crate::{payload, units};

/// Lambda's limit of function and layers together, unpacked ("Lambda quotas": 250 MB).
const UNPACKED_AT_MOST: u64 = 250 << 20;
/// Lambda's limit of a zip file that is uploaded directly; larger ones go by way of S3.
const UPLOAD_AT_MOST: u64 = 50 << 20;

/// A file of the layer.
struct Entry {
    /// Below `/opt`.
    path: String,
    part: &'static str,
    content: Vec<u8>,
    executable: bool,
}

impl Entry {
    fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }
}

/// Runs the command.
pub fn layer(arguments: &LayerArguments) -> Result<ExitCode> {
    let entries = entries(arguments)?;
    let layer_size: u64 = entries.iter().map(|entry| entry.content.len() as u64).sum();
    let function_size = arguments.function_dir.as_deref().map(size_of_folder).transpose()?;
    if let Some(folder) = &arguments.dir {
        unpack(&entries, folder)?;
    }
    let zip_size = match &arguments.output {
        Some(file) => Some(write_file(&entries, file)?),
        None => None,
    };
    if arguments.json {
        print_json(&entries, layer_size, function_size, zip_size);
    } else {
        print_table(arguments, &entries, layer_size, function_size, zip_size);
    }
    let unpacked = layer_size + function_size.unwrap_or(0);
    if unpacked > UNPACKED_AT_MOST {
        bail!(
            "function and layer are {} unpacked, and Lambda takes {}: make the archive of fewer modules \
             (`glowplug trace -o modules.txt`, `glowplug snapshot --modules`) or use a container image",
            units::bytes(unpacked),
            units::bytes(UNPACKED_AT_MOST)
        );
    }
    if zip_size.is_some_and(|size| size > UPLOAD_AT_MOST) {
        eprintln!(
            "glowplug: the zip is larger than {}: publish it from S3, not by direct upload",
            units::bytes(UPLOAD_AT_MOST)
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What goes in, in the order of paths.
fn entries(arguments: &LayerArguments) -> Result<Vec<Entry>> {
    let machine = arguments.arch.map_or(payload::LAYER_MACHINE, |arch| arch.machine());
    if machine != payload::LAYER_MACHINE && arguments.programs.is_none() {
        bail!(
            "this build of glowplug carries the programs for {}, not for {}: take the wheel of that platform, or name \
             a directory with them (--programs)",
            machine_name(payload::LAYER_MACHINE),
            machine_name(machine)
        );
    }
    let mut entries = Vec::new();
    for file in payload::layer_files()? {
        let content = match &arguments.programs {
            Some(folder) if file.compiled => program(&folder.join(file.name), machine)?,
            _ => file.content.to_vec(),
        };
        let executable = file.executable;
        entries.push(Entry { path: file.path.to_owned(), part: file.part, content, executable });
    }
    for file in &arguments.archive {
        let entry = archive(file, machine)?;
        if entries.iter().any(|other| other.path == entry.path) {
            return Err(Usage(format!("--archive {}: another one has the same name", file.display())).into());
        }
        entries.push(entry);
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// A program or module that `--programs` brings.
fn program(file: &Path, machine: u16) -> Result<Vec<u8>> {
    /// Where an ELF header names the machine (`e_machine`), in two bytes.
    const MACHINE: usize = 18;
    let content = fs::read(file).with_context(|| format!("--programs: cannot read {}", file.display()))?;
    let is_for_it =
        content.starts_with(b"\x7fELF") && content.get(MACHINE..MACHINE + 2) == Some(&machine.to_le_bytes());
    if !is_for_it {
        bail!("--programs: {} is no program for {}", file.display(), machine_name(machine));
    }
    Ok(content)
}

/// An archive, checked as far as the loader does before it uses one.
fn archive(file: &Path, machine: u16) -> Result<Entry> {
    let opened = Archive::open(file).map_err(|error| failure::of_archive(file, &error))?;
    let header = opened.header();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if header.fingerprint.machine != machine {
        bail!(
            "{}: built for {}, and the layer is for {}",
            file.display(),
            machine_name(header.fingerprint.machine),
            machine_name(machine)
        );
    }
    if !name.ends_with(&header.fingerprint.file_suffix()) {
        let right = header.fingerprint.file_name("NAME");
        return Err(Usage(format!(
            "{}: the name does not say which interpreter it is for; call it {right}",
            file.display()
        ))
        .into());
    }
    if header.validation == Validation::CheckedStat {
        eprintln!(
            "glowplug: {}: checks modification times, which packagers rewrite; snapshot with --validate unchecked",
            file.display()
        );
    }
    let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Entry { path: format!("glowplug/{name}"), part: "archive", content, executable: false })
}

/// Writes the files below `folder`. Others that are there stay.
fn unpack(entries: &[Entry], folder: &Path) -> Result<()> {
    for entry in entries {
        let path = folder.join(&entry.path);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            // A program that is running cannot be written to, but replaced.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            fs::write(&path, &entry.content)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode()))
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Writes the zip file and puts it in place whole; says how large it is.
fn write_file(entries: &[Entry], file: &Path) -> Result<u64> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let context = || format!("cannot write {}", file.display());
    let fresh = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .with_context(context)?;
    write_zip(entries, BufWriter::new(fresh.as_file())).with_context(context)?;
    fresh.as_file().sync_all().with_context(context)?;
    let size = fresh.as_file().metadata().with_context(context)?.len();
    fresh.persist(file).with_context(context)?;
    Ok(size)
}

/// The same entries give the same bytes: no times, no owner, a fixed order and compression.
fn write_zip<W: Write + Seek>(entries: &[Entry], to: W) -> Result<()> {
    let mut zip = ZipWriter::new(to);
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(entry.mode());
        zip.start_file(&entry.path, options)?;
        zip.write_all(&entry.content)?;
    }
    zip.finish()?.flush()?;
    Ok(())
}

/// Bytes of the files in a folder and below.
fn size_of_folder(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    let listed = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in listed {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { size_of_folder(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}

fn print_json(entries: &[Entry], layer: u64, function: Option<u64>, zip: Option<u64>) {
    let files: Vec<_> = entries
        .iter()
        .map(|entry| json!({"path": entry.path, "part": entry.part, "bytes": entry.content.len()}))
        .collect();
    let sizes = json!({
        "files": files,
        "layer_bytes": layer,
        "function_bytes": function,
        "zip_bytes": zip,
        "unpacked_limit": UNPACKED_AT_MOST,
        "upload_limit": UPLOAD_AT_MOST,
    });
    println!("{sizes:#}");
}

fn print_table(
    arguments: &LayerArguments,
    entries: &[Entry],
    layer: u64,
    function: Option<u64>,
    zip: Option<u64>,
) {
    if let (Some(file), Some(size)) = (&arguments.output, zip) {
        println!("{}: {}", file.display(), units::bytes(size));
    }
    if let Some(folder) = &arguments.dir {
        println!("{}: {}", folder.display(), units::count(entries.len(), "file"));
    }
    println!("\nunpacked");
    for entry in entries {
        println!("  {:>9}  {:<12}  {}", units::bytes(entry.content.len() as u64), entry.part, entry.path);
    }
    if let Some(function) = function {
        println!("  {:>9}  function", units::bytes(function));
    }
    let sum = layer + function.unwrap_or(0);
    let share = 100.0 * sum as f64 / UNPACKED_AT_MOST as f64;
    println!(
        "  {:>9}  {share:.0} % of the {} that Lambda allows",
        units::bytes(sum),
        units::bytes(UNPACKED_AT_MOST)
    );
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn some() -> Vec<Entry> {
        let entry = |path: &str, executable| Entry {
            path: path.to_owned(),
            part: "wrapper",
            content: path.repeat(100).into_bytes(),
            executable,
        };
        vec![entry("extensions/glowplug", true), entry("glowplug/start.py", false)]
    }

    fn zipped() -> Vec<u8> {
        let mut bytes = Vec::new();
        write_zip(&some(), Cursor::new(&mut bytes)).expect("written");
        bytes
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        assert_eq!(zipped(), zipped());
    }

    #[test]
    fn run_bits_and_contents_are_kept() {
        let mut zip = zip::ZipArchive::new(Cursor::new(zipped())).expect("a zip");
        let modes: Vec<_> =
            (0..zip.len()).map(|n| zip.by_index(n).expect("an entry").unix_mode().expect("a mode")).collect();
        assert_eq!(modes, [0o100_755, 0o100_644]);
        let text = std::io::read_to_string(zip.by_index(1).expect("an entry")).expect("read");
        assert_eq!(text, "glowplug/start.py".repeat(100));
    }

    #[test]
    fn programs_of_another_architecture_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("exec");
        let mut header = [0; 64];
        header[..4].copy_from_slice(b"\x7fELF");
        header[18] = 183;
        for (content, machine, taken) in [
            (&header[..], 183, true),
            (&header, 62, false),
            (&header[..10], 183, false),
            (b"#!/bin/sh", 183, false),
        ] {
            fs::write(&file, content).expect("written");
            assert_eq!(program(&file, machine).is_ok(), taken, "{content:?} for {machine}");
        }
    }

    #[test]
    fn the_same_files_can_be_unpacked_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        unpack(&some(), folder.path()).expect("unpacked");
        unpack(&some(), folder.path()).expect("unpacked again");
        let mode = folder.path().join("extensions/glowplug").metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }
}
