//! Escaping for Markdown, which may contain HTML.

use std::path::Path;

use super::markup;
use schema::text::unseen::is_unseen;

/// A text of a page, on one line that fits a table. Its marks `**bold**` and `` `code` `` stay, and all else is shown as it is
/// written.
#[must_use]
pub fn marked(text: &str) -> String {
    let text = one_line(text);
    let mut out = String::new();
    let mut rest = &*text;
    while let Some(at) = rest.find(['*', '`']) {
        let (before, from) = rest.split_at(at);
        out += &plain(before);
        let mark = if from.starts_with("**") { "**" } else { &from[..1] };
        let inside = &from[mark.len()..];
        // A mark without its end, or around nothing, is no mark.
        let end = inside.find(mark).filter(|&end| end > 0 && mark != "*");
        match end {
            Some(end) if mark == "`" => out += &code(&inside[..end]),
            Some(end) => out.extend(["**", &marked(&inside[..end]), "**"]),
            None => out.extend(mark.chars().flat_map(|character| ['\\', character])),
        }
        rest = end.map_or(inside, |end| &inside[end + mark.len()..]);
    }
    out + &plain(rest)
}

/// A text without marks, such as a name in a table.
#[must_use]
pub fn text(text: &str) -> String {
    let mut out = String::new();
    for character in plain(&one_line(text)).chars() {
        if matches!(character, '*' | '`') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// A block of code. Its fence is longer than any in the code.
#[must_use]
pub fn block(language: &str, lines: &[&str]) -> String {
    let longest = lines
        .iter()
        .flat_map(|line| line.split(|c| c != '`'))
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    let lines: Vec<_> = lines.iter().map(|line| uncommented(&one_line(line))).collect();
    format!("{fence}{language}\n{}\n{fence}", lines.join("\n"))
}

/// A text in an HTML comment.
#[must_use]
pub fn comment(text: &str) -> String {
    one_line(text).replace('>', "&gt;")
}

/// The target of a link or an image.
#[must_use]
pub fn link(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(byte);
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    let parts = bytes.iter().map(|byte| {
        if plain(byte) {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    parts.collect()
}

fn code(text: &str) -> String {
    // Readers of Markdown disagree about tags in code. HTML means the same to all of them.
    if text.contains(['<', '&']) {
        // Markdown is active in an HTML element.
        let escaped = markup::escape(text).chars().fold(String::new(), |mut out, c| {
            match c {
                '|' | '*' | '_' | '~' | '[' | ']' | '\\' | '`' => {
                    out.extend(["&#", &u32::from(c).to_string(), ";"])
                }
                c => out.push(c),
            }
            out
        });
        format!("<code>{}</code>", unlinked(&escaped))
    } else {
        format!("`{}`", text.replace('|', "\\|"))
    }
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '<' => out += "&lt;",
            // Only then could it begin an entity.
            '&' if characters
                .peek()
                .is_some_and(|next| next.is_ascii_alphanumeric() || *next == '#') =>
            {
                out += "&amp;"
            }
            // Inside a word it is no mark.
            '_' if out.ends_with(char::is_alphanumeric)
                && characters.peek().is_some_and(|next| next.is_alphanumeric()) =>
            {
                out.push('_');
            }
            '\\' | '|' | '[' | ']' | '_' | '~' => out.extend(['\\', character]),
            other => out.push(other),
        }
    }
    unlinked(&out)
}

/// Breaks what readers would turn into a link: addresses of pages and mail, and user names. The word joiner in between is
/// invisible.
fn unlinked(text: &str) -> String {
    const JOINER: &str = "&#8288;";
    let mut out = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        let (before, after) = text.split_at(at);
        let is_www = || {
            let last = before.len().checked_sub(3).and_then(|at| before.get(at..));
            last.is_some_and(|last| last.eq_ignore_ascii_case("www"))
        };
        match character {
            ':' if after.starts_with("://") => out.extend([":", JOINER]),
            '@' => out.extend(["@", JOINER]),
            '.' if is_www() => out.extend([JOINER, "."]),
            other => out.push(other),
        }
    }
    out
}

/// Without line ends, which would end a paragraph, a table or a list.
fn one_line(text: &str) -> String {
    let shown = |c| match c {
        '\n' | '\t' => ' ',
        c if is_unseen(c) => '\u{fffd}',
        c => c,
    };
    text.replace('\r', "").chars().map(shown).collect()
}

/// Without the start of a comment, since comments mark the place of results in a file.
fn uncommented(text: &str) -> String {
    text.replace("<!--", "<! --")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stay_and_all_else_is_shown() {
        for (given, expected) in [
            ("a **b `c` d** e", "a **b `c` d** e"),
            ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
            ("a | b\nc\r\n# d", "a \\| b c # d"),
            ("[x](javascript:y)", "\\[x\\](javascript:y)"),
            ("&lt; & &#60; a&b", "&amp;lt; & &amp;#60; a&amp;b"),
            ("one ` two", "one \\` two"),
            ("two ** three", "two \\*\\* three"),
            ("2 * 3", "2 \\* 3"),
            ("`a|b` `<img>`", "`a\\|b` <code>&lt;img&gt;</code>"),
            ("```<img>", "\\`\\`\\`&lt;img>"),
            ("<!-- results: end -->", "&lt;!-- results: end -->"),
            ("\u{1b}[1m\0", "\u{fffd}\\[1m\u{fffd}"),
            ("C:\\d", "C:\\\\d"),
            ("_a_ ~~b~~", "\\_a\\_ \\~\\~b\\~\\~"),
            ("__a_b__", "\\_\\_a_b\\_\\_"),
            ("https://example.org/a_b", "https:&#8288;//example.org/a_b"),
            ("WWW.example.org", "WWW&#8288;.example.org"),
            (
                "@somebody, a@example.org",
                "@&#8288;somebody, a@&#8288;example.org",
            ),
            (
                "`<*a* http://b>`",
                "<code>&lt;&#42;a&#42; http:&#8288;//b&gt;</code>",
            ),
        ] {
            assert_eq!(marked(given), expected, "{given:?}");
        }
    }

    #[test]
    fn no_text_without_code_has_a_tag() {
        // Every text of six of these pieces.
        const PIECES: [&str; 4] = ["`", "**", "<i>", "\\"];
        for number in 0..PIECES.len().pow(6) {
            let mut number = number;
            let mut given = String::new();
            for _ in 0..6 {
                given += PIECES[number % PIECES.len()];
                number /= PIECES.len();
            }
            let written = marked(&given);
            assert!(!written.contains("<i>"), "{given:?}: {written:?}");
        }
    }

    #[test]
    fn a_plain_text_has_no_marks() {
        assert_eq!(text("**a|`b`** <i>"), "\\*\\*a\\|\\`b\\`\\*\\* &lt;i>");
    }

    #[test]
    fn a_block_is_not_ended_by_its_content() {
        assert_eq!(block("sh", &["a ```` b"]), "`````sh\na ```` b\n`````");
        assert_eq!(block("", &["<!-- x -->\n```"]), "````\n<! -- x --> ```\n````");
    }

    #[test]
    fn links_and_comments_hold_no_syntax() {
        assert_eq!(link(Path::new("a b/(c).svg")), "a%20b/%28c%29.svg");
        assert_eq!(comment("a --> b"), "a --&gt; b");
    }
}
