//! Cells that may be numbers.

/// What a cell of a text log holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Nothing was logged: empty, `NA`, `None`, `null`, `-`.
    Missing,
    /// NaN and ±infinity are numbers: `nan`, `inf`, `-Infinity`.
    Number(f64),
    Text,
}

/// Reads a cell; surrounding blanks do not count. `decimal_comma`: `0,5` is a half (files separated by `;`).
pub(crate) fn cell(bytes: &[u8], decimal_comma: bool) -> Cell {
    let bytes = bytes.trim_ascii();
    if matches!(bytes, b"" | b"NA" | b"N/A" | b"<NA>" | b"None" | b"null" | b"-") {
        return Cell::Missing;
    }
    // 400 digits are a number of 1e400 at most; longer ones are no metric.
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|t| t.len() <= 400) else { return Cell::Text };
    match text.parse::<f64>() {
        Ok(x) => Cell::Number(x),
        Err(_) if decimal_comma && text.matches(',').count() == 1 && !text.contains('.') => {
            text.replace(',', ".").parse().map_or(Cell::Text, Cell::Number)
        }
        Err(_) => Cell::Text,
    }
}

/// The whole number that `x` is, if it is one and exactly representable.
pub(crate) fn whole(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && x.abs() <= 9_007_199_254_740_992.0).then_some(x as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Cell) {
        assert_eq!(cell(text.as_bytes(), false), expected, "{text:?}");
    }

    #[test]
    fn cells() {
        check("0.1", Cell::Number(0.1));
        check(" 1e-05\r", Cell::Number(1e-5));
        check("-inf", Cell::Number(f64::NEG_INFINITY));
        check("Infinity", Cell::Number(f64::INFINITY));
        check("", Cell::Missing);
        check(" NA ", Cell::Missing);
        check("True", Cell::Text);
        check("1,5", Cell::Text);
        check("0x10", Cell::Text);
        check("tensor(0.5)", Cell::Text);
        assert!(matches!(cell(b"nan", false), Cell::Number(x) if x.is_nan()));
        assert!(matches!(cell(b"NaN", false), Cell::Number(x) if x.is_nan()));
        assert_eq!(cell(b"0,25", true), Cell::Number(0.25));
        assert_eq!(cell(b"\xff\xfe", false), Cell::Text);
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(whole(3.0), Some(3));
        assert_eq!(whole(-1.0), Some(-1));
        assert_eq!(whole(0.5), None);
        assert_eq!(whole(f64::NAN), None);
        assert_eq!(whole(1e300), None);
    }
}
