//! MLflow's search filters (`mlflow/utils/search_utils.py`). They know no escaping in texts: a text with one kind of
//! quote is put in the other; one with both is asked for with `LIKE` and wildcards in the place of its quotes, which
//! finds too much. So who asks compares the names again.

/// `name = 'iris'`.
pub fn name_is(name: &str) -> String {
    match (name.contains('\''), name.contains('"')) {
        (false, _) => format!("name = '{name}'"),
        (true, false) => format!("name = \"{name}\""),
        (true, true) => format!("name LIKE '{}'", name.replace('\'', "_")),
    }
}

/// `value` must hold no quotes: our own keys do not.
pub fn tag_is(key: &str, value: &str) -> String {
    debug_assert!(!value.contains(['\'', '"', '`', '\\']), "BUG: {value:?} cannot be put in quotes");
    format!("tags.`{key}` = '{value}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_quoted_by_the_other_kind() {
        for (name, filter) in [
            ("iris", "name = 'iris'"),
            ("a\"b", "name = 'a\"b'"),
            ("it's", "name = \"it's\""),
            ("it's \"x\"", "name LIKE 'it_s \"x\"'"),
            ("x' OR name LIKE '%", "name = \"x' OR name LIKE '%\""),
        ] {
            assert_eq!(name_is(name), filter);
        }
        assert_eq!(tag_is("signalbox.op", "01J.0"), "tags.`signalbox.op` = '01J.0'");
    }
}
