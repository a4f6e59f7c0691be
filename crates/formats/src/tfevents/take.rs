//! From an event to news: which values are points, texts and params, and which are only counted.

use serde_json::Value as Json;
use signalbox_types::{MediaItem, MediaKind, ParamValue, Point, ProblemKind, Status};

use super::event::{Encoding, Event, Legacy, PlainScalar, PluginData, Value};
use super::file::{Context, EventFile, Writer};
use super::hparams::{Hparams, param};
use super::media;
use super::tags::{Kind, MAX_TAG_BYTES, MAX_TAGS, Tags};
use super::tensor::Tensor;
use crate::protobuf::Malformed;

/// The tag that says how many values of which plugins a run has that are not kept.
pub const PLUGINS_TAG: &str = "tensorboard.plugins";
const GROUP_TAG: &str = "tensorboard.hparams_group";
const METRICS_TAG: &str = "tensorboard.hparams_metrics";
/// What Hugging Face's Trainer logs its arguments as (torch adds `/text_summary`).
const ARGS_TAGS: [&str; 2] = ["args/text_summary", "args"];

/// Each restart costs as much as there were before. A writer has a handful, one made to harm us has millions.
const MAX_STARTS: u32 = 1_000;

impl EventFile {
    #[inline]
    pub(super) fn take_event(&mut self, data: &[u8], offset: u64, cx: &mut Context<'_>) -> Result<(), Malformed> {
        if let Some(plain) = PlainScalar::parse(data)
            && let Some(id) = cx.tags.id(plain.tag)
            && is_scalar(plain.encoding, id, cx.tags)
        {
            self.note_time(plain.wall_time);
            let point = Point { step: plain.step, time: plain.wall_time, value: f64::from(plain.value) };
            self.take_point(id, point, cx);
            return Ok(());
        }
        let event = Event::parse(data)?;
        self.note_time(event.wall_time);
        if !event.writer.is_empty() {
            self.writer = match event.writer {
                b"tensorboard.summary.writer.event_file_writer" => Writer::Tensorboard,
                w if w.starts_with(b"tensorflow") => Writer::Tensorflow,
                _ => Writer::Other,
            };
        }
        if event.starts_session {
            self.n_starts = self.n_starts.saturating_add(1);
            if self.n_starts <= MAX_STARTS {
                cx.news.purge(cx.part, event.step, cx.tags);
            } else if self.n_starts == MAX_STARTS + 1 {
                let message = format!(
                    "Up to {MAX_STARTS} restarts of a file are told; from here on points are read as if it had not restarted."
                );
                self.trouble(ProblemKind::TooLarge, Some(offset), &message, cx);
            }
        }
        if event.has_graph {
            self.count("graphs");
        }
        event.each_value(|value| self.take_value(&event, value, offset, cx))
    }

    #[inline]
    fn take_value(
        &mut self,
        event: &Event<'_>,
        value: Value<'_>,
        offset: u64,
        cx: &mut Context<'_>,
    ) -> Result<(), Malformed> {
        let Some(id) = cx.tags.id(value.tag) else {
            let message = format!(
                "A value was skipped: a run's tags are taken in up to {MAX_TAGS}, of {MAX_TAG_BYTES} bytes at most."
            );
            self.trouble(ProblemKind::TooLarge, Some(offset), &message, cx);
            return Ok(());
        };
        match (value.simple, value.metadata) {
            (Some(simple), None) => {
                self.take_point(id, event.point(f64::from(simple)), cx);
                Ok(())
            }
            _ => self.take_other(event, id, value, offset, cx),
        }
    }

    #[inline]
    fn note_time(&mut self, wall_time: f64) {
        if self.first_time.is_none() && wall_time.is_finite() && wall_time > 0.0 {
            self.first_time = Some(wall_time);
        }
    }

    #[inline]
    fn take_point(&mut self, id: usize, point: Point, cx: &mut Context<'_>) {
        if !cx.news.is_pending(id) {
            self.tags.insert(id as u32);
        }
        cx.news.point(id, point);
    }

    fn take_other(
        &mut self,
        event: &Event<'_>,
        id: usize,
        value: Value<'_>,
        offset: u64,
        cx: &mut Context<'_>,
    ) -> Result<(), Malformed> {
        if let Some(metadata) = value.metadata {
            let plugin = PluginData::parse(metadata)?;
            cx.tags.set_kind(id, Kind::of_plugin(plugin.name));
            if plugin.name == b"hparams" && !plugin.content.is_empty() {
                self.take_hparams(plugin.content, cx)?;
            }
        }
        if let Some(simple) = value.simple {
            self.take_point(id, event.point(f64::from(simple)), cx);
        } else if let Some(legacy) = value.legacy {
            match legacy {
                Legacy::Image(_) => tell(event, id, (MediaKind::Image, 1), offset, cx),
                Legacy::Histogram(_) => tell(event, id, (MediaKind::Histogram, 1), offset, cx),
                Legacy::Audio(_) => tell(event, id, (MediaKind::Audio, 1), offset, cx),
                Legacy::OldHistogram => self.count("histograms"),
            }
        } else if let Some(tensor) = value.tensor {
            self.take_tensor(event, id, &Tensor::parse(tensor)?, offset, cx);
        }
        Ok(())
    }

