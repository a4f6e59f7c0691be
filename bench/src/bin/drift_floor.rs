//! `bench-drift-floor FILE`: the least that reading a file takes. Sums each column of numbers with the reader that
//! `signalbox data profile` has, and does nothing else; columns of levels are not read.

use signalbox_app::drift::read::{Kind, Options, Problems, Rows, Table};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let table = Table::open(Path::new(&path), &Options::default()).expect("it opens");
    let wanted: Vec<usize> =
        (0..table.columns().len()).filter(|at| table.columns()[*at].kind == Kind::Numeric).collect();
    let passes = table.passes(&wanted);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut total = 0.0;
        while let Some(pass) = passes.get(next.fetch_add(1, Ordering::Relaxed)) {
            table.scan(pass, &mut Problems::default(), &mut |batch| {
                for column in batch.columns.iter().flatten() {
                    total += Rows::of(column).sum();
                }
                ControlFlow::Continue(())
            });
        }
        total
    };
    let total = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        work() + other.join().expect("no panic")
    });
    println!("{total}");
}
