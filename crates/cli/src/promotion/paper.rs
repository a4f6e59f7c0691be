//! A report as Markdown or as a page of its own for a browser. What it tells comes from elsewhere: no text of it
//! becomes markup, a link or a control character.

use crate::grid::calm;

/// What is not known is said.
pub const UNKNOWN: &str = "not recorded";

pub enum Part {
    Title(String),
    Section(String),
    Topic(String),
    Say(String),
    Facts(Vec<(String, String)>),
    Table(Vec<String>, Vec<Vec<String>>),
    List(Vec<String>),
    /// A file's text.
    Text(String),
}

pub fn markdown(parts: &[Part]) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Title(text) => out.push_str(&format!("# {}\n", md(text))),
            Part::Section(text) => out.push_str(&format!("## {}\n", md(text))),
            Part::Topic(text) => out.push_str(&format!("### {}\n", md(text))),
            Part::Say(text) => out.push_str(&format!("{}\n", md(text))),
            Part::Facts(facts) => {
                let widest = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
                for (name, value) in facts {
                    let gap = " ".repeat(widest - name.chars().count());
                    out.push_str(&format!("- {}:{gap} {}\n", md(name), md(value)));
                }
            }
            Part::Table(head, rows) => out.push_str(&table(head, rows)),
            Part::List(items) => items.iter().for_each(|item| out.push_str(&format!("- {}\n", md(item)))),
            Part::Text(text) => {
                let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
                let lines: Vec<String> = text.lines().map(calm).collect();
                out.push_str(&format!("{fence}\n{}\n{fence}\n", lines.join("\n")));
            }
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn table(head: &[String], rows: &[Vec<String>]) -> String {
    // GFM takes a bar for the end of a cell, in code too.
    let cell = |text: &String| md(text).replace('|', "\\|");
    let rows: Vec<Vec<String>> =
        std::iter::once(head).chain(rows.iter().map(Vec::as_slice)).map(|row| row.iter().map(cell).collect()).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|n| rows.iter().filter_map(|row| row.get(n)).map(|text| text.chars().count()).max().unwrap_or(0).max(3))
        .collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}"));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
    let mut out = line(&rows[0]);
    out.push_str(&line(&rule));
    rows[1..].iter().for_each(|row| out.push_str(&line(row)));
    out
}

/// As it is where no character of it means anything in Markdown; else as code, in which nothing does.
fn md(text: &str) -> String {
    let text = calm(text);
    let plain = |c: char| c.is_alphanumeric() || " .,:;/()%+@=-_'\"→·…?".contains(c);
    let begins = |c: char| c.is_alphanumeric() || "(/\"'".contains(c);
    let is_plain = text.chars().all(plain)
        && text.chars().next().is_none_or(begins)
        && !["__", "://", "www."].iter().any(|part| text.contains(part));
    if is_plain {
        return text;
    }
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let room = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{room}{text}{room}{fence}")
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(|run| run.chars().count()).max().unwrap_or(0)
}

pub fn html(parts: &[Part]) -> String {
    let title = parts.iter().find_map(|part| if let Part::Title(text) = part { Some(esc(text)) } else { None });
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>{STYLE}</style></head><body>\n",
        title.unwrap_or_default()
    );
    for part in parts {
        match part {
            Part::Title(text) => out.push_str(&format!("<h1>{}</h1>\n", esc(text))),
            Part::Section(text) => out.push_str(&format!("<h2>{}</h2>\n", esc(text))),
            Part::Topic(text) => out.push_str(&format!("<h3>{}</h3>\n", esc(text))),
            Part::Say(text) => out.push_str(&format!("<p>{}</p>\n", esc(text))),
            Part::Facts(facts) => {
                out.push_str("<dl>\n");
                for (name, value) in facts {
                    let dim = if value == UNKNOWN { " class=\"unknown\"" } else { "" };
                    out.push_str(&format!("<dt>{}</dt><dd{dim}>{}</dd>\n", esc(name), esc(value)));
                }
                out.push_str("</dl>\n");
            }
            Part::Table(head, rows) => {
                let row = |tag: &str, cells: &[String]| {
                    let cells = cells.iter().map(|text| format!("<{tag}>{}</{tag}>", esc(text)));
                    format!("<tr>{}</tr>\n", cells.collect::<String>())
                };
                out.push_str("<table>\n");
                out.push_str(&row("th", head));
                rows.iter().for_each(|cells| out.push_str(&row("td", cells)));
                out.push_str("</table>\n");
            }
            Part::List(items) => {
                let items = items.iter().map(|item| format!("<li>{}</li>\n", esc(item)));
                out.push_str(&format!("<ul>\n{}</ul>\n", items.collect::<String>()));
            }
            Part::Text(text) => {
                let lines: Vec<String> = text.lines().map(esc).collect();
                out.push_str(&format!("<pre>{}</pre>\n", lines.join("\n")));
            }
        }
    }
    out.push_str("</body></html>\n");
    out
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1c1c1e;background:#fff}h2{border-bottom:1px solid #ddd;margin-top:2rem}dl{display:grid;\
grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#666}dd{margin:0;overflow-wrap:anywhere}\
.unknown{color:#a15c00}table{border-collapse:collapse}th,td{text-align:left;padding:.2rem .8rem .2rem 0;\
border-bottom:1px solid #eee;vertical-align:top;overflow-wrap:anywhere}pre{background:#f5f5f7;padding:.6rem;\
overflow:auto}@media(prefers-color-scheme:dark){body{color:#eee;background:#1c1c1e}pre{background:#2c2c2e}\
h2,th,td{border-color:#444}dt{color:#aaa}.unknown{color:#ffb454}}";

fn esc(text: &str) -> String {
    let mut out = String::new();
    for c in calm(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        for bad in
            ["<img src=x>", "[a](http://e)", "*a*", "# a", "- a", "a|b", "`a`", "see http://e", "a\u{1b}[2Jb", "__a__"]
        {
            let text = md(bad);
            assert!(text.starts_with('`') && text.ends_with('`') && !text.contains('\u{1b}'), "{text}");
            assert!(!esc(bad).contains(['<', '\u{1b}']), "{bad}");
        }
        assert_eq!(md("a ``b` c"), "```a ``b` c```");
        assert_eq!(md("val_loss 0.25 (best)"), "val_loss 0.25 (best)");
        let text = markdown(&[Part::Text("a\n```\nb\u{7}".into())]);
        assert_eq!(text, "````\na\n```\nb\u{fffd}\n````\n");
    }

    #[test]
    fn tables_keep_their_columns() {
        let table = Part::Table(vec!["a".into(), "b".into()], vec![vec!["x|y".into(), "z".into()]]);
        assert_eq!(markdown(&[table]), "| a      | b   |\n| ------ | --- |\n| `x\\|y` | z   |\n");
    }
}
