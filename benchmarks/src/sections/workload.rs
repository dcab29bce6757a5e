//! What is run: six packages, as functions use them.

use anyhow::{Result, bail};

/// A statement that a fresh Python runs, and what it must print.
#[derive(Debug, PartialEq, Eq)]
pub struct Workload {
    /// Name in options, tables and results.
    pub name: &'static str,
    /// What initialises the function.
    pub statement: &'static str,
    /// Expressions, separated by commas, whose values show that the initialisation worked.
    pub check: &'static str,
    /// What `print(check)` prints. Anything else makes a variant's runs void.
    pub expected: &'static str,
}

impl Workload {
    /// The program for `python -c`. Its last line is when it was ready, in nanoseconds of
    /// CLOCK_MONOTONIC; the module `time` is built in and imported by every start.
    pub fn program(&self) -> String {
        format!("{}; print({}); print(__import__('time').monotonic_ns())", self.statement, self.check)
    }
}

/// All workloads.
pub const ALL: &[Workload] = &[
    Workload {
        name: "requests",
        statement: "import requests",
        check: "requests.get.__name__",
        expected: "get",
    },
    Workload {
        name: "boto3",
        statement: "import boto3; s3 = boto3.client('s3')",
        check: "s3.meta.service_model.service_id",
        expected: "S3",
    },
    Workload {
        name: "pandas",
        statement: "import pandas",
        check: "pandas.DataFrame({'a': [1, 2]}).a.sum()",
        expected: "3",
    },
    Workload {
        name: "fastapi+mangum",
        statement: "import fastapi, mangum",
        check: "fastapi.FastAPI.__name__, mangum.Mangum.__name__",
        expected: "FastAPI Mangum",
    },
    Workload {
        name: "sqlalchemy",
        statement: "import sqlalchemy",
        check: "sqlalchemy.select(1)",
        expected: "SELECT 1",
    },
    Workload {
        name: "powertools",
        statement: "from aws_lambda_powertools import Logger, Tracer, Metrics",
        check: "Logger.__name__, Tracer.__name__, Metrics.__name__",
        expected: "Logger Tracer Metrics",
    },
];

/// The workloads with these names; without names all, or the first only when it has to be quick.
///
/// # Errors
/// When there is no such workload.
pub fn chosen(names: &[String], quick: bool) -> Result<Vec<&'static Workload>> {
    if names.is_empty() {
        return Ok(ALL.iter().take(if quick { 1 } else { ALL.len() }).collect());
    }
    let mut workloads = Vec::new();
    for name in names {
        let Some(workload) = ALL.iter().find(|w| w.name == name) else {
            let known: Vec<_> = ALL.iter().map(|w| w.name).collect();
            bail!("no package {name:?}; there are {}", known.join(", "));
        };
        workloads.push(workload);
    }
    Ok(workloads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_chosen_by_name() {
        assert_eq!(chosen(&["pandas".into()], false).unwrap(), [&ALL[2]]);
        assert_eq!(chosen(&[], false).unwrap().len(), 6);
        assert_eq!(chosen(&[], true).unwrap().len(), 1);
    }

    #[test]
    fn an_unknown_package_is_answered_with_the_known_ones() {
        let error = chosen(&["numpy".into()], false).unwrap_err().to_string();
        assert!(error.starts_with("no package \"numpy\"; there are requests, boto3"), "{error}");
    }

    #[test]
    fn a_program_prints_its_check_and_when_it_was_ready() {
        let program = ALL[0].program();
        assert!(program.starts_with("import requests; print(requests.get.__name__); "), "{program}");
        assert!(program.ends_with("print(__import__('time').monotonic_ns())"), "{program}");
    }
}
