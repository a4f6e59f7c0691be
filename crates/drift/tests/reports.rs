//! Reports that leave the program: nothing in the data steers them.

use signalbox_drift::pair::{Report, Wanted, compare_tables};
use signalbox_drift::read::{Options, Table};
use signalbox_drift::report::{html, junit};
use signalbox_drift::verdict::Verdict;
use std::ops::ControlFlow;

const EVIL: &str = "</td><script>alert(1)</script>&\u{1}'";

fn compared(n_columns: usize, shift: f64) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |shift: f64, level: &str| {
        let names: Vec<String> = (0..n_columns).map(|at| format!("{EVIL}{at}")).collect();
        let mut out = names.join(",") + ",few,level\n";
        for row in 0..400 {
            let moved = |at: usize| if at == 0 { shift } else { 0.0 };
            let cells: Vec<String> =
                (0..n_columns).map(|at| (f64::from(row * 37 % 401) + moved(at)).to_string()).collect();
            out.push_str(&format!("{},{},{}\n", cells.join(","), row % 3, if row % 2 == 0 { EVIL } else { level }));
        }
        out
    };
    let put = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        Table::open(&path, &Options::default()).expect("a table")
    };
    let (a, b) = (put("a.csv", text(0.0, "x")), put("b<b>.csv", text(shift, "y")));
    compare_tables(&a, &b, &Wanted::default(), &mut |_| ControlFlow::Continue(())).expect("compared")
}

#[test]
fn the_page_is_one_small_file_without_scripts() {
    let report = compared(20, 200.0);
    let page = html(&report, "2026-11-22");
    assert!(page.len() < 300 << 10, "{} bytes", page.len());
    assert!(!page.contains("<script") && !page.contains("http") && !page.contains('\u{1}'), "nothing of the data's");
    assert!(
        page.contains("&lt;script&gt;")
            && page.contains("prefers-color-scheme:dark")
            && page.contains("b&lt;b&gt;.csv")
    );
    assert_eq!(page.matches("<svg").count(), 22, "a drawing for each column");
    for tag in ["table", "tr", "td", "svg", "details", "p", "h2"] {
        let open = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(open, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    // The gravest first.
    let first = page.find("class=\"drift\"").expect("drift");
    assert!(first < page.find("no drift").expect("no drift"), "ranked");
    assert!(!page.contains("NaN\"") && !page.contains("inf "), "drawings have coordinates");
}

#[test]
fn ci_gets_a_case_for_each_column() {
    let mut report = compared(2, 200.0);
    report.columns[1].verdict = Verdict::TooFewRows;
    let xml = junit(&report);
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    let n_failed = report.drifted().count();
    assert_eq!((xml.matches("<testcase ").count(), xml.matches("<failure ").count()), (4, n_failed));
    assert_eq!(xml.matches("<skipped ").count(), 1);
    assert!(n_failed >= 2 && xml.contains(&format!("failures=\"{n_failed}\" errors=\"0\" skipped=\"1\"")), "{xml}");
    assert!(!xml.contains("<script") && !xml.contains('\u{1}'), "{xml}");
    // Each element that is opened is closed, and attributes have both their quotes.
    let mut open = Vec::new();
    for tag in xml.split('<').skip(1).filter_map(|part| part.split('>').next()).filter(|tag| !tag.starts_with('?')) {
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().expect("a name")),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
