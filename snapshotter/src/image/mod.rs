//! `snapshot --image`: the process image.
//!
//! [`take`] runs the target up to its snapshot point, where process D (`python/image.py`) writes down
//! what it found ([`found`]). [`layout`] decides where the memory lies, [`encode`] writes the section.
//! Then the image is restored as a cold start would restore it ([`take::replay`]): that it
//! works and answers as a plain start does is what is to be shown before the archive is put in
//! place, and what it touches decides on the final layout.

mod clock;
mod cpu;
mod discard;
mod encode;
mod files;
pub mod found;
mod layout;
mod libraries;
mod memory;
mod openblas;
mod other_processors;
mod pack;
mod piece;
mod reachable;
mod runtime_api;
mod secrets;
mod shared;
pub mod surroundings;
mod take;
mod threads;
mod vdso;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use glowplug_archive::header::{PAGE, Validation};
use glowplug_archive::writer;
use memmap2::MmapOptions;
use serde::Serialize;

pub use cpu::CpuBaseline;
use encode::Content;
use files::Guard;
use found::{Area, Capture, Obstacle, Process};
use layout::{Layout, Sizes, Touched};
use memory::Memory;
use pack::Pack;
use shared::Shared;
use surroundings::Surroundings;
use threads::Threads;

use crate::cli::Isolation;
use crate::prefetch::{self, image::Looked};
use crate::progress::Progress;
use crate::target::Target;

/// Permissions of an archive with an image: it holds a process's memory.
const MODE: u32 = 0o600;

/// What is asked for.
pub struct Order<'a> {
    /// What is snapshotted.
    pub target: &'a Target,
    /// How often the handler is invoked with each event before the image is taken.
    pub prime_rounds: u32,
    /// Processor features that the image may use.
    pub baseline: CpuBaseline,
    /// Libraries that the target has loaded when its imports were recorded.
    pub shared_libraries: &'a [String],
    /// Whether the handler runs with its directory at `/var/task`.
    pub isolation: Isolation,
    /// How staleness is judged.
    pub validation: Validation,
    /// Whether unchanged text is mapped from installed files.
    pub shared_text: bool,
    /// Whether the image is to have a pack.
    pub pack: bool,
    /// Whether the archive is to have a prefetch plan.
    pub plan: bool,
    /// Folder with scripts and payload.
    pub scripts: &'a Path,
    /// The archive with the code, which gets the image.
    pub archive: &'a Path,
}

/// What is told of an image.
#[derive(Debug, Serialize)]
pub struct Imaged {
    /// Bytes in the archive, by what they are.
    pub sizes: Sizes,
    /// Bytes of code for other processors that are not in the archive.
    pub left_out: u64,
    /// Bytes of the section.
    pub bytes: u64,
    /// Mappings that a restore makes.
    pub mappings: usize,
    /// Pages that a restore makes ready to be written to.
    pub written: u64,
    /// From the wrapper's first step until the restored process went on, in milliseconds, by the last replay.
    pub milliseconds: f64,
    /// Whether the restored process answered the events as a plain start did; `None` without events.
    pub same_answers: Option<bool>,
    /// Why the working set could not be recorded.
    pub no_working_set: Option<String>,
    /// Environment variables that a start compares, and whether they were set.
    pub variables: Vec<(String, bool)>,
    /// Where the function's directory has to be.
    pub root: Option<PathBuf>,
    /// What is worth knowing.
    pub warnings: Vec<Obstacle>,
    /// Seconds for taking, first replay and last replay.
    pub seconds: [f64; 3],
}

