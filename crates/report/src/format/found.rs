//! What an experiment found, as a paragraph for a page that explains it.

use crate::escape::markdown::{marked, text as escaped};
use crate::page::Page;

/// Renders it, in Markdown, with an empty line before and behind it. None if the run has no results of that experiment.
#[must_use]
pub fn render(page: &Page, key: &str) -> Option<String> {
    let section = page.sections.iter().find(|section| section.key == key)?;
    // Both have the same words where they are about the same setting.
    let words = if section.finding.contains(section.meaning.trim_end_matches('.')) {
        section.finding.clone()
    } else {
        format!("{} {}", section.meaning, section.finding)
    };
    Some(format!(
        "\nFound (run {}): {}\n\n",
        escaped(&page.run),
        marked(words.trim())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{compose, fixture};

    #[test]
    fn an_experiment_is_found_by_its_key() {
        let (environment, records) = fixture::run();
        let page = compose::page(&fixture::summary(&environment, &records), "20260102T030405Z");
        let section = page.sections.last().unwrap();
        let text = render(&page, &section.key).unwrap();
        assert!(text.starts_with("\nFound (run 20260102T030405Z): "), "{text}");
        assert!(text.contains(&marked(&section.finding)), "{text}");
        assert!(text.ends_with(".\n\n"), "{text}");
        assert_eq!(render(&page, "unknown"), None);
    }
}
