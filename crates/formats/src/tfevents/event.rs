//! Event and Summary.Value, walked in place: one value is looked at as far as its plugin needs it.
//!
//! `tensorboard/compat/proto/{event,summary}.proto`. Graphs and images are stepped over as one field each.

use signalbox_types::Point;

use crate::protobuf::{Fields, Malformed, Wire, varint};

/// An event's head, and its summaries still as written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event<'a> {
    /// Unix seconds.
    pub wall_time: f64,
    pub step: i64,
    /// The writer's name, from source_metadata; empty in most events.
    pub writer: &'a [u8],
    /// A SessionLog with status START.
    pub starts_session: bool,
    /// A graph, meta graph or run metadata.
    pub has_graph: bool,
    summary: &'a [u8],
    n_summaries: u32,
    message: &'a [u8],
}

/// An event that is one scalar and nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlainScalar<'a> {
    pub wall_time: f64,
    pub step: i64,
    pub tag: &'a [u8],
    pub value: f32,
    pub encoding: Encoding,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Simple,
    /// A float tensor of rank 0, which is a scalar if its tag belongs to the plugin `scalars`.
    Tensor,
    /// The same, and the value says that it does.
    NamedTensor,
}

/// One value of a summary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Value<'a> {
    pub tag: &'a [u8],
    pub simple: Option<f32>,
    pub tensor: Option<&'a [u8]>,
    pub metadata: Option<&'a [u8]>,
    /// A value that has a field of its own.
    pub legacy: Option<Legacy<'a>>,
}

/// What older writers wrote without a tensor (torch and tensorboardX still do), its message as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy<'a> {
    Image(&'a [u8]),
    /// HistogramProto.
    Histogram(&'a [u8]),
    Audio(&'a [u8]),
    /// TensorFlow's before 0.10, which no reader reads.
    OldHistogram,
}

/// The plugin that SummaryMetadata names, and what it keeps there.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluginData<'a> {
    pub name: &'a [u8],
    pub content: &'a [u8],
}

impl<'a> PlainScalar<'a> {
    /// Recognises the layout in which all known writers lay out a scalar with a short tag: time, step unless zero,
    /// and a summary of one value, every length in one byte. Nearly all of most files is this, and to compare
    /// bytes takes a fraction of the time of a walk. `None` only means that the event is to be walked.
    #[inline]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (&[0x09, ref time @ ..], mut rest) = message.split_first_chunk::<9>()? else { return None };
        let mut step = 0;
        if let [0x10, after @ ..] = rest {
            rest = after;
            step = varint(&mut rest).ok()? as i64;
        }
        let n = rest.len();
        let (&[0x2a, n_summary, 0x0a, n_value, 0x0a, n_tag], rest) = rest.split_first_chunk::<6>()? else {
            return None;
        };
        if n >= 0x80 || usize::from(n_summary) + 2 != n || usize::from(n_value) + 4 != n {
            return None;
        }
        let (tag, value) = rest.split_at_checked(usize::from(n_tag))?;
        let (bits, encoding) = match *value {
            [0x15, a, b, c, d] => ([a, b, c, d], Encoding::Simple),
            [0x42, 10, 8, 1, 0x12, 0, 0x22, 4, a, b, c, d, ref metadata @ ..] => match metadata {
                [] => ([a, b, c, d], Encoding::Tensor),
                b"\x4a\x0b\x0a\x09\x0a\x07scalars" => ([a, b, c, d], Encoding::NamedTensor),
                _ => return None,
            },
            _ => return None,
        };
        Some(PlainScalar { wall_time: f64::from_le_bytes(*time), step, tag, value: f32::from_le_bytes(bits), encoding })
    }
}

