//! Has the linker put code that no start uses behind all other (`cold.ld`).

fn main() {
    let script = std::path::absolute("cold.ld").expect("the package's folder");
    println!("cargo:rerun-if-changed=cold.ld");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-T,{}", script.display());
}
