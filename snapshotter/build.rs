//! Embeds the payload: the modules and programs of the directory named by `GLOWPLUG_PAYLOAD`, and
//! the layer's Python files. What is not there is embedded as an empty file, which the command refuses to use.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where the layer's Python files lie, relative to this crate.
const PYTHON: &str = "../layer/python/glowplug";

fn main() {
    println!("cargo::rerun-if-env-changed=GLOWPLUG_PAYLOAD");
    let folder = env::var_os("GLOWPLUG_PAYLOAD").filter(|v| !v.is_empty()).map(PathBuf::from);
    for name in ["_glowplug.abi3.so", "_glowplug_dumper.abi3.so", "auditor.so", "exec", "extension"] {
        match &folder {
            Some(folder) => embed(&folder.join(name), name, true),
            None => embed(Path::new(""), name, false),
        }
    }
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo");
    let python = Path::new(&manifest).join(PYTHON);
    embed(&python.join("start.py"), "start.py", true);
    embed_package(&python);
}

/// Lists the files of the package `glowplug` in `package.rs`, which `payload.rs` includes.
fn embed_package(folder: &Path) {
    let mut names = Vec::new();
    for place in ["", "renewal/"] {
        let folder = folder.join(place);
        println!("cargo::rerun-if-changed={}", folder.display());
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files = entries.map(|entry| entry.expect("listed").file_name().into_string().expect("UTF-8"));
        names.extend(files.filter(|n| n.ends_with(".py") && n != "start.py").map(|n| format!("{place}{n}")));
    }
    names.sort();
    let mut lines = String::from("[\n");
    for name in names {
        let path = folder.join(&name).canonicalize().expect("just listed");
        println!("cargo::rerun-if-changed={}", path.display());
        lines += &format!("    ({name:?}, include_bytes!({path:?})),\n");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    fs::write(out.join("package.rs"), lines + "]\n").expect("OUT_DIR is writable");
}

/// Copies a file to where `payload.rs` includes it from.
fn embed(source: &Path, name: &str, required: bool) {
    if !source.as_os_str().is_empty() {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    let content = match fs::read(source) {
        Ok(content) => content,
        Err(error) if required => panic!("payload: {}: {error}", source.display()),
        Err(_) => Vec::new(),
    };
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    fs::write(folder.join(name), content).expect("OUT_DIR is writable");
}