impl<'a> Event<'a> {
    #[inline]
    pub fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut event = Event { message, ..Event::default() };
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => event.wall_time = value.double(),
                2 => event.step = value.int(),
                4 | 8 | 9 => event.has_graph = true,
                5 => {
                    event.summary = value.bytes();
                    event.n_summaries += 1;
                }
                7 => event.starts_session = first_int(value.bytes(), 1)? == 1,
                10 => event.writer = first_bytes(value.bytes(), 1)?,
                _ => {}
            }
        }
        Ok(event)
    }

    /// A point of this event's time and step.
    pub fn point(&self, value: f64) -> Point {
        Point { step: self.step, time: self.wall_time, value }
    }

    /// Hands every value to `f`, in order.
    #[inline]
    pub fn each_value(&self, mut f: impl FnMut(Value<'a>) -> Result<(), Malformed>) -> Result<(), Malformed> {
        match self.n_summaries {
            0 => Ok(()),
            1 => each_value_of(self.summary, &mut f),
            // Protobuf lets a message field stand several times and means all of it.
            _ => {
                let mut fields = Fields::new(self.message);
                while let Some((number, value)) = fields.next()? {
                    if number == 5 {
                        each_value_of(value.bytes(), &mut f)?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Whether an event holds a graph, from the first bytes of it: graphs are the only records that are larger than
/// what is taken in and of no interest.
pub fn begins_with_graph(head: &[u8]) -> bool {
    let mut rest = Fields::new(head);
    loop {
        // The graph's length goes past `head`, so its own field cannot be walked: ask before each step.
        let Some(key) = rest.peek_number() else { return false };
        if matches!(key, 4 | 8 | 9) {
            return true;
        }
        if !matches!(rest.next(), Ok(Some(_))) {
            return false;
        }
    }
}

impl<'a> PluginData<'a> {
    /// SummaryMetadata { PluginData plugin_data = 1 { plugin_name = 1, content = 2 } }.
    pub fn parse(metadata: &'a [u8]) -> Result<Self, Malformed> {
        let mut out = PluginData::default();
        let mut fields = Fields::new(first_bytes(metadata, 1)?);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => out.name = value.bytes(),
                2 => out.content = value.bytes(),
                _ => {}
            }
        }
        Ok(out)
    }
}

#[inline]
fn each_value_of<'a>(
    summary: &'a [u8],
    f: &mut impl FnMut(Value<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut fields = Fields::new(summary);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            f(value_of(value.bytes())?)?;
        }
    }
    Ok(())
}

#[inline]
fn value_of(message: &[u8]) -> Result<Value<'_>, Malformed> {
    let mut out = Value::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Wire::Bytes(tag)) => out.tag = tag,
            (2, Wire::Fixed32(bits)) => out.simple = Some(f32::from_bits(bits)),
            (3, _) => out.legacy = Some(Legacy::OldHistogram),
            (4, _) => out.legacy = Some(Legacy::Image(value.bytes())),
            (5, _) => out.legacy = Some(Legacy::Histogram(value.bytes())),
            (6, _) => out.legacy = Some(Legacy::Audio(value.bytes())),
            (8, Wire::Bytes(tensor)) => out.tensor = Some(tensor),
            (9, Wire::Bytes(metadata)) => out.metadata = Some(metadata),
            _ => {}
        }
    }
    Ok(out)
}

fn first_int(message: &[u8], wanted: u64) -> Result<i64, Malformed> {
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        if number == wanted {
            return Ok(value.int());
        }
    }
    Ok(0)
}

fn first_bytes(message: &[u8], wanted: u64) -> Result<&[u8], Malformed> {
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        if number == wanted {
            return Ok(value.bytes());
        }
    }
    Ok(&[])
}

#[cfg(test)]
mod tests {
    use super::super::tensor::Tensor;
    use super::*;

    #[test]
    fn the_step_may_stand_behind_the_summary() {
        let bytes = [0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15, 0, 0, 0x80, 0x3f, 0x10, 7];
        let event = Event::parse(&bytes).unwrap();
        assert_eq!(event.step, 7);
        let mut seen = Vec::new();
        event
            .each_value(|v| {
                seen.push((v.tag.to_vec(), v.simple));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [(b"a".to_vec(), Some(1.0))]);
    }

    /// A plain scalar by the walk, if the event is one.
    fn walked(message: &[u8]) -> Option<PlainScalar<'_>> {
        let event = Event::parse(message).ok()?;
        let mut values = Vec::new();
        let walk = |v| {
            values.push(v);
            Ok(())
        };
        event.each_value(walk).ok()?;
        let &[Value { tag, simple, tensor, metadata, legacy: None }] = &values[..] else { return None };
        let plugin = metadata.map(|m| PluginData::parse(m).unwrap().name);
        let (value, encoding) = match (simple, tensor, plugin) {
            (Some(value), None, None) => (value, Encoding::Simple),
            (None, Some(t), None) => (Tensor::parse(t).ok()?.scalar()? as f32, Encoding::Tensor),
            (None, Some(t), Some(b"scalars")) => (Tensor::parse(t).ok()?.scalar()? as f32, Encoding::NamedTensor),
            _ => return None,
        };
        Some(PlainScalar { wall_time: event.wall_time, step: event.step, tag, value, encoding })
    }

