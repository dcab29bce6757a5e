//! Embeds the payload: the modules and programs of the directory named by `GLOWPLUG_PAYLOAD`, and
//! the layer's Python files. What is not there is embedded as an empty file, which the command refuses to use.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where the layer's Python files lie, relative to this crate.
const PYTHON: &str = "../layer/python/glowplug";

fn main() {
    println!("cargo::rerun-if-env-changed=GLOWPLUG_PAYLOAD");
    let folder = env::var_os("GLOWPLUG_PAYLOAD").filter(|v| !v.is_empty()).map(PathBuf::from);
    for name in ["_glowplug.abi3.so", "_glowplug_dumper.abi3.so", "exec", "extension"] {
        match &folder {
            Some(folder) => embed(&folder.join(name), name, true),
            None => embed(Path::new(""), name, false),
        }
    }
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo");
    for name in ["start.py", "__init__.py"] {
        embed(&Path::new(&manifest).join(PYTHON).join(name), name, true);
    }
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