/// Takes the image and puts it into the archive.
pub fn add(order: &Order<'_>, progress: &mut Progress) -> Result<Imaged> {
    let begun = Instant::now();
    let openblas::Choice { baseline, core, warning } = openblas::choose(order)?;
    let order = &Order { baseline, ..*order };
    let surroundings = Surroundings::new(order, core)?;
    progress.begin(&format!("taking the process image of {}", order.target.label()));
    let folder = take::take(order, &surroundings, progress)?;
    let expected = take::plain_answers(order, &surroundings, progress)?;
    let taken = begun.elapsed();

    let mut capture: Capture = found::read(&folder, "capture.json")?;
    let process: Process = found::read(&folder, "process.json")?;
    let path = folder.join("pages.bin");
    let pages = std::fs::File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    // SAFETY: written by process D, which has ended; in a folder of this program's own. What is changed is not written.
    let mut pages = unsafe { MmapOptions::new().map_copy(&pages) }
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mut memory = Memory::new(&capture, &mut pages);
    let threads = threads::prepare(&capture, &mut memory)?;
    let may_be_mapped = discard::redirect(&capture, &mut memory, &surroundings, order.shared_text);
    let left_out = other_processors::unreachable(&memory, &surroundings, order.shared_text);
    other_processors::leave_out(&mut capture.areas, &left_out);
    let source = layout::Source { capture: &capture, pages: &pages, is_anonymous: !may_be_mapped };
    let write = |touched: &Touched| write(order, &source, &process, &threads, touched, &surroundings);

    progress.begin("restoring it");
    write(&Touched::unknown())?;
    let first = take::replay(order, &surroundings, progress, true)?;
    let replayed = begun.elapsed();
    progress.begin("restoring it again, laid out by what it touched");
    let touched = Touched::new(first.replay.touched);
    tell_touched(&capture, &touched);
    let (layout, bytes) = write(&touched)?;
    if order.plan {
        let guards = files::guards(&capture, &process, &surroundings, order.validation);
        let looked: Vec<Looked> = guards.iter().map(|guard| looked(guard, &surroundings)).collect();
        let has_client = process.modules.iter().any(|(name, _)| name == prefetch::image::CLIENT);
        prefetch::image::plan(order.archive, surroundings.root(), &looked, has_client)?;
    }
    let mut warnings = process.warnings;
    warnings.extend(warning);
    warnings.extend(missing_region(order, &process.variables));
    warnings.extend(clock::warning(&capture, &surroundings));
    warnings.extend(secrets::look_for(order, &surroundings)?);
    let last = take::replay(order, &surroundings, progress, false)?;
    for answers in [&first.replay.responses, &last.replay.responses] {
        if answers.len() != order.target.events.len() {
            bail!("the restored process answered {} of {} events", answers.len(), order.target.events.len());
        }
    }
    let same_answers = expected.map(|expected| expected == last.replay.responses);
    Ok(Imaged {
        sizes: layout.sizes,
        left_out: left_out.iter().map(|pages| pages.end - pages.start).sum(),
        bytes,
        mappings: layout.mappings.len(),
        written: layout.written.iter().map(|pages| pages.length).sum::<u64>() / PAGE as u64,
        milliseconds: last.replay.milliseconds,
        same_answers,
        no_working_set: first.no_working_set,
        variables: process.variables.into_iter().map(|(name, value)| (name, value.is_some())).collect(),
        root: surroundings.root().map(Path::to_owned),
        warnings,
        seconds: [taken, replayed - taken, begun.elapsed() - replayed].map(|d: Duration| d.as_secs_f64()),
    })
}

/// Lambda sets the region: an image of a handler that has looked for it in vain is never used there.
fn missing_region(order: &Order<'_>, variables: &BTreeMap<String, Option<String>>) -> Option<Obstacle> {
    let unset = |name: &str| variables.get(name).is_some_and(Option::is_none);
    let missing = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find(|name| unset(name));
    missing.filter(|_| order.target.handler.is_some()).map(|name| Obstacle {
        kind: "region".to_owned(),
        what: format!(
            "init read {name}, which is not set here and is on Lambda: no start there can use the image"
        ),
        module: None,
        file: None,
        line: None,
        library: None,
        remedy: "name the function's region with --env AWS_REGION=...".to_owned(),
    })
}

/// What a start reads of a file to see whether it has changed.
fn looked(guard: &Guard, surroundings: &Surroundings) -> Looked {
    let path = guard.path().to_owned();
    Looked { real: surroundings.real(&path), path, whole: matches!(guard, Guard::Hash { .. }) }
}

/// For whoever wants to make a start touch less: `-v` and `-vv`.
fn tell_touched(capture: &Capture, touched: &Touched) {
    let (mut sum, mut written) = (0, 0);
    for area in &capture.areas {
        let pages = (area.start..area.end).step_by(PAGE).filter_map(|address| touched.find(address));
        let (count, own) = pages.fold((0, 0), |(count, own), page| (count + 1, own + usize::from(page)));
        if count > 0 {
            let Area { start, permissions, path, .. } = area;
            let all = (area.end - start) / PAGE as u64;
            tracing::debug!("{start:x} {permissions} {path}: {count} of {all}, {own} written");
            (sum, written) = (sum + count, written + own);
        }
    }
    tracing::info!("a start touches {sum} pages, of which it writes to {written}");
}

/// Writes the image into the archive. Returns its layout and the section's length.
fn write(
    order: &Order<'_>,
    source: &layout::Source<'_>,
    process: &Process,
    threads: &Threads,
    touched: &Touched,
    surroundings: &Surroundings,
) -> Result<(Layout, u64)> {
    let &layout::Source { capture, pages, .. } = source;
    let mut guards = files::guards(capture, process, surroundings, order.validation);
    let shared = if order.shared_text {
        Shared::find(capture, pages, surroundings, order.scripts, &mut guards)
    } else {
        Shared::default()
    };
    let mut layout = layout::lay_out(source, touched, &shared);
    if !order.pack {
        layout.packed.clear();
    }
    let pack = Pack::new(&layout, pages)?;
    layout.sizes.pack = pack.bytes.len() as u64;
    let handler =
        order.target.handler.as_ref().map_or_else(String::new, |h| format!("{}.{}", h.module, h.function));
    let mut arguments = process.options.clone();
    arguments.extend(order.target.program.iter().cloned());
    let content = Content {
        capture,
        process,
        threads,
        layout: &layout,
        packed: &pack.table,
        pack: &pack.bytes,
        pack_checksum: pack.checksum,
        pages,
        cpu: order.baseline.needed(),
        guards: &guards,
        handler: &handler,
        arguments: &arguments,
        vdso: &vdso::functions(capture, pages)?,
        earliest: clock::earliest(capture, surroundings),
        key: surroundings.key,
    };
    let section = encode::encode(&content)?;
    writer::add_image(order.archive, &section, MODE)?;
    Ok((layout, section.len() as u64))
}