    fn same(a: PlainScalar<'_>, b: PlainScalar<'_>) -> bool {
        a.wall_time.to_bits() == b.wall_time.to_bits()
            && a.value.to_bits() == b.value.to_bits()
            && (a.step, a.tag, a.encoding) == (b.step, b.tag, b.encoding)
    }

    fn scalar_event(step: &[u8], tag: &str, value: &[u8]) -> Vec<u8> {
        let n = (tag.len() + value.len() + 2) as u8;
        let summary = [&[0x2a, n + 2, 0x0a, n, 0x0a, tag.len() as u8], tag.as_bytes(), value].concat();
        [&[0x09], &1795247922.5f64.to_le_bytes()[..], step, &summary].concat()
    }

    #[test]
    fn the_short_way_agrees_with_the_walk() {
        let negative = [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let simple = [0x15, 0, 0, 0x80, 0x3f];
        let tensor = [0x42, 10, 8, 1, 0x12, 0, 0x22, 4, 0, 0, 0x80, 0x3f];
        let named = [&tensor[..], b"\x4a\x0b\x0a\x09\x0a\x07scalars"].concat();
        for (step, expected) in [(&[][..], 0), (&[0x10, 5], 5), (&[0x10, 0x80, 0x80, 1], 16384), (&negative, -1)] {
            let cases = [(&simple[..], Encoding::Simple), (&tensor, Encoding::Tensor), (&named, Encoding::NamedTensor)];
            for (value, encoding) in cases {
                let message = scalar_event(step, "a/b", value);
                let got = PlainScalar::parse(&message).map(|p| (p.step, p.value, p.encoding));
                assert_eq!(got, Some((expected, 1.0, encoding)));
                check_mutants(&message);
            }
        }
        for len in 0..130 {
            let message = scalar_event(&[], &"x".repeat(len), &simple);
            assert_eq!(PlainScalar::parse(&message).is_some(), len <= 116);
        }
    }

    /// Any other byte anywhere: never another answer than the walk's.
    fn check_mutants(message: &[u8]) {
        for at in 0..message.len() {
            for byte in 0..=255 {
                let mut mutant = message.to_vec();
                mutant[at] = byte;
                if let Some(plain) = PlainScalar::parse(&mutant) {
                    assert!(walked(&mutant).is_some_and(|walked| same(walked, plain)), "byte {at} = {byte}");
                }
            }
            assert_eq!(PlainScalar::parse(&message[..at]), None);
        }
    }

    #[test]
    fn summaries_that_stand_twice_both_count() {
        let summary = [0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15, 0, 0, 0x80, 0x3f];
        let bytes = [summary, summary].concat();
        let mut n = 0;
        Event::parse(&bytes)
            .unwrap()
            .each_value(|_| {
                n += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(n, 2);
    }

    #[test]
    fn a_session_starts_only_with_start() {
        assert!(Event::parse(&[0x3a, 2, 8, 1]).unwrap().starts_session);
        assert!(!Event::parse(&[0x3a, 2, 8, 2]).unwrap().starts_session);
        assert!(!Event::parse(&[0x3a, 0]).unwrap().starts_session);
    }

    #[test]
    fn a_graph_is_known_by_its_beginning() {
        let head = [&[0x09][..], &1.0f64.to_le_bytes(), &[0x22, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]].concat();
        assert!(begins_with_graph(&head));
        assert!(!begins_with_graph(&[0x2a, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]));
        assert!(!begins_with_graph(&[]));
    }
}
