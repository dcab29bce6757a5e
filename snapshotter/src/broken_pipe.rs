//! A reader of our output that has gone (`glowplug inspect ARCHIVE | head`): the program ends without a word, as others do.
//! Any other panic aborts it.

use std::any::Any;
use std::panic;

/// Exit status: what a shell says of a program that SIGPIPE (13) has ended.
const STATUS: i32 = 128 + 13;

/// Has writing to a closed standard output end this program. Rust ignores SIGPIPE, and `println!` panics instead.
///
/// Whatever else panics, in any thread, aborts the program once it has said why. It is compiled to unwind, since tests
/// are and its dependencies are compiled for both; a server's task that panicked would be caught, and go unnoticed.
pub fn end_quietly() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        if is_broken_pipe(panicked.payload()) {
            std::process::exit(STATUS);
        }
        usual(panicked);
        std::process::abort();
    }));
}

/// Whether a panic is `println!`'s about a closed pipe (library/std/src/io/stdio.rs, `print_to`).
fn is_broken_pipe(payload: &dyn Any) -> bool {
    let said = payload.downcast_ref::<String>().map_or("", String::as_str);
    said.starts_with("failed printing to stdout") && said.contains("Broken pipe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_panics_are_shown() {
        let said = "failed printing to stdout: Broken pipe (os error 32)".to_owned();
        assert!(is_broken_pipe(&said));
        assert!(!is_broken_pipe(
            &"failed printing to stdout: No space left on device (os error 28)".to_owned()
        ));
        assert!(!is_broken_pipe(&"index out of bounds"));
    }
}
