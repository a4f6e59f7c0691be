//! Prometheus' text format, as far as counters need it.

/// A line `name{label="value",…} value`.
pub struct Sample<'a> {
    pub name: &'a str,
    labels: Vec<(&'a str, String)>,
    /// Finite, and not negative.
    pub value: f64,
}

impl Sample<'_> {
    /// All of a text; what is no sample with labels is passed over.
    pub fn all(text: &str) -> impl Iterator<Item = Sample<'_>> {
        text.lines().filter_map(Sample::read)
    }

    /// None: a comment, or what is no sample with labels.
    fn read(line: &str) -> Option<Sample<'_>> {
        let (name, mut rest) = line.split_once('{')?;
        let mut labels = Vec::new();
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(after) = rest.strip_prefix('}') {
                let value: f64 = after.split_whitespace().next()?.parse().ok()?;
                return (value.is_finite() && value >= 0.0).then_some(Sample { name, labels, value });
            }
            let (key, after) = rest.split_once("=\"")?;
            let (mut value, mut chars) = (String::new(), after.char_indices());
            let end = loop {
                match chars.next()? {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next()?.1 {
                        'n' => '\n',
                        other => other,
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((key, value));
            rest = &after[end + 1..];
        }
    }

    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_are_escaped() {
        let line = r#"m{a="x\"}\\\n",b=""} 1.5 123"#;
        let sample = Sample::read(line).expect("a sample");
        assert_eq!((sample.name, sample.value), ("m", 1.5));
        assert_eq!(sample.labels, [("a", "x\"}\\\n".to_owned()), ("b", String::new())]);
        for odd in ["", "m 1", "m{", "m{a=}", "m{a=\"", "m{a=\"b\"} x", "m{a=\"b\"} -1", "m{a=\"b\\", "m{a=\"é"] {
            assert!(Sample::read(odd).is_none(), "{odd}");
        }
    }
}
