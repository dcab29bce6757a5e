//! A small archive with something in every section.

use std::path::{Path, PathBuf};

use glowplug_archive::compiled;
use glowplug_archive::fingerprint::{Fingerprint, this_machine};
use glowplug_archive::header::{StringMark, Validation};
use glowplug_archive::heap::{HeapBuilder, Objects, Target, WATCHED_FRAME, externs};
use glowplug_archive::manifest::{Manifest, Root};
use glowplug_archive::modules::{RootKind, module_flags};
use glowplug_archive::regex::CompiledRegex;
use glowplug_archive::writer::{self, CompiledEntry, Contents, ModuleEntry, Source};

/// An object of `words` words, its second one the type.
fn object(objects: &mut Objects, words: usize, fill: u8) -> u32 {
    let at = objects.push(&vec![fill; words * 8]);
    objects.slot(at + 8, Target::Extern(externs::TYPE_TUPLE));
    at
}

pub fn fingerprint() -> Fingerprint {
    Fingerprint {
        machine: this_machine(),
        page_size: 4096,
        python_version: 0x030c_01f0,
        flags: 0,
        soabi: "cpython-312-x86_64-linux-gnu".to_owned(),
        interpreter: vec![7; 20],
        libc: vec![9; 20],
    }
}

pub fn regex() -> CompiledRegex {
    CompiledRegex {
        pattern: "(?P<é>a+)".into(),
        is_bytes: false,
        given_flags: 2,
        flags: 34,
        code: vec![14, 8, 1, 1, u32::MAX, 1],
        groups: 1,
        names: vec![("é".to_owned(), 1)],
    }
}

pub fn contents() -> Contents {
    let mut heap = HeapBuilder::default();
    let shared = heap.add_string(vec![1; 56]);
    let own = heap.add_string(vec![2; 64]);
    let huge = heap.add_string(vec![3; 20_000]);
    let range = |strings: &[_]| {
        let mut objects = Objects::default();
        let inner = object(&mut objects, 4, 0x11);
        let cell = objects.push(&[0; 16]);
        objects.slot(cell, Target::Local(inner));
        let outer = object(&mut objects, 20, 0x22);
        objects.slot(outer + 16, Target::Local(inner));
        objects.slot(outer + 24, Target::Cell(cell));
        for (number, string) in (4..).zip(strings) {
            objects.slot(outer + number * 8, Target::Interned(*string));
        }
        (objects, outer, cell)
    };
    let mut add = |strings: &[_]| {
        let (persistent, outer, cell) = range(strings);
        let mut transient = Objects::default();
        let code = object(&mut transient, 8, 0x33);
        transient.slot(code + 16, Target::Persistent(outer));
        transient.slot(code + 24, Target::PersistentCell(cell));
        transient.slot(code + 32, Target::Local(code));
        transient.slot(code + 40, Target::Watched(WATCHED_FRAME));
        for string in strings.iter().take(1) {
            transient.slot(code + 48, Target::Interned(*string));
        }
        (heap.add_module(persistent, transient), code)
    };
    let package = add(&[shared, own, huge]);
    let module = add(&[shared, huge]);
    let text = add(&[shared]);
    let source = |text: &str| Some(Source { content: text.into(), mtime: 1_700_000_000 });
    let entry = |name: &str, path: &str, flags, code, source| ModuleEntry {
        name: name.to_owned(),
        root: 0,
        path: path.to_owned(),
        flags,
        code,
        source,
    };
    Contents {
        fingerprint: fingerprint(),
        validation: Validation::Unchecked,
        optimize: 0,
        string_mark: StringMark { offset: 32, bits: 3 },
        garbage: 0,
        roots: vec![(RootKind::Function, "/srv/función".to_owned())],
        modules: vec![
            entry(
                "app",
                "app/__init__.py",
                module_flags::PACKAGE,
                Some(package),
                source("import app.größe\n"),
            ),
            entry("app.größe", "app/größe.py", 0, Some(module), source("x = 1\n")),
            entry("app.fast", "app/fast.so", module_flags::EXTENSION, None, None),
        ],
        compiled: vec![CompiledEntry {
            key: compiled::key("lambda: 1", "<string>", "eval", 0),
            range: text.0,
            code: text.1,
        }],
        regexes: vec![regex()],
        heap,
        manifest: Manifest {
            glowplug: "0.1.0".to_owned(),
            name: "example".to_owned(),
            target: "app.handler".to_owned(),
            python: "3.12.1".to_owned(),
            validation: Validation::Unchecked,
            roots: vec![Root { path: "/srv/función".to_owned(), kind: RootKind::Function }],
            modules: Vec::new(),
            extensions: Vec::new(),
            left_out: Vec::new(),
            stale_pyc: Vec::new(),
            shared_libraries: Vec::new(),
            data_files: Vec::new(),
            regexes: 1,
            compiled: Vec::new(),
        },
    }
}

/// Writes the example into `folder`.
pub fn write(folder: &Path) -> PathBuf {
    let path = folder.join(fingerprint().file_name("example"));
    writer::write(contents(), &path).expect("the example can be written");
    path
}
