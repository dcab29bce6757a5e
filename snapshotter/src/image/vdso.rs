//! The functions of the vDSO in the captured memory.

use anyhow::{Context as _, Result};
use glowplug_archive::header::PAGE;
use object::{Object as _, ObjectSymbol as _};

use super::found::Capture;

/// What signal handlers return to on 64-bit ARM: shorter than what would lead elsewhere, and it needs none of the
/// kernel's data. The kernel has handlers return to the new one anyway.
const SIGNAL_RETURN: &str = "__kernel_rt_sigreturn";

/// Address and name of each function that the vDSO exports and that is to lead to this kernel's.
pub fn functions(capture: &Capture, pages: &[u8]) -> Result<Vec<(u64, String)>> {
    let Some(area) = capture.areas.iter().find(|area| area.start == capture.state.vdso) else {
        return Ok(Vec::new());
    };
    let mut image = vec![0; (area.end - area.start) as usize];
    for [first, count, number] in &area.runs {
        let (to, from, length) = (*first as usize * PAGE, *number as usize * PAGE, *count as usize * PAGE);
        image[to..to + length]
            .copy_from_slice(pages.get(from..from + length).context("pages.bin is too short")?);
    }
    let file = object::File::parse(&*image).context("the vDSO cannot be understood")?;
    let mut found: Vec<(u64, String)> = Vec::new();
    for symbol in file.dynamic_symbols().filter(|s| s.is_definition() && s.kind() == object::SymbolKind::Text)
    {
        let address = area.start + symbol.address();
        // A function has two names; the underscored one is on every kernel.
        let name = symbol.name().context("a name in the vDSO")?;
        if !name.starts_with("__")
            || name == SIGNAL_RETURN
            || found.iter().any(|(other, _)| *other == address)
        {
            continue;
        }
        found.push((address, name.to_owned()));
    }
    Ok(found)
}
