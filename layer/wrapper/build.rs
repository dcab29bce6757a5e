//! Links the wrapper without a C library: static, at a fixed address, with its own entry point.

/// Where the wrapper lies (`glowplug_records::image::RESTORER`): below where the kernel puts heaps,
/// libraries and executables, so that a process image has its own addresses to itself.
const ADDRESS: &str = "-Wl,-Ttext-segment=0x100000";

fn main() {
    // GNU's linker, which every gcc comes with: lld calls the option for the address otherwise.
    println!("cargo::rustc-link-arg-bins=-fuse-ld=bfd");
    for argument in ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", ADDRESS] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
