//! When the rung was decided, for those who measure starts: a line on stderr, if `GLOWPLUG_MOMENTS` is set.

use crate::settings::Settings;
use crate::system;

const BEFORE: &[u8] = b"glowplug: rung image at ";
const AFTER: &[u8] = b" ns\n";
/// Decimal digits of the largest `u64`.
const DIGITS: usize = 20;

/// Says that it is the image, and when that was certain: nanoseconds of CLOCK_MONOTONIC.
pub fn image(settings: &Settings<'_>, at: u64) {
    if settings.moments {
        let (line, length) = line(at);
        system::write_error(&line[..length]);
    }
}

/// The line, and its length.
fn line(mut at: u64) -> ([u8; BEFORE.len() + DIGITS + AFTER.len()], usize) {
    let (mut digits, mut first) = ([b'0'; DIGITS], DIGITS);
    loop {
        first -= 1;
        digits[first] = b'0' + (at % 10) as u8;
        at /= 10;
        if at == 0 {
            break;
        }
    }
    let (mut line, mut length) = ([0; BEFORE.len() + DIGITS + AFTER.len()], 0);
    for part in [BEFORE, &digits[first..], AFTER] {
        line[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    (line, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_written_whole() {
        for number in [0, 7, 1_000_000_000, u64::MAX] {
            let (text, length) = line(number);
            assert_eq!(text[..length], *format!("glowplug: rung image at {number} ns\n").as_bytes());
        }
    }
}
