//! The constants of code that is done with when it has run: which of them go with it.

use glowplug_archive::heap::Target;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{MAX_DEPTH, Walk, is_function};
use crate::interpreter::Kind;
use crate::passing::Passing;

impl<'py> Walk<'_, 'py> {
    /// Notes what bodies within `code` pass on, and which tuples stay in use all the same, because a function
    /// or another body has them too. `stays` says whether `code` does.
    pub(super) fn note_constants(
        &mut self,
        code: &Bound<'py, PyAny>,
        stays: bool,
        depth: usize,
    ) -> PyResult<()> {
        let constants = code.getattr("co_consts")?.cast_into::<PyTuple>()?;
        let body = !stays && !is_function(code)?;
        if body {
            let is_dropped = |number| {
                let constant = constants.get_item(number)?;
                Ok(self.interpreter.kind(&constant) == Some(Kind::Code) && !self.is_kept(&constant)?)
            };
            let passed_on = self.interpreter.instructions.passed_on(code, is_dropped)?;
            self.passed_on.insert(code.as_ptr() as usize, passed_on);
        }
        for (number, constant) in constants.iter().enumerate() {
            match self.interpreter.kind(&constant) {
                Some(Kind::Code) if depth < MAX_DEPTH => {
                    let stays = stays || self.is_kept(&constant)?;
                    self.note_constants(&constant, stays, depth + 1)?;
                }
                Some(Kind::Tuple) if stays => self.note_tuple(&constant, depth)?,
                Some(Kind::Tuple) if body => match self.passing(code, number) {
                    None => self.note_tuple(&constant, depth)?,
                    Some(Passing::Tuple) => {
                        for item in constant.cast::<PyTuple>()?.iter() {
                            self.note_tuple(&item, depth)?;
                        }
                    }
                    Some(Passing::Whole) => {}
                },
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes that a tuple stays in use, with those in it.
    fn note_tuple(&mut self, object: &Bound<'py, PyAny>, depth: usize) -> PyResult<()> {
        if depth < MAX_DEPTH
            && let Ok(tuple) = object.cast_exact::<PyTuple>()
            && self.staying.insert(object.as_ptr() as usize)
        {
            for item in tuple.iter() {
                self.note_tuple(&item, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Whether the body `code` only passes the constant of this number on.
    fn passing(&self, code: &Bound<'py, PyAny>, number: usize) -> Option<Passing> {
        self.passed_on.get(&(code.as_ptr() as usize))?.get(&number).copied()
    }

    /// The constants of code in the transient part. What a module or class body loads may stay in
    /// use unless it only passes it on, and so may functions; the rest is done with.
    pub(super) fn transient_constants(
        &mut self,
        constants: &Bound<'py, PyTuple>,
        code: &Bound<'py, PyAny>,
    ) -> PyResult<Target> {
        let address = constants.as_ptr() as usize;
        if let Some(known) = self.find(|placed| placed.known.get(&address)) {
            return Ok(known);
        }
        let is_function = is_function(code)?;
        // Comprehensions and the like run where they stand, so their texts may be somewhere too: `re` keeps
        // the patterns that it has compiled. Other functions that were dropped mostly never ran.
        let is_expression = is_function && code.getattr("co_name")?.extract::<String>()?.starts_with('<');
        let at = self.blank_tuple(constants.len());
        self.here().known.insert(address, Target::Local(at));
        let mut place = at + self.interpreter.layout.tuple.items as u32;
        for (number, constant) in constants.iter().enumerate() {
            let kind = self.interpreter.kind(&constant);
            let passing = if is_function { Some(Passing::Whole) } else { self.passing(code, number) };
            let stays = !is_function && self.staying.contains(&(constant.as_ptr() as usize));
            let target = match (kind, passing) {
                _ if stays => self.persistent(&constant)?,
                (Some(Kind::Code), _) if self.is_kept(&constant)? => self.persistent(&constant)?,
                (Some(Kind::Str | Kind::Bytes), _) if is_expression => self.persistent(&constant)?,
                (Some(Kind::Code), _) | (_, Some(Passing::Whole)) => self.target(&constant)?,
                (Some(Kind::Tuple), Some(Passing::Tuple)) => self.passing_tuple(&constant)?,
                _ => self.persistent(&constant)?,
            };
            self.here().objects.slot(place, target);
            place += 8;
        }
        Ok(Target::Local(at))
    }

    /// A tuple in the transient part whose items are put into the persistent one.
    fn passing_tuple(&mut self, tuple: &Bound<'py, PyAny>) -> PyResult<Target> {
        let address = tuple.as_ptr() as usize;
        if let Some(number) = self.interpreter.singleton(tuple) {
            return Ok(Target::Extern(number));
        }
        if let Some(known) = self.find(|placed| placed.known.get(&address)) {
            return Ok(known);
        }
        let tuple = tuple.cast::<PyTuple>()?;
        let at = self.blank_tuple(tuple.len());
        self.here().known.insert(address, Target::Local(at));
        let mut place = at + self.interpreter.layout.tuple.items as u32;
        for item in tuple.iter() {
            let target = self.persistent(&item)?;
            self.here().objects.slot(place, target);
            place += 8;
        }
        Ok(Target::Local(at))
    }
}
