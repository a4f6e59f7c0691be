//! The numbers of `metrics.json`, and of `info.json` where pymarl keeps them.
//!
//! Both are rewritten whole at each heartbeat and may be large, so they are not read into a tree of values.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use signalbox_types::{Point, Points};

use crate::{
    jsonl::{
        cell::{Cell, skip_map, skip_seq, visit_as_nothing},
        lenient,
    },
    place,
    text::clock,
};

/// So many metrics of one file are read.
const MAX_METRICS: usize = 10_000;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Curves {
    /// By name, in the order of the file.
    pub metrics: Vec<(String, Points)>,
    /// Metrics whose lists do not fit together: by name, what was lost.
    pub odd: Vec<String>,
}

impl Curves {
    /// `{"loss": {"steps": […], "timestamps": […], "values": […]}}`.
    pub(super) fn of_metrics(text: &[u8]) -> serde_json::Result<Curves> {
        let file: Named<Metric> = lenient::parse_as(text)?;
        let mut curves = Curves::default();
        for (name, metric) in file.entries {
            let n = metric.values.0.len();
            if metric.steps.0.len() != n {
                curves.odd.push(format!("`{name}` has {n} values and {} steps", metric.steps.0.len()));
            }
            let times = metric.timestamps.0.into_iter().map(|time| time.0).chain(std::iter::repeat(f64::NAN));
            curves.add(name, &metric.steps.0, &metric.values.0, times);
        }
        curves.cut(file.left_off);
        Ok(curves)
    }

    /// `{"return_mean": […], "return_mean_T": […]}`: values, and the steps that belong to them. Anything else in the
    /// file is the user's own. `skip` says which metrics are told of elsewhere.
    pub(super) fn of_info(text: &[u8], skip: impl Fn(&str) -> bool) -> serde_json::Result<Curves> {
        let file: Named<Column<Cell>> = lenient::parse_as(text)?;
        let by_name: HashMap<&str, &[Cell]> = file.entries.iter().map(|(name, c)| (name.as_str(), &c.0[..])).collect();
        let mut curves = Curves::default();
        for (name, values) in &file.entries {
            let Some(steps) = by_name.get(format!("{name}_T").as_str()) else { continue };
            if skip(name) || values.0.is_empty() {
                continue;
            }
            // The writer appends to one list after the other, and may be between the two.
            if steps.len().abs_diff(values.0.len()) > 1 {
                curves.odd.push(format!("`{name}` has {} values and {} steps", values.0.len(), steps.len()));
            }
            curves.add(name.clone(), steps, &values.0, std::iter::repeat(f64::NAN));
        }
        curves.cut(file.left_off);
        Ok(curves)
    }

    fn add(&mut self, name: String, steps: &[Cell], values: &[Cell], times: impl Iterator<Item = f64>) {
        let rows = steps.iter().zip(values).zip(times);
        let point = |((step, value), time): ((&Cell, &Cell), f64)| {
            Some(Point { step: step.whole()?, time, value: value.number()? })
        };
        self.metrics.push((name, rows.filter_map(point).collect()));
    }

    fn cut(&mut self, left_off: usize) {
        if left_off > 0 {
            self.odd.push(format!("{left_off} metrics beyond {MAX_METRICS} (a limit of Signalbox)"));
        }
    }
}

#[derive(Default)]
struct Metric {
    steps: Column<Cell>,
    timestamps: Column<Time>,
    values: Column<Cell>,
}

/// An object's entries in their order, the first of them.
struct Named<T> {
    entries: Vec<(String, T)>,
    left_off: usize,
}

/// A list; any other value is an empty one.
struct Column<T>(Vec<T>);

impl<T> Default for Column<T> {
    fn default() -> Self {
        Column(Vec::new())
    }
}

/// Unix seconds of a time without a zone: Sacred writes UTC.
struct Time(f64);

struct NamedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NamedVisitor<T> {
    type Value = Named<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
        let mut named = Named::<T> { entries: Vec::new(), left_off: 0 };
        let mut index = HashMap::<String, usize>::new();
        while let Some(name) = map.next_key::<String>()? {
            if named.entries.len() >= MAX_METRICS {
                named.left_off += 1;
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let name = place::clean_name(name.as_bytes());
            let value = map.next_value()?;
            // Of two of one name Python keeps the last.
            match index.entry(name) {
                Entry::Occupied(known) => named.entries[*known.get()].1 = value,
                Entry::Vacant(new) => {
                    named.entries.push((new.key().clone(), value));
                    new.insert(named.entries.len() - 1);
                }
            }
        }
        Ok(named)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamedVisitor(PhantomData))
    }
}

