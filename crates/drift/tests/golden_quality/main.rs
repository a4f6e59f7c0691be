//! Quality, fairness and trees beside the libraries: NannyML 0.13.1 and fairlearn 0.15 with AIF360 0.6.1 in
//! `golden/golden.json`, scikit-learn 1.9.1 and scipy 1.17.1 in `sklearn.json`, which `sklearn_golden.py` writes.
//!
//! A test walks every key of its block. A key that we do not answer, or otherwise, stands in a list with the reason;
//! a key that nobody knows ends the test.

mod counts;
mod estimates;
mod fairness;
mod inputs;
mod intervals;
mod merging;
mod monitors;
mod scores;
mod seeded;
mod trees;
