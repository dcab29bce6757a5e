//! Python's command line taken apart as the interpreter does (CPython, `Python/getopt.c` and
//! `config_parse_cmdline` in `Python/initconfig.c`), so that a start script can be put into it:
//!
//! ```text
//! python -B -Isc pass a      as it was given
//! python -B -Is START ... -Isc pass a
//! ```
//!
//! Everything from the argument on that names the program stays as it was given; the start script
//! knows what to make of it.

/// Short options that take no value and may stand before a program.
const FLAGS: &[u8] = b"bBdEiIOPqRsStuvx";
/// Short options that take a value.
const WITH_VALUE: &[u8] = b"WX";
/// Long options that take a value.
const LONG_WITH_VALUE: &[u8] = b"--check-hash-based-pycs";

/// Where the program stands in a Python command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// How many arguments are the interpreter's own options. What follows names the program:
    /// `-c`, `-m`, `--` or a file, and its arguments.
    pub options: usize,
    /// Where the program's argument begins with further options of the interpreter (`-Isc pass`):
    /// how many of its bytes those are (`-Is`: 3), else 0.
    pub shared: usize,
}

/// Finds the program in `arguments` (without the interpreter). `None` where there is nothing that a
/// start script could stand in for: standard input, a prompt, `--version`, `-x`, or a command line
/// that Python will complain about.
pub fn split(arguments: &[impl AsRef<[u8]>]) -> Option<Split> {
    let mut at = 0;
    loop {
        let bytes = arguments.get(at)?.as_ref();
        if bytes == b"--" {
            let file = arguments.get(at + 1)?.as_ref();
            return (file != b"-").then_some(Split { options: at, shared: 0 });
        }
        if bytes == b"-" {
            return None;
        }
        if !bytes.starts_with(b"-") {
            return Some(Split { options: at, shared: 0 });
        }
        if bytes.starts_with(b"--") {
            if bytes != LONG_WITH_VALUE {
                return None;
            }
            at += 2;
            continue;
        }
        // A cluster such as -Bsc: flags, then possibly one option that takes what follows.
        let mut taken = 1;
        for (position, letter) in bytes.iter().enumerate().skip(1) {
            let last = position + 1 == bytes.len();
            match letter {
                b'c' | b'm' => {
                    let named = !last || arguments.len() > at + 1;
                    let shared = if position > 1 { position } else { 0 };
                    return named.then_some(Split { options: at, shared });
                }
                _ if WITH_VALUE.contains(letter) => {
                    taken += usize::from(last);
                    break;
                }
                b'x' => return None,
                _ if FLAGS.contains(letter) => {}
                _ => return None, // -h, -?, -V, or unknown
            }
        }
        at += taken;
    }
}

/// Whether the last part of a path names a Python: `python`, `python3`, `python3.12`.
#[must_use]
pub fn is_python(program: &[u8]) -> bool {
    let name = program.rsplit(|b| *b == b'/').next().unwrap_or_default();
    name.strip_prefix(b"python").is_some_and(|rest| rest.iter().all(|b| b.is_ascii_digit() || *b == b'.'))
}

/// The interpreter and its one argument that a script's first line names (execve(2)), taken from the
/// first bytes of the file. `/usr/bin/env NAME` counts as `NAME`.
#[must_use]
pub fn first_line(file: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let line = file.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?.trim_ascii();
    let (program, argument) = word(line);
    if program.rsplit(|b| *b == b'/').next() != Some(b"env") {
        return (!program.is_empty()).then_some((program, argument));
    }
    argument.map(|name| (name, None)).filter(|(name, _)| !name.iter().any(u8::is_ascii_whitespace))
}

/// The first word, and the rest if there is any.
fn word(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(u8::is_ascii_whitespace) {
        Some(end) => (&line[..end], Some(line[end..].trim_ascii())),
        None => (line, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<(usize, usize)> {
        let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
        split(&words).map(|s| (s.options, s.shared))
    }

    #[test]
    fn a_file_ends_the_options() {
        assert_eq!(found("-B app.py -c x"), Some((1, 0)));
    }

    #[test]
    fn a_command_and_a_module_end_the_options() {
        assert_eq!(found("-c pass -B a"), Some((0, 0)));
        assert_eq!(found("-B -m json.tool f"), Some((1, 0)));
    }

    #[test]
    fn a_module_may_be_attached_to_its_letter() {
        assert_eq!(found("-mjson.tool f"), Some((0, 0)));
    }

    #[test]
    fn flags_before_c_in_one_cluster_are_shared() {
        assert_eq!(found("-Isc pass a"), Some((0, 3)));
        assert_eq!(found("-B -Bmjson.tool"), Some((1, 2)));
    }

    #[test]
    fn options_with_values_take_the_next_word() {
        assert_eq!(found("-X dev -W error app.py"), Some((4, 0)));
        assert_eq!(found("-BX dev app.py"), Some((2, 0)));
    }

    #[test]
    fn options_with_values_may_have_them_attached() {
        assert_eq!(found("-Xdev -BWerror app.py"), Some((2, 0)));
    }

    #[test]
    fn the_value_of_an_option_may_look_like_an_option() {
        assert_eq!(found("-W -c app.py"), Some((2, 0)));
    }

    #[test]
    fn the_long_option_takes_a_value() {
        assert_eq!(found("--check-hash-based-pycs always -m x"), Some((2, 0)));
    }

    #[test]
    fn two_dashes_end_the_options() {
        assert_eq!(found("-B -- -c"), Some((1, 0)));
        assert_eq!(found("--"), None);
    }

    #[test]
    fn standard_input_is_not_a_file() {
        for line in ["-q - a", "-i", "", "-- -"] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn questions_about_python_are_left_to_python() {
        for line in ["-V", "--version", "-h", "-?", "--help-all", "-BV"] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn wrong_command_lines_are_left_to_python() {
        for line in ["-c", "-m", "-Z app.py", "--unknown app.py", "-X", "-J x"] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn skipping_the_first_line_is_left_to_python() {
        assert_eq!(found("-x app.py"), None);
    }

    #[test]
    fn pythons_are_known_by_their_names() {
        for name in ["python", "python3", "/usr/bin/python3.12", "./python"] {
            assert!(is_python(name.as_bytes()), "{name}");
        }
        for name in ["pythonw", "ipython", "node", "", "python3-config"] {
            assert!(!is_python(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_first_line_of_a_script_names_its_interpreter() {
        let of = |text: &'static str| first_line(text.as_bytes());
        assert_eq!(of("#!/opt/venv/bin/python\nx"), Some((&b"/opt/venv/bin/python"[..], None)));
        assert_eq!(of("#! /usr/bin/python3 -I\n"), Some((&b"/usr/bin/python3"[..], Some(&b"-I"[..]))));
        assert_eq!(of("#!/usr/bin/env python3\n"), Some((&b"python3"[..], None)));
        for text in ["", "\x7fELF", "#!\n", "#!/usr/bin/env -S python3 -B\n"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
