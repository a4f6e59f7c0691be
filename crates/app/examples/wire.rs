//! Writes `ui/src/lib/host/wire.ts` from the Rust types.

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/lib/host/wire.ts");
    std::fs::write(path, signalbox_app::wire::typescript())
}
