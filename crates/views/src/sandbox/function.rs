//! A map function that compiles.

use std::sync::Arc;

use rejoin_document::parse_stored_value;

use super::machine::{Machine, Stopped};
use super::{CompileError, MapError, SandboxLimits};

/// One row that a map function emitted: two JSON texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The key; `null` where the function gave none.
    pub key: String,
    /// The value; `null` where the function gave none.
    pub value: String,
}

/// A map function. Cheap to clone; it holds its text only, and may be called from any thread.
#[derive(Debug, Clone)]
pub struct MapFunction {
    source: Arc<str>,
    limits: SandboxLimits,
}

impl MapFunction {
    /// Checks that a text is a function, as CouchDB accepts them: an expression such as `function (doc) { … }`, with or without a semicolon.
    ///
    /// # Errors
    /// [`CompileError`]: what is wrong with the text.
    pub fn compile(source: &str, limits: SandboxLimits) -> Result<Self, CompileError> {
        if source.len() > limits.source_bytes_max {
            let (bytes, bytes_max) = (source.len(), limits.source_bytes_max);
            return Err(CompileError::TooLong { bytes, bytes_max });
        }
        if let Some(literal) = big_int(source) {
            return Err(CompileError::BigInt(literal.to_owned()));
        }
        let source = source.trim_end_matches(|last: char| last == ';' || last.is_whitespace());
        let function = Self {
            source: source.into(),
            limits,
        };
        let machine = Machine::new(&function.source, limits, 0).map_err(CompileError::Bounds)?;
        match machine.compile(&function.source) {
            Ok(true) => Ok(function),
            Ok(false) => Err(CompileError::NotAFunction(excerpt(source))),
            Err(Stopped::Threw(message)) => Err(CompileError::Syntax(format!("{message} ({})", excerpt(source)))),
            Err(Stopped::Bound(error)) => Err(CompileError::Bounds(error)),
        }
    }

    /// The function's text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Calls the function with a document, given as JSON text, and returns what it emits, in order. Equal documents give equal rows. Blocks the
    /// thread.
    ///
    /// # Errors
    /// [`MapError`]: it failed for this document; nothing that it emitted before counts.
    pub fn map(&self, document: &str) -> Result<Vec<Emitted>, MapError> {
        self.map_within(document, self.limits.emitted_bytes_max)
    }

    /// The same where the rows' keys and values may have fewer bytes than the function's limits say, because others have rows beside them.
    ///
    /// # Errors
    /// As [`Self::map`].
    pub fn map_within(&self, document: &str, emitted_bytes_max: usize) -> Result<Vec<Emitted>, MapError> {
        let (bytes, bytes_max) = (document.len(), self.limits.document_bytes_max);
        if bytes > bytes_max {
            return Err(MapError::DocumentTooLarge { bytes, bytes_max });
        }
        let limits = SandboxLimits {
            emitted_bytes_max: emitted_bytes_max.min(self.limits.emitted_bytes_max),
            ..self.limits
        };
        let machine = Machine::new(&self.source, limits, bytes)?;
        let rows = machine.call(&self.source, document).map_err(|stopped| match stopped {
            Stopped::Threw(message) => MapError::Threw(message),
            Stopped::Bound(error) => error,
        })?;
        // What JavaScript prints is not always JSON: half a surrogate pair, or more levels than any reader takes.
        for text in rows.iter().flat_map(|row| [&row.key, &row.value]) {
            parse_stored_value(text.as_bytes()).map_err(|error| MapError::NotJson(error.to_string()))?;
        }
        Ok(rows)
    }
}

/// The first words of a text, for an error.
fn excerpt(source: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    match source.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &source[..end]),
        None => source.to_owned(),
    }
}

/// The first word that starts with a digit and ends with `n`. That it stands in a text or a comment is not looked at: an error that names the
/// word can be mended, a multiplication that takes hours cannot.
fn big_int(source: &str) -> Option<&str> {
    let word = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    source
        .split(|character| !word(character))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.len() > 1 && word.ends_with('n'))
}
