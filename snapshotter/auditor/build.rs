//! Links the module without a C library: it is loaded into a namespace of its own (rtld-audit(7)), where another copy of
//! the C library would be loaded with it.

fn main() {
    for argument in ["-nostartfiles", "-nostdlib"] {
        println!("cargo::rustc-link-arg-cdylib={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