    fn take_tensor(&mut self, event: &Event<'_>, id: usize, tensor: &Tensor<'_>, offset: u64, cx: &mut Context<'_>) {
        match cx.tags.kind(id) {
            Kind::Scalars => match tensor.scalar().or(tensor.is_bare_zero().then_some(0.0)) {
                Some(number) => self.take_point(id, event.point(number), cx),
                None => {
                    let message = format!("A value of the scalar `{}` is not a single number.", cx.tags.name(id));
                    self.trouble(ProblemKind::Malformed, Some(offset), &message, cx);
                }
            },
            // Without a plugin's word, only what cannot be anything else is a scalar.
            Kind::Unknown => match tensor.scalar().filter(|_| tensor.rank() == 0) {
                Some(number) => self.take_point(id, event.point(number), cx),
                None => self.count("unnamed"),
            },
            Kind::Text if tensor.strings().next().is_none() => self.count("text"),
            Kind::Text => {
                if ARGS_TAGS.contains(&cx.tags.name(id)) {
                    cx.news.delta.params.extend(tensor.text().map(|text| flat_params(&text)).unwrap_or_default());
                }
                tell(event, id, (MediaKind::Text, 1), offset, cx);
            }
            Kind::Hparams => {}
            Kind::Other(plugin) => match media::in_tensor(plugin, tensor) {
                Some(what) => tell(event, id, what, offset, cx),
                None => self.count(plugin),
            },
        }
    }

    fn take_hparams(&mut self, content: &[u8], cx: &mut Context<'_>) -> Result<(), Malformed> {
        let said = Hparams::parse(content)?;
        let delta = &mut cx.news.delta;
        delta.params.extend(said.params);
        if !said.group.is_empty() {
            delta.tags.push((GROUP_TAG.to_string(), said.group));
        }
        if !said.metrics.is_empty() {
            delta.tags.push((METRICS_TAG.to_string(), said.metrics.join(", ")));
        }
        if said.started.is_some() {
            self.said_start = said.started;
        }
        if let Some((status, ended)) = said.end.filter(|(status, _)| self.believes(*status)) {
            delta.head.status = Some(status);
            if ended.is_some() {
                delta.head.ended = Some(ended);
            }
        }
        Ok(())
    }

    /// torch, Lightning and tensorboardX write "success" in the same breath as the params, long before the end.
    /// TensorFlow writes it when training has ended; a failure nobody writes in advance.
    fn believes(&self, status: Status) -> bool {
        match status {
            Status::Unknown => false,
            Status::Failed => self.writer != Writer::Tensorboard,
            _ => self.writer == Writer::Tensorflow,
        }
    }
}

/// Says that the record at `offset` holds so many of a kind.
fn tell(event: &Event<'_>, id: usize, (kind, n): (MediaKind, u32), offset: u64, cx: &mut Context<'_>) {
    let (tag, part) = (cx.tags.name(id).to_string(), cx.part.to_string());
    let (path, caption) = (String::new(), String::new());
    let first = MediaItem { kind, tag, step: event.step, time: event.wall_time, index: 0, part, offset, path, caption };
    cx.news.delta.media.extend((0..n).map(|index| MediaItem { index, ..first.clone() }));
}

#[inline]
fn is_scalar(encoding: Encoding, id: usize, tags: &mut Tags) -> bool {
    match encoding {
        Encoding::Simple => true,
        Encoding::Tensor => *tags.kind(id) == Kind::Scalars,
        Encoding::NamedTensor => {
            tags.set_kind(id, Kind::Scalars);
            *tags.kind(id) == Kind::Scalars
        }
    }
}

/// The flat values of a JSON object; nothing if the text is no such thing.
fn flat_params(text: &str) -> Vec<(String, ParamValue)> {
    let Some(Json::Object(map)) = parse_lenient(text) else { return Vec::new() };
    map.into_iter()
        .filter(|(_, v)| v.is_boolean() || v.is_number() || v.is_string())
        .map(|(k, v)| (k, param(v)))
        .collect()
}

/// JSON as Python writes it: bare NaN, Infinity and -Infinity become strings.
fn parse_lenient(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&quote_non_finite(text)).ok())
}

fn quote_non_finite(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        if !in_string && let Some(name) = ["NaN", "Infinity", "-Infinity"].into_iter().find(|n| rest.starts_with(n)) {
            out.extend(["\"", name, "\""]);
            rest = &rest[name.len()..];
            continue;
        }
        let n = match c {
            '\\' if in_string => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
        in_string ^= c == '"';
        out.push_str(&rest[..n]);
        rest = &rest[n..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_flat_params() {
        let got = flat_params(r#"{"lr": 5e-05, "eps": NaN, "name": "a \"NaN\" é\\", "n": null, "l": [1], "b": true}"#);
        let expected = [
            ("b", ParamValue::Bool(true)),
            ("eps", ParamValue::Text("NaN".into())),
            ("lr", ParamValue::Number(5e-5)),
            ("name", ParamValue::Text("a \"NaN\" é\\".into())),
        ];
        assert_eq!(got, expected.map(|(k, v)| (k.to_string(), v)));
        assert_eq!(flat_params("some words"), []);
        assert_eq!(flat_params("[1, 2]"), []);
        assert_eq!(flat_params("{\"a\": -Infinity"), []);
    }
}
