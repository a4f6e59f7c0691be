//! What events mean: encodings of scalars, plugins named once, restarts, params and the session's end.

use signalbox_formats::EventStream;
use signalbox_testkit::tfevents::{self as write, Hparam, Message};
use signalbox_types::{MediaKind, ProblemKind, Status};

use crate::told::{Told, read_whole, spec, stream_on, stream_whole};

fn tensor_event(step: i64, tag: &str, tensor: Message, plugin: Option<&str>) -> Message {
    let value = Message::default().bytes(1, tag).message(8, tensor);
    write::summary(
        2.0,
        step,
        match plugin {
            Some(name) => value.message(9, write::plugin(name, &[])),
            None => value,
        },
    )
}

fn one_float(value: f32, dims: &[u64]) -> Message {
    let mut shape = Message::default();
    for &dim in dims {
        shape = shape.message(2, Message::default().varint(1, dim));
    }
    Message::default().varint(1, 1).message(2, shape).bytes(4, value.to_le_bytes())
}

#[test]
fn scalars_in_both_encodings_are_one_metric() {
    let told = stream_whole(&write::records(&[
        write::scalar(1.0, 0, "a", f32::NAN),
        write::tensor_scalar(2.0, 1, "a", 0.5, true),
        write::tensor_scalar(3.0, 1, "a", f32::NEG_INFINITY, false),
        write::scalar(4.0, -5, "a", 1.0 / 3.0),
    ]));
    let line = told.line("a");
    assert!(line[0].1.is_nan());
    assert_eq!(line[1..], [(1, 0.5), (1, f64::NEG_INFINITY), (-5, f64::from(1.0f32 / 3.0))]);
}

#[test]
fn a_plugin_named_once_holds_over_a_cut() {
    let first = tensor_event(0, "a", one_float(1.0, &[1]), Some("scalars"));
    let later = tensor_event(1, "a", one_float(2.0, &[1]), None);
    let bytes = write::records(&[first, later]);
    let mut told = Told::default();
    let mut stream = EventStream::default();
    stream_on(&mut stream, &bytes, bytes.len() / 2 + 4, 1 << 20, &mut told);
    let mut stream = EventStream::reopen(&stream.cursor()).unwrap();
    stream_on(&mut stream, &bytes, bytes.len(), 1 << 20, &mut told);
    assert_eq!(told.line("a"), [(0, 1.0), (1, 2.0)]);
}

#[test]
fn without_a_plugin_only_a_rank_0_number_is_a_scalar() {
    let project = tempfile::tempdir().unwrap();
    let bytes = write::records(&[
        tensor_event(0, "bare", one_float(1.5, &[]), None),
        tensor_event(0, "vector", one_float(1.5, &[1]), None),
        tensor_event(0, "text", Message::default().varint(1, 7).bytes(8, "hello"), None),
        tensor_event(0, "else", one_float(1.5, &[]), Some("greeter")),
    ]);
    std::fs::write(project.path().join("tfevents"), bytes).unwrap();
    let told = read_whole(&spec(project.path(), ""));
    assert_eq!(told.line("bare"), [(0, 1.5)]);
    assert_eq!(told.metrics().len(), 1);
    assert_eq!(told.tags["tensorboard.plugins"], "greeter 1, unnamed 2");
}

#[test]
fn a_scalar_that_is_no_single_number_is_told_of() {
    let two =
        Message::default().varint(1, 1).message(2, Message::default().message(2, Message::default().varint(1, 2)));
    let told = stream_whole(&write::record(&tensor_event(0, "a", two.bytes(4, [0; 8]), Some("scalars"))));
    assert_eq!(told.trouble(), [(Some(0), ProblemKind::Malformed)]);
    // A zero without a word of data is a zero to TensorFlow.
    let told = stream_whole(&write::record(&tensor_event(7, "a", Message::default().varint(1, 1), Some("scalars"))));
    assert_eq!(told.line("a"), [(7, 0.0)]);
}

#[test]
fn a_restart_comes_between_the_points_before_and_after_it() {
    let bytes = write::records(&[
        write::scalar(1.0, 0, "a", 0.0),
        write::scalar(1.0, 1, "a", 1.0),
        write::session_log(1.0, 1, 3),
        write::session_log(1.0, 1, 1),
        write::scalar(1.0, 1, "a", 10.0),
        write::session_log(1.0, 0, 1),
    ]);
    let told = stream_whole(&bytes);
    assert_eq!(told.line("a"), [(0, 0.0), (1, 1.0), (1, 10.0)]);
    assert_eq!(told.purges, [(String::new(), 1, 2), (String::new(), 0, 3)]);
}

#[test]
fn params_keep_the_type_that_the_writer_gave() {
    let params = [("lr", Hparam::Number(0.01)), ("opt", Hparam::Text("adam")), ("amp", Hparam::Bool(false))];
    let told = stream_whole(&write::record(&write::hparams_start(5.0, &params, "g1", 4.5)));
    let expected = [("amp", "bool false"), ("lr", "number 0.01"), ("opt", "text adam")];
    assert_eq!(told.params, expected.map(|(k, v)| (k.to_string(), v.to_string())).into());
    assert_eq!(told.tags["tensorboard.hparams_group"], "g1");
    assert_eq!(told.metrics().len(), 0);
}

#[test]
fn the_end_is_believed_from_who_knows_it() {
    let check = |writer: Option<&str>, status: u64, expected: Option<Status>| {
        let told =
            stream_whole(&write::records(&[write::file_version(1.0, writer), write::hparams_end(2.0, status, 9.5)]));
        assert_eq!(told.status, expected, "{writer:?} {status}");
        assert_eq!(told.ended, expected.map(|_| 9.5));
    };
    let (torch, tensorflow) = ("tensorboard.summary.writer.event_file_writer", "tensorflow.core.util.events_writer");
    check(Some(torch), 1, None);
    check(Some(torch), 2, None);
    check(None, 1, None);
    check(None, 2, Some(Status::Failed));
    check(Some(tensorflow), 1, Some(Status::Finished));
    check(Some(tensorflow), 2, Some(Status::Failed));
    check(Some(tensorflow), 3, Some(Status::Running));
}

#[test]
fn hugging_face_arguments_are_params_and_stay_a_text() {
    let json = r#"{"learning_rate": 5e-05, "bf16": false, "max_grad_norm": NaN, "report_to": ["tensorboard"]}"#;
    let told = stream_whole(&write::record(&write::text(1.0, 0, "args/text_summary", json)));
    assert_eq!(told.params["learning_rate"], "number 0.00005");
    assert_eq!(told.params["bf16"], "bool false");
    assert_eq!(told.params["max_grad_norm"], "text NaN");
    assert_eq!(told.params.len(), 3);
    let item = &told.media[0];
    assert_eq!((item.kind, item.tag.as_str(), item.step, item.offset), (MediaKind::Text, "args/text_summary", 0, 0));
}
