//! Non-finite numbers in JSON, which has none: the strings "NaN", "Infinity", "-Infinity".

/// How a number is named when it cannot stand in JSON; `None` when it can.
pub fn number_json(x: f64) -> Option<&'static str> {
    if x.is_nan() {
        Some("NaN")
    } else if x == f64::INFINITY {
        Some("Infinity")
    } else if x == f64::NEG_INFINITY {
        Some("-Infinity")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::number_json;

    #[test]
    fn only_the_non_finite_have_names() {
        assert_eq!(number_json(f64::NAN), Some("NaN"));
        assert_eq!(number_json(f64::INFINITY), Some("Infinity"));
        assert_eq!(number_json(f64::NEG_INFINITY), Some("-Infinity"));
        assert_eq!(number_json(-0.0), None);
    }
}
