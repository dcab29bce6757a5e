//! What is snapshotted: a handler, imports, or both.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::cli::TargetArguments;
use crate::environment::Environment;
use crate::event::Event;
use crate::failure::Usage;
use crate::interpreter::{Interpreter, optimize_options};

/// A handler as Lambda's runtime takes it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// Full dotted name of the module.
    pub module: String,
    /// Name of the function in it.
    pub function: String,
}

impl Handler {
    /// Splits at the last dot; slashes count as dots (awslambdaric, `bootstrap._get_handler`).
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| Usage(format!("{text}: {why}; a handler looks like app.handler"));
        let (module, function) =
            text.rsplit_once('.').ok_or_else(|| wrong("there is no dot before the function"))?;
        let module = module.replace('/', ".");
        if function.is_empty() || module.split('.').any(str::is_empty) {
            return Err(wrong("a part of the name is empty").into());
        }
        if function == "py" {
            return Err(wrong("this names a file").into());
        }
        Ok(Self { module, function: function.to_owned() })
    }
}

/// A target with everything that running it needs.
pub struct Target {
    /// The handler, where one is given.
    pub handler: Option<Handler>,
    /// Modules to be imported.
    pub imports: Vec<String>,
    /// The function's directory, absolute.
    pub root: Option<PathBuf>,
    /// Events for the handler.
    pub events: Vec<Event>,
    /// The interpreter.
    pub python: Interpreter,
    /// The environment.
    pub environment: Environment,
    /// `-O` level, where given.
    pub optimize: Option<u8>,
    /// A program and its arguments, as the interpreter takes them.
    pub program: Vec<String>,
    /// How many seconds the program runs past its snapshot point while its imports are recorded.
    pub run_on: Option<u32>,
    /// Further options of the interpreter before it.
    pub interpreter_options: Vec<String>,
}

impl Target {
    /// Checks the arguments and finds the interpreter.
    pub fn new(arguments: &TargetArguments) -> Result<Self> {
        let handler = arguments.handler.as_deref().map(Handler::parse).transpose()?;
        if let Some(name) = arguments.import.iter().find(|n| n.split('.').any(str::is_empty)) {
            return Err(Usage(format!("--import: {name:?} is not a module's name")).into());
        }
        let folder = arguments.root.clone().or_else(|| handler.is_some().then(|| PathBuf::from(".")));
        let root = folder
            .map(|folder| {
                let root = folder
                    .canonicalize()
                    .with_context(|| format!("--root: no directory {}", folder.display()))?;
                if root.is_dir() {
                    Ok(root)
                } else {
                    Err(anyhow::Error::from(Usage(format!("--root {}: not a directory", folder.display()))))
                }
            })
            .transpose()?;
        let events =
            arguments.event.iter().map(|name| Event::read(name, root.as_deref())).collect::<Result<_>>()?;
        let environment = Environment::new(arguments.env_file.as_deref(), &arguments.env)?;
        let python = Interpreter::probe(&arguments.python, &environment)?;
        let optimize = arguments.optimize;
        let imports = arguments.import.clone();
        Ok(Self {
            handler,
            imports,
            root,
            events,
            python,
            environment,
            optimize,
            program: Vec::new(),
            run_on: None,
            interpreter_options: Vec::new(),
        })
    }

    /// The interpreter's options.
    pub fn options(&self) -> Vec<String> {
        let level = optimize_options(self.optimize.unwrap_or(0)).iter().map(|option| (*option).to_owned());
        level.chain(self.interpreter_options.iter().cloned()).collect()
    }

    /// With a program: a Python, its options, and what it runs.
    pub fn with_program(mut self, command: &[String]) -> Self {
        let mut rest = command.iter().skip(1).peekable();
        while let Some(option) =
            rest.next_if(|word| word.starts_with('-') && !["-c", "-m", "--"].contains(&word.as_str()))
        {
            self.interpreter_options.push(option.clone());
            if ["-W", "-X"].contains(&option.as_str()) {
                self.interpreter_options.extend(rest.next().cloned());
            }
        }
        self.program = rest.cloned().collect();
        self
    }

    /// A name for the archive where the user gives none.
    pub fn default_name(&self) -> Option<&str> {
        self.handler.as_ref().map(|h| h.module.as_str()).or(self.imports.first().map(String::as_str))
    }

    /// What the manifest says was snapshotted: `app.handler`, `import boto3,pandas`.
    pub fn label(&self) -> String {
        let handler = self.handler.as_ref().map(|h| format!("{}.{}", h.module, h.function));
        let imports = (!self.imports.is_empty()).then(|| format!("import {}", self.imports.join(",")));
        let program = (!self.program.is_empty()).then(|| format!("python {}", self.program.join(" ")));
        let parts: Vec<String> = handler.into_iter().chain(imports).chain(program).collect();
        if parts.is_empty() { "a list of modules".to_owned() } else { parts.join(" and ") }
    }

    /// `sys.argv` that the target sees: Lambda's runtime's, or that of `python -c`.
    pub fn argv(&self) -> [&'static str; 1] {
        if self.handler.is_some() { ["/var/runtime/bootstrap.py"] } else { ["-c"] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String) {
        let handler = Handler::parse(text).expect("a handler");
        (handler.module, handler.function)
    }

    #[test]
    fn the_last_dot_splits_module_and_function() {
        assert_eq!(parts("pkg.app.handler"), ("pkg.app".to_owned(), "handler".to_owned()));
    }

    #[test]
    fn slashes_count_as_dots() {
        assert_eq!(parts("pkg/sub/app.handler"), ("pkg.sub.app".to_owned(), "handler".to_owned()));
    }

    #[test]
    fn a_name_without_a_dot_is_not_a_handler() {
        assert!(Handler::parse("app").expect_err("no function").is::<Usage>());
    }

    #[test]
    fn empty_parts_are_refused() {
        for text in [".handler", "app.", "pkg//app.handler", "/app.handler"] {
            assert!(Handler::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_name_is_refused() {
        assert!(Handler::parse("app.py").is_err());
    }
}
