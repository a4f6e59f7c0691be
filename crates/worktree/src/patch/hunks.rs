//! The hunks of two texts, three lines around each change.

use std::{fmt::Write as _, ops::Range, time::Instant};

use similar::{Algorithm, DiffTag, capture_diff_slices_deadline, group_diff_ops};

const CONTEXT: usize = 3;

/// A text by its lines, as they are and as they may be told.
pub(crate) struct Text<'a> {
    lines: Vec<&'a str>,
    told: &'a [String],
}

impl<'a> Text<'a> {
    /// `told` has as many lines.
    pub(crate) fn of(text: &'a str, told: &'a [String]) -> Text<'a> {
        Text { lines: text.split_inclusive('\n').collect(), told }
    }

    fn write(&self, out: &mut String, sign: char, range: Range<usize>) -> bool {
        let mut is_redacted = false;
        for (line, told) in self.lines[range.clone()].iter().zip(&self.told[range]) {
            is_redacted |= line != told;
            out.push(sign);
            out.push_str(told);
            if !told.ends_with('\n') {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
        is_redacted
    }
}

/// The hunks, and whether a line of theirs is not told as it is. After the deadline the difference is coarser, and right.
pub(crate) fn between(old: &Text<'_>, new: &Text<'_>, deadline: Instant) -> (String, bool) {
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &old.lines, &new.lines, Some(deadline));
    let mut out = String::new();
    let mut is_redacted = false;
    for group in group_diff_ops(ops, CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let old_range = first.old_range().start..last.old_range().end;
        let new_range = first.new_range().start..last.new_range().end;
        let _ = writeln!(out, "@@ -{} +{} @@", lines(&old_range), lines(&new_range));
        for op in &group {
            match op.tag() {
                DiffTag::Equal => is_redacted |= old.write(&mut out, ' ', op.old_range()),
                DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                    is_redacted |= old.write(&mut out, '-', op.old_range());
                    is_redacted |= new.write(&mut out, '+', op.new_range());
                }
            }
        }
    }
    (out, is_redacted)
}

/// `<first>,<count>`; of no lines, the one before.
fn lines(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        n => format!("{},{n}", range.start + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_git_writes_them() {
        let check = |old: &str, new: &str, expected: &str| {
            let told = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
            let (old_told, new_told) = (told(old), told(new));
            let deadline = Instant::now() + std::time::Duration::from_secs(60);
            let found = between(&Text::of(old, &old_told), &Text::of(new, &new_told), deadline);
            assert_eq!(found, (expected.to_owned(), false));
        };
        check("", "", "");
        check("", "a", "@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n");
        check("a\n", "", "@@ -1 +0,0 @@\n-a\n");
        check("a\nb", "a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
        check("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nx\n", "@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+x\n");
    }

    #[test]
    fn a_redacted_line_is_noticed_only_where_it_is_told() {
        let old = "k\n1\n2\n3\n4\n5\nb\n";
        let new = "k\n1\n2\n3\n4\n5\nc\n";
        let told = |text: &str| text.replace("k\n", "?\n").split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
        let (old_told, new_told) = (told(old), told(new));
        let deadline = Instant::now() + std::time::Duration::from_secs(60);
        let (hunks, is_redacted) = between(&Text::of(old, &old_told), &Text::of(new, &new_told), deadline);
        assert!(!is_redacted, "{hunks}");
        let (hunks, is_redacted) =
            between(&Text::of("k\n", &old_told[..1]), &Text::of("j\n", &["j\n".to_owned()]), deadline);
        assert!(is_redacted && hunks == "@@ -1 +1 @@\n-?\n+j\n", "{hunks}");
    }
}
