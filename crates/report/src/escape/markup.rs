//! Escaping for HTML and SVG, by maud.

use maud::{Escaper, Markup, PreEscaped, Render, html};
use std::fmt::Write;

use schema::text::unseen::is_unseen;

/// A text that is shown as it is written. Invisible characters become U+FFFD: XML cannot contain control characters, and
/// others change the order of the text around them.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl Render for Shown<'_> {
    fn render_to(&self, buffer: &mut String) {
        let text = visible(self.0);
        Escaper::new(buffer)
            .write_str(&text)
            .expect("writing to a string cannot fail");
    }
}

/// A text with U+FFFD in the place of each invisible character.
pub(crate) fn visible(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' | '\t' => letter,
        letter if is_unseen(letter) || matches!(letter, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(shown).collect()
}

/// A text escaped for element content, and for attributes in double quotes.
pub(crate) fn escape(text: &str) -> String {
    Shown(text).render().into_string()
}

/// A text without the marks of bold and code, for attributes.
pub(crate) fn plain(text: &str) -> String {
    text.replace("**", "").replace('`', "")
}

/// A text with `**bold**` and `` `code` `` as elements. A mark without its end stays as it is written.
pub(crate) fn marked(text: &str) -> Markup {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`']) {
        let (before, from) = rest.split_at(at);
        Shown(before).render_to(&mut out);
        let mark = if from.starts_with("**") { "**" } else { &from[..1] };
        let inside = &from[mark.len()..];
        let Some(end) = inside.find(mark).filter(|_| mark != "*") else {
            out += mark;
            rest = inside;
            continue;
        };
        let words = &inside[..end];
        let element = if mark == "`" {
            html! { code { (Shown(words)) } }
        } else {
            html! { strong { (marked(words)) } }
        };
        element.render_to(&mut out);
        rest = &inside[end + mark.len()..];
    }
    Shown(rest).render_to(&mut out);
    PreEscaped(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_markup_is_escaped() {
        assert_eq!(
            escape("<b a=\"1\">&\u{7}\u{202e}\u{ffff}\0"),
            "&lt;b a=&quot;1&quot;&gt;&amp;\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn marks_become_elements_and_all_else_is_escaped() {
        assert_eq!(
            marked("**a `x` <b>** `**<i>**` 2 * 3 `open **").into_string(),
            "<strong>a <code>x</code> &lt;b&gt;</strong> <code>**&lt;i&gt;**</code> 2 * 3 `open **"
        );
    }
}
