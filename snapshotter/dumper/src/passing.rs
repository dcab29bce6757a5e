//! Which constants the body of a module or class only passes on: they are done with when it has run.
//!
//! A body's constants may stay in use, as values of variables. Not so tuples that `from` statements, calls
//! with keywords and displays of lists and dicts take their items from, and what functions are made with that
//! nobody kept. Where something else holds one of them all the same, the loader sees that by its reference
//! count and keeps what it is stored with.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// Flags of `MAKE_FUNCTION` and `SET_FUNCTION_ATTRIBUTE` (CPython `Python/ceval.c`, `MAKE_FUNCTION`, 3.10;
/// `Include/internal/pycore_opcode_utils.h` since 3.12): what lies on the stack below the code, in this order.
const DEFAULTS: usize = 1;
const KEYWORD_DEFAULTS: usize = 2;
const ANNOTATIONS: usize = 4;
const CLOSURE: usize = 8;

/// What becomes of a constant that a body passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// It is done with, and so is all in it.
    Whole,
    /// It is a tuple that is done with; its items may stay in use.
    Tuple,
}

/// They use up the tuple that was loaded just before: `from` statements, calls with keywords, displays of
/// lists and dicts, comparisons (CPython `Doc/library/dis.rst`, 3.10 to 3.14).
const TAKING: [&str; 7] = [
    "IMPORT_NAME",
    "CALL_FUNCTION_KW",
    "CALL_KW",
    "BUILD_CONST_KEY_MAP",
    "LIST_EXTEND",
    "CONTAINS_OP",
    "COMPARE_OP",
];

/// Numbers of the instructions that matter here; `None` for those that this version does not have.
pub struct Instructions {
    load_const: Option<u8>,
    extended_argument: Option<u8>,
    make_function: Option<u8>,
    set_function_attribute: Option<u8>,
    taking: Vec<u8>,
    /// 3.11 and 3.12: names its constant itself.
    keyword_names: Option<u8>,
    /// All others that use a constant.
    others: Vec<u8>,
    /// Whether 0 stands for what the interpreter keeps within the code, since 3.11.
    caches: bool,
}

impl Instructions {
    /// Those of the running interpreter.
    ///
    /// # Errors
    /// Whatever importing `opcode` raises.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let module = py.import("opcode")?;
        let numbers = module.getattr("opmap")?.cast_into::<PyDict>()?;
        let number = |name: &str| -> Option<u8> { numbers.get_item(name).ok()??.extract().ok() };
        let [load_const, keyword_names] = ["LOAD_CONST", "KW_NAMES"].map(number);
        let with_constants: Vec<u16> = module.getattr("hasconst")?.extract()?;
        let with_constants = with_constants.into_iter().filter_map(|n| u8::try_from(n).ok());
        Ok(Self {
            load_const,
            extended_argument: number("EXTENDED_ARG"),
            make_function: number("MAKE_FUNCTION"),
            set_function_attribute: number("SET_FUNCTION_ATTRIBUTE"),
            taking: TAKING.into_iter().filter_map(number).collect(),
            keyword_names,
            others: with_constants.filter(|n| ![load_const, keyword_names].contains(&Some(*n))).collect(),
            caches: number("CACHE") == Some(0),
        })
    }

    /// The instructions of `co_code` with their arguments.
    fn read(&self, code: &[u8]) -> Vec<(u8, usize)> {
        let mut read = Vec::with_capacity(code.len() / 2);
        let mut extended = 0;
        for unit in code.chunks_exact(2) {
            let argument = extended << 8 | usize::from(unit[1]);
            extended = 0;
            if Some(unit[0]) == self.extended_argument {
                extended = argument;
            } else if unit[0] != 0 || !self.caches {
                read.push((unit[0], argument));
            }
        }
        read
    }

    /// The constants of `code` that it only passes on, by their numbers. `is_dropped` says of a constant's
    /// number whether it is the code of a function that nobody kept.
    ///
    /// # Errors
    /// Whatever reading `co_code` raises, or `is_dropped`.
    pub fn passed_on(
        &self,
        code: &Bound<'_, PyAny>,
        is_dropped: impl Fn(usize) -> PyResult<bool>,
    ) -> PyResult<HashMap<usize, Passing>> {
        let bytes = code.getattr("co_code")?.cast_into::<PyBytes>()?;
        let read = self.read(bytes.as_bytes());
        // By place in `read`.
        let mut dropped = vec![false; read.len()];
        for at in (0..read.len()).filter(|at| Some(read[*at].0) == self.make_function) {
            self.drop_parts(&read, at, &is_dropped, &mut dropped)?;
        }
        let mut found: HashMap<usize, Option<Passing>> = HashMap::new();
        for (at, (op, number)) in read.iter().enumerate() {
            let loads = Some(*op) == self.load_const;
            let taken = loads && read.get(at + 1).is_some_and(|(next, _)| self.taking.contains(next));
            let use_of_it = if taken || Some(*op) == self.keyword_names {
                Some(Passing::Tuple)
            } else if loads && dropped[at] {
                Some(Passing::Whole)
            } else if loads || self.others.contains(op) {
                None
            } else {
                continue;
            };
            // What keeps most of it decides.
            let known = found.entry(*number).or_insert(use_of_it);
            *known = match (*known, use_of_it) {
                (None, _) | (_, None) => None,
                (Some(Passing::Whole), Some(Passing::Whole)) => Some(Passing::Whole),
                _ => Some(Passing::Tuple),
            };
        }
        Ok(found.into_iter().filter_map(|(number, passing)| Some((number, passing?))).collect())
    }

    /// Marks what the function that is made at `made` is made with, if nobody kept the function.
    fn drop_parts(
        &self,
        read: &[(u8, usize)],
        made: usize,
        is_dropped: &impl Fn(usize) -> PyResult<bool>,
        dropped: &mut [bool],
    ) -> PyResult<()> {
        let loads = |at: usize| read.get(at).filter(|(op, _)| Some(*op) == self.load_const).map(|(_, n)| *n);
        // Before 3.11 the function's name is loaded after its code.
        let names = usize::from(!self.caches);
        let Some(of_code) = made.checked_sub(1 + names) else { return Ok(()) };
        let Some(number) = loads(of_code) else { return Ok(()) };
        if !is_dropped(number)? {
            return Ok(());
        }
        dropped[of_code + 1..made].fill(true);
        let mut flags = if self.set_function_attribute.is_some() { 0 } else { read[made].1 };
        for (_, flag) in
            read[made + 1..].iter().take_while(|(op, _)| Some(*op) == self.set_function_attribute)
        {
            flags |= flag;
        }
        // What was put together on the stack ends it.
        let mut below = of_code;
        for flag in [CLOSURE, ANNOTATIONS, KEYWORD_DEFAULTS, DEFAULTS] {
            if flags & flag != 0 {
                match below.checked_sub(1).filter(|before| loads(*before).is_some()) {
                    Some(before) => below = before,
                    None => break,
                }
                dropped[below] = true;
            }
        }
        Ok(())
    }
}
