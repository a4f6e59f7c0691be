//! Puts the built page (`ui/dist`) into the program: a table of path and bytes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("BUG: cargo says where the crate is"));
    let dist = here.join("../../ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    collect(&dist, &mut files);
    if !files.iter().any(|f| f == &dist.join("index.html")) {
        println!(
            "cargo::error=the page is not built: {} is missing. Run `make` (or `npm ci && npm run build` in ui/).",
            dist.join("index.html").display()
        );
        return;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&dist).expect("BUG: below dist").to_string_lossy().replace('\\', "/");
        let path = file.canonicalize().expect("the file was just listed");
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("BUG: a string takes text");
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("BUG: cargo gives OUT_DIR"));
    fs::write(out.join("page.rs"), table).expect("OUT_DIR can be written");
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
