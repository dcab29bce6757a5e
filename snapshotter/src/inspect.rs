//! `glowplug inspect`: what is in an archive.

use std::process::ExitCode;

use anyhow::Result;
use glowplug_archive::fingerprint::{flags, hex, machine_name};
use glowplug_archive::header::SectionKind;
use glowplug_archive::plan::{Base, PlanEntry};
use glowplug_archive::{Archive, Manifest};
use serde_json::json;

use crate::cli::InspectArguments;
use crate::summary::meaning;
use crate::{failure, prefetch, units};

/// Modules shown without `--all`.
const LARGEST: usize = 20;

/// Runs the command.
pub fn inspect(arguments: &InspectArguments) -> Result<ExitCode> {
    let archive =
        Archive::open(&arguments.archive).map_err(|error| failure::of_archive(&arguments.archive, &error))?;
    let manifest = archive.manifest().map_err(|error| failure::of_archive(&arguments.archive, &error))?;
    let plan = archive.plan().map_err(|error| failure::of_archive(&arguments.archive, &error))?;
    let plan = plan.map(|plan| plan.entries());
    if arguments.json {
        let plan = plan.as_deref();
        println!("{}", serde_json::to_string_pretty(&as_json(&archive, &manifest, plan))?);
    } else {
        print_header(&archive, &manifest);
        print_sections(&archive);
        print_modules(&manifest, arguments.all);
        print_rest(&manifest);
        print_plan(&plan, arguments.all);
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(archive: &Archive, manifest: &Manifest, plan: Option<&[PlanEntry]>) -> serde_json::Value {
    let header = archive.header();
    let fingerprint = &header.fingerprint;
    let sections: Vec<_> = header
        .sections
        .iter()
        .map(|s| {
            json!({
                "kind": s.kind,
                "name": SectionKind::name_of(s.kind),
                "offset": s.offset,
                "length": s.length,
                "checksum": format!("{:016x}", s.checksum),
            })
        })
        .collect();
    json!({
        "path": archive.path(),
        "format": [glowplug_archive::header::MAJOR, header.minor],
        "bytes": header.file_size,
        "fingerprint": {
            "id": format!("{:016x}", fingerprint.hash()),
            "machine": machine_name(fingerprint.machine),
            "page_size": fingerprint.page_size,
            "python": fingerprint.version_text(),
            "soabi": fingerprint.soabi,
            "free_threaded": fingerprint.flags & flags::FREE_THREADED != 0,
            "debug": fingerprint.flags & flags::DEBUG != 0,
            "interpreter": hex(&fingerprint.interpreter),
            "libc": hex(&fingerprint.libc),
        },
        "validation": header.validation,
        "optimize": header.optimize,
        "preferred_base": header.preferred_base,
        "sections": sections,
        "ranges": archive.ranges().len(),
        "plan": plan,
        "manifest": manifest,
    })
}

fn print_header(archive: &Archive, manifest: &Manifest) {
    let header = archive.header();
    let fingerprint = &header.fingerprint;
    println!("{}", archive.path().display());
    println!("  format       {}.{}", glowplug_archive::header::MAJOR, header.minor);
    println!("  written by   glowplug {}", manifest.glowplug);
    println!("  name         {}", manifest.name);
    println!("  target       {}", manifest.target);
    println!("  python       CPython {} ({})", fingerprint.version_text(), fingerprint.soabi);
    println!("  fingerprint  {:016x}", fingerprint.hash());
    let machine = machine_name(fingerprint.machine);
    println!("  machine      {machine}, pages of {} bytes", fingerprint.page_size);
    println!("  interpreter  {}", hex(&fingerprint.interpreter));
    println!("  C library    {}", hex(&fingerprint.libc));
    println!("  optimize     {}", header.optimize);
    println!("  validation   {}: {}", header.validation.name(), meaning(header.validation));
    println!("  base         {:#x}", header.preferred_base);
    println!("  size         {}", units::bytes(header.file_size));
}

fn print_sections(archive: &Archive) {
    println!("\nsections");
    for section in &archive.header().sections {
        let name = SectionKind::name_of(section.kind);
        let (offset, length) = (section.offset, units::bytes(section.length));
        println!("  {name:<12} at {offset:>10}  {length:>10}  {:016x}", section.checksum);
    }
}

fn print_modules(manifest: &Manifest, all: bool) {
    println!("\nroots");
    for (number, root) in manifest.roots.iter().enumerate() {
        println!("  {number}  {:<8}  {}", format!("{:?}", root.kind).to_lowercase(), root.path);
    }
    let mut modules: Vec<_> = manifest.modules.iter().collect();
    let total = units::bytes(modules.iter().map(|m| m.bytes).sum());
    let hidden = if all { 0 } else { modules.len().saturating_sub(LARGEST) };
    if !all {
        modules.sort_by_key(|m| std::cmp::Reverse(m.bytes));
    }
    println!("\n{} ({total})", units::count(modules.len(), "module"));
    for module in &modules[..modules.len() - hidden] {
        println!(
            "  {:>10}  {}  (root {}, {})",
            units::bytes(module.bytes),
            module.name,
            module.root,
            module.path
        );
    }
    if hidden > 0 {
        println!("  and {hidden} smaller ones: --all lists them, in import order");
    }
}

fn print_rest(manifest: &Manifest) {
    println!("\n{}", units::count(manifest.extensions.len(), "extension module"));
    println!("{} compiled regular expressions", manifest.regexes);
    let texts: u64 = manifest.compiled.iter().map(|c| c.texts).sum();
    println!("{texts} compiled texts of {}", units::count(manifest.compiled.len(), "module"));
    let data = units::bytes(manifest.data_files.iter().map(|f| f.size).sum());
    println!("{} seen ({data})", units::count(manifest.data_files.len(), "data file"));
    println!("{} without a good .pyc at snapshot time", units::count(manifest.stale_pyc.len(), "module"));
    println!("{} left out", units::count(manifest.left_out.len(), "module"));
    for module in &manifest.left_out {
        println!("  {}: {}", module.name, module.reason);
    }
}

/// The plan, a line a file, in reading order.
fn print_plan(plan: &Option<Vec<PlanEntry>>, all: bool) {
    let Some(plan) = plan else {
        println!("no prefetch plan");
        return;
    };
    let total = units::bytes(plan.iter().map(|e| e.length).sum());
    let (ranges, files) =
        (units::count(plan.len(), "range"), units::count(prefetch::count_files(plan), "file"));
    println!("\nprefetch plan: {ranges} of {files} ({total})");
    let groups: Vec<&[PlanEntry]> =
        plan.chunk_by(|a, b| (a.base, &a.origin, &a.path) == (b.base, &b.origin, &b.path)).collect();
    let shown = if all { groups.len() } else { groups.len().min(LARGEST) };
    for group in &groups[..shown] {
        let first = &group[0];
        let read: u64 = group.iter().map(|e| e.length).sum();
        let name = if first.base == Base::Archive { "(this archive)" } else { &first.path };
        let ranges = units::count(group.len(), "range");
        println!("  {:>10}  {:<8}  {name}  ({ranges})", units::bytes(read), first.base.name());
    }
    if shown < groups.len() {
        println!("  and {} more files: --all lists them", groups.len() - shown);
    }
}
