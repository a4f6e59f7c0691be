//! The hparams plugin: everything it knows stands in a summary's metadata, none of it in the values.
//!
//! `tensorboard/plugins/hparams/{plugin_data,api}.proto`; values are `google.protobuf.Value`.

use serde_json::{Map, Value as Json};
use signalbox_types::{ParamValue, Status, number_json};

use crate::protobuf::{Fields, Malformed};

/// Lists in lists deeper than this are cut off.
const MAX_DEPTH: u32 = 16;

/// What one HParamsPluginData says.
#[derive(Debug, Default, PartialEq)]
pub struct Hparams {
    pub params: Vec<(String, ParamValue)>,
    /// "" if there is none.
    pub group: String,
    /// Unix seconds, from the session's start.
    pub started: Option<f64>,
    /// The session's end: its status and when (unix seconds).
    pub end: Option<(Status, Option<f64>)>,
    /// Tags of the metrics that the experiment is judged by.
    pub metrics: Vec<String>,
}

impl Hparams {
    pub fn parse(plugin_data: &[u8]) -> Result<Self, Malformed> {
        let mut out = Hparams::default();
        let mut fields = Fields::new(plugin_data);
        while let Some((number, value)) = fields.next()? {
            match number {
                2 => out.experiment(value.bytes())?,
                3 => out.session_start(value.bytes())?,
                4 => out.session_end(value.bytes())?,
                _ => {}
            }
        }
        Ok(out)
    }

    /// Experiment { MetricInfo metric_infos = 5 { MetricName name = 1 { group = 1, tag = 2 } } }.
    fn experiment(&mut self, message: &[u8]) -> Result<(), Malformed> {
        each(message, 5, |info| {
            each(info, 1, |name| {
                let (group, tag) = (string(name, 1)?, string(name, 2)?);
                if !tag.is_empty() {
                    self.metrics.push(if group.is_empty() { tag } else { format!("{group}/{tag}") });
                }
                Ok(())
            })
        })
    }

    /// SessionStartInfo { map<string, Value> hparams = 1, group_name = 4, start_time_secs = 5 }.
    fn session_start(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    let (key, json) = map_entry(value.bytes(), 0)?;
                    self.params.push((key, param(json)));
                }
                4 => self.group = lossy(value.bytes()),
                5 => self.started = time(value.double()),
                _ => {}
            }
        }
        Ok(())
    }

    /// SessionEndInfo { Status status = 1 (1 success, 2 failure, 3 running), end_time_secs = 2 }.
    fn session_end(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let (mut status, mut ended) = (Status::Unknown, None);
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    status = match value.int() {
                        1 => Status::Finished,
                        2 => Status::Failed,
                        3 => Status::Running,
                        _ => Status::Unknown,
                    }
                }
                2 => ended = time(value.double()),
                _ => {}
            }
        }
        self.end = Some((status, ended));
        Ok(())
    }
}

/// A param from JSON: text, truth and number as they are, the rest as JSON text.
pub fn param(json: Json) -> ParamValue {
    match json {
        Json::Bool(b) => ParamValue::Bool(b),
        Json::Number(n) => n.as_f64().map_or_else(|| ParamValue::Text(n.to_string()), ParamValue::Number),
        Json::String(s) => ParamValue::Text(s),
        other => ParamValue::Text(other.to_string()),
    }
}

/// google.protobuf.Value: null = 1, number = 2, string = 3, bool = 4, struct = 5 {map fields = 1}, list = 6 {values = 1}.
fn json_value(message: &[u8], depth: u32) -> Result<Json, Malformed> {
    let mut out = Json::Null;
    if depth > MAX_DEPTH {
        return Ok(out);
    }
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        out = match number {
            1 => Json::Null,
            2 => number_or_name(value.double()),
            3 => Json::String(lossy(value.bytes())),
            4 => Json::Bool(value.int() != 0),
            5 => {
                let mut map = Map::new();
                each(value.bytes(), 1, |entry| {
                    let (key, json) = map_entry(entry, depth + 1)?;
                    map.insert(key, json);
                    Ok(())
                })?;
                Json::Object(map)
            }
            6 => {
                let mut list = Vec::new();
                each(value.bytes(), 1, |v| {
                    list.push(json_value(v, depth + 1)?);
                    Ok(())
                })?;
                Json::Array(list)
            }
            _ => out,
        };
    }
    Ok(out)
}

/// An entry of a `map<string, Value>`: key = 1, value = 2.
fn map_entry(message: &[u8], depth: u32) -> Result<(String, Json), Malformed> {
    let mut json = Json::Null;
    each(message, 2, |v| {
        json = json_value(v, depth)?;
        Ok(())
    })?;
    Ok((string(message, 1)?, json))
}

/// JSON has no NaN and no infinity: those become their names.
fn number_or_name(x: f64) -> Json {
    match number_json(x) {
        Some(name) => Json::String(name.into()),
        None => Json::from(x),
    }
}

/// Zero is how proto3 says that a time is not there.
fn time(secs: f64) -> Option<f64> {
    (secs.is_finite() && secs > 0.0).then_some(secs)
}

fn each<'a>(
    message: &'a [u8],
    wanted: u64,
    mut f: impl FnMut(&'a [u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        if number == wanted {
            f(value.bytes())?;
        }
    }
    Ok(())
}

/// A string field; "" if it is not there.
fn string(message: &[u8], wanted: u64) -> Result<String, Malformed> {
    let mut out = String::new();
    each(message, wanted, |bytes| {
        out = lossy(bytes);
        Ok(())
    })?;
    Ok(out)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u8, body: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, body.len() as u8][..], body].concat()
    }

    fn start_with(value: &[u8]) -> Vec<u8> {
        message(3, &message(1, &[message(1, b"k"), message(2, value)].concat()))
    }

    #[test]
    fn params_keep_their_types() {
        let check = |value: &[u8], expected: ParamValue| {
            let got = Hparams::parse(&start_with(value)).unwrap().params;
            assert_eq!(got, [("k".to_string(), expected)]);
        };
        check(&[&[0x11][..], &0.01f64.to_le_bytes()].concat(), ParamValue::Number(0.01));
        check(&[&[0x11][..], &f64::NAN.to_le_bytes()].concat(), ParamValue::Text("NaN".into()));
        check(&message(3, b"adam"), ParamValue::Text("adam".into()));
        check(&[0x20, 1], ParamValue::Bool(true));
        check(&[0x08, 0], ParamValue::Text("null".into()));
        let list = message(6, &[message(1, &message(3, b"a")), message(1, &[0x20, 0])].concat());
        check(&list, ParamValue::Text(r#"["a",false]"#.into()));
        let entry = message(1, &[message(1, b"x"), message(2, &message(3, b"y"))].concat());
        check(&message(5, &entry), ParamValue::Text(r#"{"x":"y"}"#.into()));
    }

    #[test]
    fn nesting_ends_somewhere() {
        let mut value = message(3, b"deep");
        for _ in 0..20 {
            value = message(6, &message(1, &value));
        }
        let params = Hparams::parse(&start_with(&value)).unwrap().params;
        assert_eq!(params[0].1, ParamValue::Text(format!("{}null{}", "[".repeat(17), "]".repeat(17))));
    }

    #[test]
    fn a_session_ends_with_a_status() {
        let end = Hparams::parse(&message(4, &[&[8, 2, 0x11][..], &5.5f64.to_le_bytes()].concat())).unwrap().end;
        assert_eq!(end, Some((Status::Failed, Some(5.5))));
        assert_eq!(Hparams::parse(&message(4, &[])).unwrap().end, Some((Status::Unknown, None)));
    }
}
