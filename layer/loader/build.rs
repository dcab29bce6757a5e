//! Has the linker put what imports run together, and code that no start uses behind all other (`order.ld`).

fn main() {
    let script = std::path::absolute("order.ld").expect("the package's folder");
    println!("cargo:rerun-if-changed=order.ld");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-T,{}", script.display());
}
