//! Escaping of texts from outside, for each place where they go: names and texts in files, commands, what servers print.

pub(crate) mod csv;
pub mod markdown;
pub(crate) mod markup;

/// A name in the marks of code, for the texts of a page. A backtick in it would end the code, so an apostrophe stands in its
/// place.
pub(crate) fn code(name: &str) -> String {
    format!("`{}`", name.replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_backticks_is_one_piece_of_code() {
        let marked = [markdown::marked, |text: &str| markup::marked(text).into_string()];
        let shown = marked.map(|marked| marked(&code("a `b` |")));
        assert_eq!(shown, ["`a 'b' \\|`", "<code>a 'b' |</code>"]);
    }
}
