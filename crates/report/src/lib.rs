//! Metrics, summaries, conclusions and caveats of a run, as Markdown, HTML, SVG, CSV and terminal text.

#![forbid(unsafe_code)]
