//! A question to a model, as its clients ask it; and how it fares with theirs.

use std::sync::PoisonError;
use std::time::Instant;

use serde_json::Value;
use signalbox_release::{Answer, Failure, FailureCode, Health, ServiceName, VersionRef, Whom};

use super::record::Role;
use super::route::number;
use super::tensors::{Specs, from_v2, is_v2, to_v2};
use super::{Dialect, V2Target, Word, health, label, word};
use crate::http::{Lost, Patience, Said};

impl V2Target {
    pub(super) fn question(
        &self,
        service: &ServiceName,
        whom: &Whom,
        request: &Value,
        patience: &Patience,
    ) -> Result<Answer, Failure> {
        let name = match whom {
            Whom::Live => service.to_string(),
            Whom::Version(at) => label::check(service, at.version.as_str())?,
        };
        let passes = is_v2(request);
        let (specs, body) = if passes {
            (Specs::default(), request.clone())
        } else {
            let metadata = self.http.read(&self.http.get(&format!("v2/models/{name}"), &[]), patience)?;
            let specs = Specs::of(&metadata);
            let body = to_v2(request, &specs)?;
            (specs, body)
        };
        let since = Instant::now();
        let said = self.http.exchange(&self.http.post(&format!("v2/models/{name}/infer"), body), patience);
        let took_ms = since.elapsed().as_secs_f64() * 1000.0;
        if *whom == Whom::Live && !matches!(said, Err(Lost::Refused(_))) {
            self.tally.asked(service, said.as_ref().is_ok_and(|said| said.status == 200));
        }
        let said = match said {
            Ok(said) if (200..300).contains(&said.status) => said,
            said => match word(&self.http.place(), said) {
                Word::No(failure) | Word::Unknown(failure) => return Err(failure),
                Word::Done => return Err(Failure::new(FailureCode::Server, "BUG: an answer is an answer")),
            },
        };
        let answer = parse(&said)?;
        // MLServer names no version; a staged model is named after its own.
        let by = match whom {
            Whom::Version(at) => (answer["model_name"] == name.as_str()).then(|| at.version.to_string()),
            Whom::Live => self.named(&name, &answer),
        };
        let body = if passes { answer } else { from_v2(&answer, &specs)? };
        Ok(Answer { body, by, took_ms })
    }

    /// Which version has answered. Triton names the number of the live folder, which is the version's own only where
    /// that is a number: the folder's record says whose it is.
    fn named(&self, name: &str, answer: &Value) -> Option<String> {
        let record = self.repository.record(name).filter(|record| record.role == Role::Live)?;
        let wanted = number(&record.version).to_string();
        (answer["model_version"].as_str() == Some(&wanted)).then(|| record.version.version.to_string())
    }

    pub(super) fn fared(
        &self,
        service: &ServiceName,
        version: &VersionRef,
        secs: u64,
        patience: &Patience,
    ) -> Result<Health, Failure> {
        // Counters that are read one after the other only grow.
        let _one = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let look = self.look(service, patience)?;
        let live = look.live(service).and_then(|live| live.at.clone()).filter(|live| live.is(version));
        let none =
            |source: &str| Health { n_requests: 0, n_errors: 0, p50_ms: None, p95_ms: None, source: source.into() };
        let Some(live) = live else { return Ok(none("it takes no traffic")) };
        let counts = match (look.dialect, &self.metrics) {
            (Dialect::Triton, _) => {
                let call = self.http.get(&format!("v2/models/{service}/stats"), &[]);
                health::of_stats(&self.http.read(&call, patience)?)
            }
            (Dialect::MlServer, Some(metrics)) => {
                let said = metrics.exchange(&metrics.get("metrics", &[]), patience).map_err(Lost::failure)?;
                if said.status != 200 {
                    let why = format!("{} answers {}", metrics.place(), said.status);
                    return Err(Failure::new(FailureCode::Server, why));
                }
                health::of_metrics(&String::from_utf8_lossy(&said.body), service.as_str())
            }
            (Dialect::MlServer, None) => return Ok(none("no address of the server's metrics is set")),
        };
        let label = live.version.to_string();
        Ok(self.tally.look(service, &label, counts, secs))
    }
}

/// Triton writes NaN and infinities as bare words, which JSON has not: here they become texts.
fn parse(said: &Said) -> Result<Value, Failure> {
    let text = String::from_utf8_lossy(&said.body);
    let parsed = serde_json::from_str(&text).or_else(|_| serde_json::from_str(&without_bare_words(&text)));
    parsed.map_err(|_| Failure::new(FailureCode::Server, "the server's answer is no JSON"))
}

/// Outside of texts. A text with a quote in it leaves such an answer unread.
fn without_bare_words(text: &str) -> String {
    let outside = |part: &str| {
        let marked = part.replace("-Infinity", "\u{1}").replace("Infinity", "\"Infinity\"").replace("NaN", "\"NaN\"");
        marked.replace('\u{1}', "\"-Infinity\"")
    };
    let parts = text.split('"').enumerate();
    let parts: Vec<String> = parts.map(|(i, part)| if i % 2 == 0 { outside(part) } else { part.to_owned() }).collect();
    parts.join("\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bare_words_become_texts() {
        let said = |text: &str| parse(&Said { status: 200, body: text.as_bytes().to_vec() });
        let wanted = json!({"NaN": ["NaN", "-Infinity", "Infinity", -1, "a NaN"]});
        assert_eq!(said(r#"{"NaN": [NaN, -Infinity, Infinity, -1, "a NaN"]}"#), Ok(wanted));
        assert_eq!(said("<html>").expect_err("no JSON").code, FailureCode::Server);
    }
}
