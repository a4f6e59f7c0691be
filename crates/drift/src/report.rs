//! Reports for those who do not have Signalbox: one page for a person, JUnit's XML for CI.

mod chart;
mod html;
mod junit;

pub use html::html;
pub use junit::{junit, junit_of_rules};

/// Text within HTML and XML, in elements and in quoted attributes. XML 1.0 knows no control characters, escaped or not.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
