//! Event and Summary.Value, walked in place: one value is looked at as far as its plugin needs it.
//!
//! `tensorboard/compat/proto/{event,summary}.proto`. Graphs and images are stepped over as one field each.

use super::wire::{Fields, Malformed, Wire};

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

/// One value of a summary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Value<'a> {
    pub tag: &'a [u8],
    pub simple: Option<f32>,
    pub tensor: Option<&'a [u8]>,
    pub metadata: Option<&'a [u8]>,
    /// "histograms", "images" or "audio": values that have a field of their own.
    pub legacy: Option<&'static str>,
}

/// The plugin that SummaryMetadata names, and what it keeps there.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluginData<'a> {
    pub name: &'a [u8],
    pub content: &'a [u8],
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
            (3 | 5, _) => out.legacy = Some("histograms"),
            (4, _) => out.legacy = Some("images"),
            (6, _) => out.legacy = Some("audio"),
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
