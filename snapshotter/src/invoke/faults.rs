//! An Extensions API that misbehaves on purpose, for tests of extensions.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A call of the Extensions API that can be made to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Faulty {
    Register,
    Next,
}

/// How it goes wrong. Lambda has taken the request each time: only its answer is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wrong {
    /// The right answer, late.
    Slow(Duration),
    /// This status.
    Status(u16),
    /// The connection is closed.
    Close,
    /// No answer at all.
    Silent,
}

/// `CALL=WHAT`, as in `register=500` or `next=slow:300`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub call: Faulty,
    pub wrong: Wrong,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!("{text}: not (register or next)=(a status from 400, slow:MILLISECONDS, close or silent)")
        };
        let (call, wrong) = text.split_once('=').ok_or_else(unknown)?;
        let call = match call {
            "register" => Faulty::Register,
            "next" => Faulty::Next,
            _ => return Err(unknown()),
        };
        let wrong = match (wrong, wrong.strip_prefix("slow:")) {
            ("close", _) => Wrong::Close,
            ("silent", _) => Wrong::Silent,
            (_, Some(time)) => Wrong::Slow(Duration::from_millis(time.parse().map_err(|_| unknown())?)),
            _ => Wrong::Status(wrong.parse().ok().filter(|s| (400..600).contains(s)).ok_or_else(unknown)?),
        };
        Ok(Self { call, wrong })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_call_and_what_goes_wrong() {
        let read = |text: &str| text.parse::<Fault>().ok().map(|fault| (fault.call, fault.wrong));
        assert_eq!(read("register=500"), Some((Faulty::Register, Wrong::Status(500))));
        assert_eq!(read("next=slow:20"), Some((Faulty::Next, Wrong::Slow(Duration::from_millis(20)))));
        assert_eq!(read("next=close"), Some((Faulty::Next, Wrong::Close)));
        for text in ["register", "register=", "register=200", "exit=500", "next=slow:long"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
