//! What a chart shows, read off its SVG, and that its PNG is a picture of the size asked for.
//! `SIGNALBOX_PLOTS=dir cargo test -p signalbox-plot` leaves the pictures in `dir` for a look.

use signalbox_plot::{AxisKind, ChartError, ChartSeries, ChartSpec, Mark, png, svg};

fn curve(name: &str, color_index: usize, n: usize, f: impl Fn(f64) -> f64) -> ChartSeries {
    let xs: Vec<f64> = (0..n).map(|i| i as f64 * 10.0).collect();
    let ys = xs.iter().map(|x| f(*x)).collect();
    ChartSeries { name: name.into(), color_index, dash: color_index / 10, xs, ys, ..ChartSeries::default() }
}

fn spec(title: &str, series: Vec<ChartSeries>) -> ChartSpec {
    ChartSpec { title: title.into(), x_label: "step".into(), series, width: 800, height: 450, ..ChartSpec::default() }
}

/// Both files of a chart; the PNG's head is checked, the SVG is given back.
fn drawn(spec: &ChartSpec) -> String {
    let text = svg(spec).expect("an SVG");
    let bytes = png(spec).expect("a PNG");
    let reader = png_info(&bytes);
    assert_eq!(reader, (spec.width * 2, spec.height * 2));
    if let Some(dir) = std::env::var_os("SIGNALBOX_PLOTS") {
        let name = format!("{}-{}", spec.title.replace(['/', ' '], "-"), if spec.dark { "dark" } else { "light" });
        let base = std::path::Path::new(&dir).join(name);
        std::fs::write(base.with_extension("png"), &bytes).expect("written");
        std::fs::write(base.with_extension("svg"), &text).expect("written");
    }
    assert!(text.starts_with("<svg ") && text.trim_end().ends_with("</svg>"), "{text:.200}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "a coordinate that is no number");
    text
}

fn png_info(bytes: &[u8]) -> (u32, u32) {
    let reader = png::Decoder::new(bytes).read_info().expect("a PNG file");
    (reader.info().width, reader.info().height)
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[test]
fn lines_names_and_axes_are_there() {
    let noise = |x: f64| ((x * 12.9898).sin() * 43_758.547).fract() * 0.15;
    let mut a = curve("adam, lr 0.001", 0, 400, |x| 2.0 / (1.0 + x / 300.0) + 0.1);
    a.raw = Some((a.xs.clone(), a.xs.iter().map(|x| 2.0 / (1.0 + x / 300.0) + 0.1 + noise(*x)).collect()));
    let mut b = curve("sgd <momentum> & friends", 1, 400, |x| 2.2 / (1.0 + x / 900.0) + 0.2);
    b.dash = 1;
    let c = curve("a run with a name that is much too long for any legend to hold it whole", 2, 300, |x| {
        1.5 + (x / 200.0).sin() / 4.0
    });
    for dark in [false, true] {
        let text = drawn(&ChartSpec {
            dark,
            y_label: "cross entropy".into(),
            ..spec("val/loss", vec![a.clone(), b.clone(), c.clone()])
        });
        for words in [
            "val/loss",
            "cross entropy",
            "step",
            "adam, lr 0.001",
            "sgd &lt;momentum&gt; &amp; friends",
            "…",
            "1000",
            "2.0",
        ] {
            assert!(text.contains(words), "{words}");
        }
    }
}

#[test]
fn nan_breaks_the_line_and_every_non_finite_value_is_marked() {
    let f = |x: f64| match x as i64 {
        500..=600 => f64::NAN,
        900 => f64::INFINITY,
        1200 => f64::NEG_INFINITY,
        _ => (x / 100.0).sin(),
    };
    let whole = drawn(&spec("whole", vec![curve("a", 0, 150, |x| (x / 100.0).sin())]));
    let text = drawn(&spec("non finite", vec![curve("a", 0, 150, f)]));
    // Three gaps make four lines of one; NaNs ten pixels apart stay apart: 11 crosses of two strokes.
    let lines = |t: &str| count(t, "<polyline");
    assert_eq!(lines(&text) - lines(&whole), 3 + 11 * 2);
    assert_eq!(count(&text, "<polygon"), 2);

    let mut told = curve("a", 0, 150, |x| if x == 700.0 { f64::NAN } else { 1.0 });
    told.marks = Some(vec![(700.0, Mark::PositiveInfinity)]);
    assert_eq!(count(&drawn(&spec("told", vec![told])), "<polygon"), 1);
}

#[test]
fn one_point_is_a_dot() {
    let text = drawn(&spec("one point", vec![curve("a", 0, 1, |_| 0.25), curve("b", 3, 1, |_| 0.5)]));
    assert_eq!(count(&text, "<circle"), 2);
}

#[test]
fn nothing_to_draw_is_said() {
    assert!(drawn(&spec("empty", vec![])).contains("No series"));
    assert!(drawn(&spec("no points", vec![curve("a", 0, 0, |_| 0.0)])).contains("No finite values"));
    assert!(drawn(&spec("all nan", vec![curve("a", 0, 9, |_| f64::NAN)])).contains("No finite values"));
}

#[test]
fn a_log_axis_counts_what_it_cannot_show() {
    let text = drawn(&ChartSpec {
        log_y: true,
        ..spec("log", vec![curve("a", 4, 200, |x| 10f64.powf(2.0 - x / 300.0) - 1e-4)])
    });
    assert!(text.contains("values ≤ 0 are not on this scale"));
    let all = drawn(&ChartSpec { log_y: true, ..spec("log none", vec![curve("a", 0, 5, |_| -1.0)]) });
    assert!(all.contains("5 values ≤ 0") && all.contains("No finite values"));
}

#[test]
fn the_thirteenth_name_is_counted() {
    let many = |n| {
        (0..n).map(|i| curve(&format!("run-{i}"), i, 100, move |x| (x / (200.0 + 20.0 * i as f64)).cos())).collect()
    };
    let text = drawn(&ChartSpec { dark: true, ..spec("many", many(31)) });
    assert!(text.contains("run-11") && !text.contains("run-12") && text.contains("and 19 more"));
    assert!(!drawn(&spec("twelve", many(12))).contains("more"));
}

#[test]
fn times_are_written_as_times() {
    let mut wall = spec("wall", vec![curve("a", 0, 500, |x| x.sqrt())]);
    wall.series[0].xs.iter_mut().for_each(|x| *x += 1_700_000_000.0);
    let text = drawn(&ChartSpec { x_kind: AxisKind::UnixTime, x_label: "time".into(), ..wall });
    assert!(text.contains("time (UTC)") && text.contains("22:30"));
    let relative =
        drawn(&ChartSpec { x_kind: AxisKind::Duration, ..spec("relative", vec![curve("a", 0, 500, |x| x)]) });
    assert!(relative.contains("min"));
}

#[test]
fn extremes_are_drawn_and_nonsense_is_refused() {
    let wild = [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e-320, -0.0];
    drawn(&spec("wild", vec![curve("a", 0, 5, |x| wild[x as usize / 10])]));
    drawn(&ChartSpec { log_y: true, ..spec("wild log", vec![curve("a", 0, 5, |x| wild[x as usize / 10])]) });
    drawn(&ChartSpec { width: 160, height: 160, ..spec("small", vec![curve("a", 0, 50, |x| x)]) });
    assert!(matches!(svg(&ChartSpec { width: 0, ..spec("t", vec![]) }), Err(ChartError::Size { width: 0, .. })));
    assert!(matches!(png(&ChartSpec { height: 100_000, ..spec("t", vec![]) }), Err(ChartError::Size { .. })));
    let mut uneven = curve("uneven", 0, 5, |x| x);
    uneven.ys.pop();
    assert!(matches!(svg(&spec("t", vec![uneven])), Err(ChartError::Lengths { .. })));
}
