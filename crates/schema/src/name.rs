//! Names that become parts of file names: those of models, contenders, experiments and settings.

/// What [`is_name`] accepts, in words.
pub const NAMES: &str = "letters, digits, -, _ and ., 64 at most, with a letter or a digit first";

/// Whether this is a name: it is also a part of a file's name, and needs no quotes in a shell.
#[must_use]
pub fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let first = text.bytes().next();
    first.is_some_and(|first| first.is_ascii_alphanumeric())
        && text.len() <= LONGEST
        && text.bytes().all(is_part)
}
