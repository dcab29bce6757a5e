//! Figures for people.

use std::time::Duration;

/// Bytes in the unit that fits: `512 B`, `3.4 kB`, `31.9 MB` (decimal).
pub fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        c if c < 1e3 => format!("{c} B"),
        c if c < 1e6 => format!("{:.1} kB", c / 1e3),
        c if c < 1e9 => format!("{:.1} MB", c / 1e6),
        c => format!("{:.1} GB", c / 1e9),
    }
}

/// A duration in seconds or milliseconds.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") }
}

/// `1 module`, `2 modules`, `3 libraries`.
pub fn count(number: usize, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("1 {noun}"),
        Some(stem) => format!("{number} {stem}ies"),
        None => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_the_unit_that_fits() {
        assert_eq!([512, 3_400, 31_900_000].map(bytes), ["512 B", "3.4 kB", "31.9 MB"]);
    }

    #[test]
    fn counts_have_their_plural() {
        assert_eq!(count(1, "module"), "1 module");
        assert_eq!(count(0, "library"), "0 libraries");
    }
}
