//! What an experiment found, as a part of a page that explains it.

use std::fmt::Write;

use crate::escape::markdown::{marked, text as escaped};
use crate::page::Page;

/// Renders it, in Markdown, with an empty line before and behind it: a list of the settings, or a paragraph if there is one.
/// None if the run has no results of that experiment.
#[must_use]
pub fn render(page: &Page, key: &str) -> Option<String> {
    let section = page.sections.iter().find(|section| section.key == key)?;
    let mut text = format!("\nFound (run {}):", escaped(&page.run));
    // Both have the same words where they are about the same setting.
    let meaning = section.meaning.trim_end_matches('.');
    if !section.findings.iter().any(|item| item.contains(meaning)) {
        let _ = write!(text, " {}", marked(&section.meaning));
    }
    match &*section.findings {
        [one] => {
            let _ = write!(text, " {}", marked(one));
        }
        items => {
            for (place, item) in items.iter().enumerate() {
                let before = if place == 0 { "\n\n" } else { "\n" };
                let _ = write!(text, "{before}- {}", marked(item));
            }
        }
    }
    text.push_str("\n\n");
    Some(text)
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
        for item in &section.findings {
            assert!(text.contains(&marked(item)), "{text}");
        }
        assert!(text.ends_with(".\n\n"), "{text}");
        assert_eq!(render(&page, "unknown"), None);
    }

    #[test]
    fn each_setting_is_an_item_of_the_list() {
        let (environment, records) = fixture::run();
        let mut page = compose::page(&fixture::summary(&environment, &records), "a");
        let section = &mut page.sections[0];
        let (key, meaning) = (section.key.clone(), "1: *a* is best.");
        section.meaning = meaning.to_owned();
        let mut text = |items: &[&str]| {
            let section = &mut page.sections[0];
            section.findings = items.iter().map(|item| (*item).to_owned()).collect();
            render(&page, &key).expect("it is there")
        };
        let plain = r"1: \*a\* is best";
        assert_eq!(text(&[]), format!("\nFound (run a): {plain}.\n\n"));
        assert_eq!(text(&["2: b."]), format!("\nFound (run a): {plain}. 2: b.\n\n"));
        assert_eq!(
            text(&["2: b.", "3: c."]),
            format!("\nFound (run a): {plain}.\n\n- 2: b.\n- 3: c.\n\n")
        );
        // The same words stand once.
        assert_eq!(
            text(&["1: *a* is best; next, b.", "2: b."]),
            format!("\nFound (run a):\n\n- {plain}; next, b.\n- 2: b.\n\n")
        );
    }
}