struct MetricVisitor;

impl<'de> Visitor<'de> for MetricVisitor {
    type Value = Metric;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metric, A::Error> {
        let mut metric = Metric::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "steps" => metric.steps = map.next_value()?,
                "timestamps" => metric.timestamps = map.next_value()?,
                "values" => metric.values = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(metric)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Metric, A::Error> {
        skip_seq(seq).map(|()| Metric::default())
    }

    visit_as_nothing!(Metric::default(); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MetricVisitor)
    }
}

struct ColumnVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ColumnVisitor<T> {
    type Value = Column<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Column<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Column(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Column<T>, A::Error> {
        skip_map(map).map(|()| Column::default())
    }

    visit_as_nothing!(Column::default(); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Column<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnVisitor(PhantomData))
    }
}

struct TimeVisitor;

impl<'de> Visitor<'de> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
        Ok(Time(clock::unix_of_iso(text).unwrap_or(f64::NAN)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Time, A::Error> {
        skip_map(map).map(|()| Time(f64::NAN))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Time, A::Error> {
        skip_seq(seq).map(|()| Time(f64::NAN))
    }

    visit_as_nothing!(Time(f64::NAN); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64));
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(curves: Curves) -> Vec<(String, Vec<(i64, f64)>)> {
        let points = |p: Points| p.iter().map(|p| (p.step, p.value)).collect();
        curves.metrics.into_iter().map(|(name, p)| (name, points(p))).collect()
    }

    #[test]
    fn metrics() {
        let text = r#"{"a": {"steps": [0, 2.0, null, 3], "timestamps": ["1970-01-01T00:00:01.5", 1, {}, []],
            "values": [1, -Infinity, 3, "x"]}, "b": 5, "c": {"values": [1], "steps": [7]}}"#;
        let curves = Curves::of_metrics(text.as_bytes()).unwrap();
        assert_eq!(curves.metrics[0].1.times[0], 1.5);
        assert_eq!(curves.odd, [""; 0]);
        let expected = [("a", vec![(0, 1.0), (2, f64::NEG_INFINITY)]), ("c", vec![(7, 1.0)])];
        let expected = expected.map(|(name, points)| (name.to_owned(), points));
        assert_eq!(told(curves), [&expected[..1], &[("b".to_owned(), vec![])], &expected[1..]].concat());
        let short =
            Curves::of_metrics(br#"{"a": {"steps": [1, 2], "values": [1]}, "a": {"steps": [9], "values": []}}"#);
        let short = short.unwrap();
        assert_eq!(short.odd, ["`a` has 0 values and 1 steps"]);
        assert_eq!(told(short), [("a".to_owned(), vec![])]);
    }

    #[test]
    fn pymarl() {
        let text = r#"{"a": [1, {"py/object": "numpy.float64", "dtype": "float64", "value": -1.25}, NaN], "a_T": [0, 10, 20],
            "b": [1], "b_T": [1], "note": {"x": [1]}, "plain": [1, 2], "c": [1], "c_T": [1, 2, 3]}"#;
        let curves = Curves::of_info(text.as_bytes(), |name| name == "b").unwrap();
        assert_eq!(curves.odd, ["`c` has 1 values and 3 steps"]);
        let steps: Vec<_> = curves.metrics.iter().map(|(name, p)| (name.as_str(), &p.steps[..])).collect();
        assert_eq!(steps, [("a", &[0, 10, 20][..]), ("c", &[1][..])]);
        assert_eq!(curves.metrics[0].1.values[..2], [1.0, -1.25]);
        assert!(curves.metrics[0].1.values[2].is_nan());
    }

    #[test]
    fn hostile_json_is_an_error_or_nothing() {
        for text in
            ["[".repeat(200_000), "{\"a\":".repeat(200_000), "[]".to_owned(), "{\"a\": {\"steps\": [".to_owned()]
        {
            assert!(Curves::of_metrics(text.as_bytes()).is_err(), "{text:.20}");
            assert!(Curves::of_info(text.as_bytes(), |_| false).is_err(), "{text:.20}");
        }
        let many: Vec<String> = (0..MAX_METRICS + 3).map(|i| format!("\"{i}\":{{}}")).collect();
        let curves = Curves::of_metrics(format!("{{{}}}", many.join(",")).as_bytes()).unwrap();
        assert_eq!((curves.metrics.len(), curves.odd.len()), (MAX_METRICS, 1));
    }
}
