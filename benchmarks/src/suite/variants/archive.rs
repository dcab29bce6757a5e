//! What the Glowplug variants have in common: an archive by `glowplug snapshot`, a layer by `glowplug layer`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::Prepared;
use crate::process::Command;
use crate::suite::package::Package;
use crate::suite::tree;
use crate::suite::workplace::{LAMBDA, Workplace, last_lines};

/// What an archive offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Code objects.
    Code,
    /// Code objects and a process image.
    Image,
}

impl Kind {
    /// The rung that starts from it use.
    pub const fn rung(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Image => "image",
        }
    }
}

/// What is needed here of the summary that `glowplug snapshot --json` prints.
#[derive(Debug, Deserialize)]
struct Summary {
    path: PathBuf,
}

/// Says why there are no images, if `glowplug snapshot` does not make any.
pub fn images(place: &Workplace) -> Result<(), String> {
    if place.snapshot_help.contains("--image") {
        return Ok(());
    }
    Err("this `glowplug snapshot` has no --image".to_owned())
}

/// The variant from an archive of that kind, in a layer with or without the extension.
pub fn prepare(place: &Workplace, package: &Package, kind: Kind, extension: bool) -> Result<Prepared> {
    let archive = built(place, package, kind)?;
    let name = format!("layer-{}{}", kind.rung(), if extension { "-extension" } else { "" });
    let layer = package.fresh(&name)?;
    let mut make = place.command(&place.glowplug);
    make.argument("layer")
        .argument("--archive")
        .argument(&archive)
        .argument("--dir")
        .argument(&layer)
        .output()?;
    if !extension {
        tree::remove(&layer.join("extensions"))?;
    }
    let mut prepared = Prepared::plain(place, package.root.clone())?;
    prepared.sizes.insert("archive".to_owned(), archive.metadata()?.len());
    prepared.sizes.insert("layer".to_owned(), tree::bytes(&layer)?);
    prepared.launch.layer = Some(layer);
    prepared.launch.rung = Some(kind.rung());
    // So that every start says which rung it uses, and since when.
    prepared.launch.environment.push(("GLOWPLUG_MOMENTS".to_owned(), "1".to_owned()));
    Ok(prepared)
}

/// The archive; made once for all variants of that kind.
fn built(place: &Workplace, package: &Package, kind: Kind) -> Result<PathBuf> {
    let made =
        package.archive(kind).get_or_init(|| snapshot(place, package, kind).map_err(|e| format!("{e:#}")));
    made.clone().map_err(anyhow::Error::msg)
}

fn snapshot(place: &Workplace, package: &Package, kind: Kind) -> Result<PathBuf> {
    let folder = package.fresh(&format!("archive-{}", kind.rung()))?;
    let mut snapshot = place.command(&place.glowplug);
    snapshot.argument("snapshot").argument(&package.function.handler).argument("--json");
    // An image is of a function where it is on Lambda.
    let at_its_place = kind == Kind::Image && place.isolated;
    let root = if at_its_place { Path::new("/var/task") } else { &package.root };
    snapshot.argument("--root").argument(root).argument("-o").argument(&folder);
    snapshot.argument("--python").argument(place.runtime());
    snapshot.argument("--event").argument(&package.function.event);
    if kind == Kind::Image {
        snapshot.argument("--image");
    }
    for (name, value) in LAMBDA {
        snapshot.argument("--env").argument(format!("{name}={value}"));
    }
    if at_its_place {
        let mount: [&OsStr; 13] = [
            "--dev-bind".as_ref(),
            "/".as_ref(),
            "/".as_ref(),
            "--tmpfs".as_ref(),
            "/var".as_ref(),
            "--ro-bind".as_ref(),
            package.root.as_ref(),
            "/var/task".as_ref(),
            // Which may be below /var.
            "--bind".as_ref(),
            place.home().as_ref(),
            place.home().as_ref(),
            "--die-with-parent".as_ref(),
            "--".as_ref(),
        ];
        snapshot.through(Path::new("bwrap"), &mount);
    }
    path(&snapshot, kind)
}

fn path(snapshot: &Command, kind: Kind) -> Result<PathBuf> {
    let outcome = snapshot.run()?;
    if !outcome.status.success() {
        bail!("glowplug snapshot failed ({}): {}", outcome.status, last_lines(&outcome.errors, 4));
    }
    let summary: Summary = serde_json::from_str(&outcome.output).with_context(|| {
        format!("what `glowplug snapshot --json` printed for {kind:?}:\n{}", outcome.output)
    })?;
    if !Path::new(&summary.path).is_file() {
        bail!("glowplug snapshot left no archive at {}", summary.path.display());
    }
    Ok(summary.path)
}
