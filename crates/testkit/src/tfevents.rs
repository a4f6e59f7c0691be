//! Writes TensorBoard event files, checksums and all, as real writers do; and damaged ones when asked to.

use std::io::{self, BufWriter, Write};

/// DT_FLOAT and DT_STRING of TensorProto.
const DT_FLOAT: u64 = 1;
const DT_STRING: u64 = 7;

/// A protobuf message under construction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message(pub Vec<u8>);

impl Message {
    pub fn varint(mut self, number: u64, value: u64) -> Self {
        self.number(number << 3);
        self.number(value);
        self
    }

    pub fn double(mut self, number: u64, value: f64) -> Self {
        self.number(number << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn float(mut self, number: u64, value: f32) -> Self {
        self.number(number << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn bytes(mut self, number: u64, value: impl AsRef<[u8]>) -> Self {
        self.number(number << 3 | 2);
        self.number(value.as_ref().len() as u64);
        self.0.extend(value.as_ref());
        self
    }

    pub fn message(self, number: u64, value: Message) -> Self {
        self.bytes(number, value.0)
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A google.protobuf.Value, as hparams are.
#[derive(Clone, Copy, Debug)]
pub enum Hparam<'a> {
    Number(f64),
    Text(&'a str),
    Bool(bool),
}

/// An event with nothing in it yet; writers leave a step of zero out.
pub fn event(wall_time: f64, step: i64) -> Message {
    let head = Message::default().double(1, wall_time);
    if step == 0 { head } else { head.varint(2, step as u64) }
}

/// The first event of a file. `writer` is source_metadata's; tensorboardX has none.
pub fn file_version(wall_time: f64, writer: Option<&str>) -> Message {
    let version = event(wall_time, 0).bytes(3, "brain.Event:2");
    match writer {
        Some(writer) => version.message(10, Message::default().bytes(1, writer)),
        None => version,
    }
}

/// An event with one summary value.
pub fn summary(wall_time: f64, step: i64, value: Message) -> Message {
    event(wall_time, step).message(5, Message::default().message(1, value))
}

/// A scalar as torch and tensorboardX write it.
pub fn scalar(wall_time: f64, step: i64, tag: &str, value: f32) -> Message {
    summary(wall_time, step, Message::default().bytes(1, tag).float(2, value))
}

/// A scalar as TensorFlow 2 writes it; the plugin is named with a tag's first value only.
pub fn tensor_scalar(wall_time: f64, step: i64, tag: &str, value: f32, is_first: bool) -> Message {
    let tensor = Message::default().varint(1, DT_FLOAT).bytes(2, []).bytes(4, value.to_le_bytes());
    let body = Message::default().bytes(1, tag).message(8, tensor);
    summary(wall_time, step, if is_first { body.message(9, plugin("scalars", &[])) } else { body })
}

/// A text, with its plugin named.
pub fn text(wall_time: f64, step: i64, tag: &str, text: &str) -> Message {
    let tensor = Message::default().varint(1, DT_STRING).bytes(2, []).bytes(8, text);
    summary(wall_time, step, Message::default().bytes(1, tag).message(8, tensor).message(9, plugin("text", &[])))
}

/// The hparams plugin's start of a session.
pub fn hparams_start(wall_time: f64, params: &[(&str, Hparam<'_>)], group: &str, start_secs: f64) -> Message {
    let mut start = Message::default();
    for (name, value) in params {
        let value = match value {
            Hparam::Number(x) => Message::default().double(2, *x),
            Hparam::Text(s) => Message::default().bytes(3, s),
            Hparam::Bool(b) => Message::default().varint(4, u64::from(*b)),
        };
        start = start.message(1, Message::default().bytes(1, name).message(2, value));
    }
    let start = start.bytes(4, group).double(5, start_secs);
    hparams(wall_time, "_hparams_/session_start_info", Message::default().varint(1, 0).message(3, start))
}

/// The hparams plugin's end of a session: status 1 success, 2 failure, 3 running.
pub fn hparams_end(wall_time: f64, status: u64, end_secs: f64) -> Message {
    let end = Message::default().varint(1, status).double(2, end_secs);
    hparams(wall_time, "_hparams_/session_end_info", Message::default().message(4, end))
}

/// SessionLog: status 1 START, 2 STOP, 3 CHECKPOINT.
pub fn session_log(wall_time: f64, step: i64, status: u64) -> Message {
    event(wall_time, step).message(7, Message::default().varint(1, status))
}

/// SummaryMetadata that names a plugin.
pub fn plugin(name: &str, content: &[u8]) -> Message {
    Message::default().message(1, Message::default().bytes(1, name).bytes(2, content))
}

/// A record's bytes, framed.
pub fn record(event: &Message) -> Vec<u8> {
    let len = (event.0.len() as u64).to_le_bytes();
    [&len[..], &masked_crc(&len).to_le_bytes(), &event.0, &masked_crc(&event.0).to_le_bytes()].concat()
}

/// Several records, one after the other.
pub fn records<'a>(events: impl IntoIterator<Item = &'a Message>) -> Vec<u8> {
    events.into_iter().flat_map(record).collect()
}

/// Writes `n_steps` steps of `tags` scalars each, ten steps a second. The returned number is of bytes.
pub fn write_scalars(out: impl Write, tags: &[&str], n_steps: i64, as_tensors: bool) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let start = 1_795_000_000.0;
    let mut n_bytes = 0;
    let mut put = |event: &Message| {
        let bytes = record(event);
        n_bytes += bytes.len() as u64;
        out.write_all(&bytes)
    };
    put(&file_version(start, Some("tensorboard.summary.writer.event_file_writer")))?;
    for step in 0..n_steps {
        let time = start + step as f64 / 10.0;
        for (i, tag) in tags.iter().enumerate() {
            let value = ((step as f32) * 1e-3 + i as f32).sin() / (1.0 + step as f32 * 1e-4);
            put(&if as_tensors {
                tensor_scalar(time, step, tag, value, step == 0)
            } else {
                scalar(time, step, tag, value)
            })?;
        }
    }
    out.flush()?;
    Ok(n_bytes)
}

fn hparams(wall_time: f64, tag: &str, data: Message) -> Message {
    let empty = Message::default().varint(1, DT_FLOAT).message(2, Message::default().bytes(2, []));
    let value = Message::default().bytes(1, tag).message(8, empty).message(9, plugin("hparams", &data.0));
    summary(wall_time, 0, value)
}

fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
