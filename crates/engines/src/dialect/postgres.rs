//! Postgres's words. It takes overflow and underflow of doubles for errors, so sums are of scaled numbers.

use super::{Counted, Dialect, NULL, ROWS, civil};
use crate::described::RemoteColumn;

pub struct Postgres;

/// 2⁻⁶⁴: exact, and sums of as many of the greatest doubles do not overflow.
const SCALE: f64 = 1.0 / 18_446_744_073_709_551_616.0;

impl Dialect for Postgres {
    fn ident(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// The session says that backslashes are themselves.
    fn text(&self, text: &str) -> Option<String> {
        (!text.contains('\0')).then(|| format!("'{}'", text.replace('\'', "''")))
    }

    fn double(&self, value: f64) -> String {
        format!("'{:?}'::float8", value + 0.0)
    }

    fn as_double(&self, x: &str) -> String {
        format!("{x}::float8")
    }

    fn as_text(&self, x: &str) -> String {
        format!("{x}::text COLLATE \"C\"")
    }

    /// `date_part` divides microseconds by a million as doubles, as the local reader does; `extract` has decimals.
    fn seconds(&self, x: &str, column: &RemoteColumn) -> String {
        let is_date = column.type_name == "date";
        if is_date { format!("date_part('epoch', {x}::timestamp)") } else { format!("date_part('epoch', {x})") }
    }

    fn is_nan(&self, x: &str) -> String {
        format!("{x} = 'NaN'::float8")
    }

    fn infinity(&self) -> &'static str {
        "'Infinity'::float8"
    }

    fn edges_below(&self, x: &str, edges: &[f64]) -> String {
        let edges: Vec<String> = edges.iter().map(|edge| format!("{:?}", edge + 0.0)).collect();
        format!("width_bucket({x}, '{{{}}}'::float8[])", edges.join(","))
    }

    fn place(&self, x: &str, texts: &[(usize, String)], none: usize) -> String {
        let whens: Vec<String> = texts.iter().map(|(at, text)| format!("WHEN {text} THEN {at}")).collect();
        if whens.is_empty() { none.to_string() } else { format!("CASE {x} {} ELSE {none} END", whens.join(" ")) }
    }

    fn apart(&self, x: &str, mean: f64) -> String {
        let (scale, mean) = (self.double(SCALE), self.double(mean * SCALE));
        format!("CASE WHEN abs({x}) < '1e-280'::float8 THEN '0'::float8 ELSE {x} * {scale} END - {mean}")
    }

    fn scale(&self) -> f64 {
        SCALE
    }

    fn about(&self, x: &str, column: &RemoteColumn, from: i64, till: i64) -> String {
        let of = |hour: i64| match column.type_name.as_str() {
            "date" => format!("'{}'::date", &civil(hour)[..10]),
            name if name.contains("with time zone") => format!("'{}+00'::timestamptz", civil(hour)),
            name if name.starts_with("timestamp") => format!("'{}'::timestamp", civil(hour)),
            _ => format!("{}", hour.saturating_mul(3600)),
        };
        // Of days: the one that begins within the hour is not the one that it lies in.
        let from = if column.type_name == "date" { from - 24 } else { from };
        format!("{x} >= {} AND {x} <= {}", of(from), of(till))
    }

    /// Arrays side by side, which `unnest` walks together: four times as fast as `LATERAL (VALUES …)`, which is made anew for
    /// each row.
    fn unpivoted(&self, columns: &[Counted], from: &str) -> String {
        let none = "NULL::float8";
        let (mut places, mut bins) = (vec![ROWS.to_string()], vec!["0".to_owned()]);
        let (mut numbers, mut apart) = (vec![none], vec![none]);
        for column in columns {
            let (x, d) = column.number.as_ref().map_or((none, none), |(x, d)| (x, d));
            places.push(column.at.to_string());
            bins.push(column.bin.clone());
            numbers.push(x);
            apart.push(d);
        }
        let (least, most) = ("'1e-150'::float8", "'1e145'::float8");
        format!(
            "SELECT sb_h, sb_s, sb_c::int8, sb_b::int8, count(*)::int8, sum(sb_d), sum(CASE WHEN abs(sb_d) < {least} THEN \
             '0'::float8 WHEN abs(sb_d) > {most} THEN 'Infinity'::float8 ELSE sb_d * sb_d END), min(sb_x), max(sb_x) FROM \
             (SELECT sb_h, sb_s, unnest(ARRAY[{}]) AS sb_c, unnest(ARRAY[{}]) AS sb_b, unnest(ARRAY[{}]) AS sb_x, \
             unnest(ARRAY[{}]) AS sb_d FROM ({from}) AS sb_0) AS sb_u GROUP BY sb_h, sb_s, sb_c, sb_b",
            places.join(", "),
            bins.join(", "),
            numbers.join(", "),
            apart.join(", ")
        )
    }

    fn first_of_each(&self, from: &str, n: usize) -> String {
        format!(
            "SELECT * FROM (SELECT sb_2.*, row_number() OVER (PARTITION BY sb_h, sb_s ORDER BY sb_n DESC, sb_v) AS sb_r \
             FROM ({from}) AS sb_2) AS sb_w WHERE sb_r <= {n}"
        )
    }

    fn first_chars(&self, x: &str, n: usize) -> String {
        format!("left({x}, {n})")
    }

    fn double_type(&self) -> &'static str {
        "float8"
    }

    fn integer_type(&self) -> &'static str {
        "int8"
    }
}

const _: () = assert!(NULL < 0, "codes are told from bins by their sign");
