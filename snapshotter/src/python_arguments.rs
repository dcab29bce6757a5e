//! Python's command line taken apart as the interpreter does (CPython, `Python/getopt.c` and
//! `config_parse_cmdline` in `Python/initconfig.c`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// Short options that take no value and may stand before a program.
const FLAGS: &[u8] = b"bBdEiIOPqRsStuvx";
/// Short options that take a value.
const WITH_VALUE: &[u8] = b"WX";
/// Long options that take a value.
const LONG_WITH_VALUE: &str = "--check-hash-based-pycs";

/// What Python is asked to run, with what follows it.
#[derive(Debug, PartialEq, Eq)]
pub enum Program {
    /// `-c`: the text, then arguments.
    Command(Vec<OsString>),
    /// `-m`: the module's name, then arguments.
    Module(Vec<OsString>),
    /// A file or directory, then arguments.
    File(Vec<OsString>),
    /// Nothing that a start script could stand in for: standard input, a prompt, `--version`,
    /// `-x`, or a command line that Python will complain about.
    Other,
}

/// A Python command line without the interpreter.
#[derive(Debug, PartialEq, Eq)]
pub struct Split {
    /// The interpreter's own options.
    pub options: Vec<OsString>,
    /// The rest.
    pub program: Program,
}

/// Takes `arguments` (without the interpreter) apart.
pub fn split(arguments: &[OsString]) -> Split {
    let mut options = Vec::new();
    let mut skips_first_line = false;
    let mut at = 0;
    let other = |options| Split { options, program: Program::Other };
    while let Some(argument) = arguments.get(at) {
        let bytes = argument.as_bytes();
        if bytes == b"--" {
            at += 1;
            break;
        }
        if !bytes.starts_with(b"-") || bytes == b"-" {
            break;
        }
        at += 1;
        if bytes.starts_with(b"--") {
            if argument != LONG_WITH_VALUE {
                return other(options);
            }
            let Some(value) = arguments.get(at) else {
                return other(options);
            };
            at += 1;
            options.extend([argument.clone(), value.clone()]);
            continue;
        }
        // A cluster such as -Bsc: flags, then possibly one option that takes what follows.
        for (position, letter) in bytes.iter().enumerate().skip(1) {
            let (before, attached) = (&bytes[..position], &bytes[position + 1..]);
            match letter {
                b'c' | b'm' => {
                    if before.len() > 1 {
                        options.push(OsStr::from_bytes(before).to_owned());
                    }
                    let rest = arguments[at..].iter().cloned();
                    let attached = (!attached.is_empty()).then(|| OsString::from_vec(attached.to_vec()));
                    let rest: Vec<OsString> = attached.into_iter().chain(rest).collect();
                    let program = match (rest.is_empty() || skips_first_line, letter) {
                        (true, _) => Program::Other,
                        (_, b'c') => Program::Command(rest),
                        _ => Program::Module(rest),
                    };
                    return Split { options, program };
                }
                _ if WITH_VALUE.contains(letter) => {
                    options.push(argument.clone());
                    if attached.is_empty() {
                        let Some(value) = arguments.get(at) else {
                            return other(options);
                        };
                        options.push(value.clone());
                        at += 1;
                    }
                    break;
                }
                _ if FLAGS.contains(letter) => {
                    skips_first_line |= *letter == b'x';
                    if attached.is_empty() {
                        options.push(argument.clone());
                    }
                }
                _ => return other(options), // -h, -?, -V, or unknown
            }
        }
    }
    let rest = arguments[at..].to_vec();
    let from_stdin = rest.first().is_none_or(|program| program == "-");
    let program = if from_stdin || skips_first_line { Program::Other } else { Program::File(rest) };
    Split { options, program }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').filter(|w| !w.is_empty()).map(OsString::from).collect()
    }

    #[track_caller]
    fn check(line: &str, options: &str, program: Program) {
        assert_eq!(split(&words(line)), Split { options: words(options), program });
    }

    #[test]
    fn a_file_ends_the_options() {
        check("-B app.py -c x", "-B", Program::File(words("app.py -c x")));
    }

    #[test]
    fn a_command_keeps_its_arguments() {
        check("-c pass -B a", "", Program::Command(words("pass -B a")));
    }

    #[test]
    fn a_module_may_be_attached_to_its_letter() {
        check("-mjson.tool f", "", Program::Module(words("json.tool f")));
    }

    #[test]
    fn flags_before_c_in_one_cluster_stay_options() {
        check("-Isc pass a", "-Is", Program::Command(words("pass a")));
    }

    #[test]
    fn options_with_values_take_the_next_word() {
        check("-X dev -W error app.py", "-X dev -W error", Program::File(words("app.py")));
    }

    #[test]
    fn options_with_values_may_have_them_attached() {
        check("-Xdev -BWerror app.py", "-Xdev -BWerror", Program::File(words("app.py")));
    }

    #[test]
    fn the_value_of_an_option_may_look_like_an_option() {
        check("-W -c app.py", "-W -c", Program::File(words("app.py")));
    }

    #[test]
    fn the_long_option_takes_a_value() {
        let options = "--check-hash-based-pycs always";
        check(&format!("{options} -m x"), options, Program::Module(words("x")));
    }

    #[test]
    fn two_dashes_end_the_options() {
        check("-B -- -c", "-B", Program::File(words("-c")));
    }

    #[test]
    fn standard_input_is_not_a_file() {
        check("-q - a", "-q", Program::Other);
        check("-i", "-i", Program::Other);
        check("", "", Program::Other);
    }

    #[test]
    fn questions_about_python_are_left_to_python() {
        for line in ["-V", "--version", "-h", "-?", "--help-all", "-BV"] {
            assert_eq!(split(&words(line)).program, Program::Other, "{line}");
        }
    }

    #[test]
    fn wrong_command_lines_are_left_to_python() {
        for line in ["-c", "-m", "-Z app.py", "--unknown app.py", "-X", "-J x"] {
            assert_eq!(split(&words(line)).program, Program::Other, "{line}");
        }
    }

    #[test]
    fn skipping_the_first_line_is_left_to_python() {
        check("-x app.py", "-x", Program::Other);
    }
}
