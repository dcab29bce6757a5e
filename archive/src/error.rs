//! What can be wrong with an archive.

use std::path::PathBuf;

/// Result with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why an archive cannot be used. Each message says what was wrong and where.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened, read, mapped or written.
    #[error("{path}: {source}")]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a regular file (a directory, a device).
    #[error("{0}: not a regular file")]
    NotAFile(PathBuf),
    /// The first bytes are not the magic of a `.glow` file.
    #[error("not a Glowplug archive (wrong magic)")]
    Magic,
    /// Written by a Glowplug whose format this one cannot read.
    #[error("format version {found} is not supported (this build reads version {supported})")]
    Version {
        /// Major version found in the file.
        found: u16,
        /// Major version of this build.
        supported: u16,
    },
    /// The file is shorter or longer than its header says.
    #[error("truncated or extended: the header says {expected} bytes, the file has {found}")]
    Size {
        /// Bytes according to the header (or the least a header needs).
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// A checksum does not match.
    #[error("checksum mismatch in {0}")]
    Checksum(String),
    /// An offset, length or value lies outside of what the format allows.
    #[error("damaged: {0}")]
    Bounds(String),
    /// A section that this reader needs is not there.
    #[error("the {0} section is missing")]
    MissingSection(&'static str),
    /// The archive was built for another interpreter or machine.
    #[error("built for another interpreter: {0}")]
    Fingerprint(String),
    /// What was to be written does not fit the format.
    #[error("cannot be stored: {0}")]
    Unstorable(String),
    /// A compressed section could not be decoded.
    #[error("damaged {what}: {why}")]
    Decode {
        /// The part concerned.
        what: &'static str,
        /// The decoder's message.
        why: String,
    },
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
