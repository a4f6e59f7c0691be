//! Optuna's journals, by their first line: whatever the file is called, a worker created a study in it.

use serde_json::Value;

use crate::jsonl::lenient;

/// Whether the head of a file is a journal's.
pub(super) fn is_journal(head: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', head) else { return false };
    if !head.trim_ascii_start().starts_with(b"{") {
        return false;
    }
    let Ok(Value::Object(op)) = lenient::parse(&head[..end]) else { return false };
    let code = op.get("op_code").and_then(Value::as_i64);
    code.is_some_and(|code| (0..=10).contains(&code)) && op.get("worker_id").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use super::is_journal;

    #[test]
    fn by_the_first_line() {
        assert!(is_journal(b"{\"op_code\":0,\"worker_id\":\"a-1\",\"study_name\":\"s\",\"directions\":[1]}\n{\"op"));
        assert!(!is_journal(b"{\"op_code\":0,\"worker_id\":\"a-1\"}"));
        assert!(!is_journal(b"{\"op_code\":0}\n"));
        assert!(!is_journal(b"{\"step\":0,\"worker_id\":\"a\"}\n"));
        assert!(!is_journal(b"[1]\n") && !is_journal(b"") && !is_journal(b"text\n"));
    }
}
