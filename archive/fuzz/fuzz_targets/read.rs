//! Opens arbitrary bytes as an archive and reads all there is. Run by `make fuzz`, which seeds the
//! corpus with real archives.
#![no_main]

use std::io::Write as _;

use glowplug_archive::Archive;
use glowplug_archive::header::SectionKind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    let Ok(archive) = Archive::open(file.path()) else { return };
    for module in archive.modules() {
        let _ = archive.find_module(archive.name(module.name));
        let _ = archive.source(module);
    }
    for range in archive.ranges() {
        let _ = archive.range_content(range);
    }
    let _ = archive.regexes();
    let _ = archive.manifest();
    for kind in SectionKind::ALL {
        let _ = archive.verify_section(kind);
    }
});
