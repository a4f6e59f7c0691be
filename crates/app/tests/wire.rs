//! The committed TypeScript is that of the Rust types.

#[test]
fn the_page_s_types_are_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/lib/host/wire.ts");
    let committed = std::fs::read_to_string(path).expect("ui/src/lib/host/wire.ts");
    assert!(
        committed == signalbox_app::wire::typescript(),
        "ui/src/lib/host/wire.ts is stale: run `cargo run -p signalbox-app --example wire`"
    );
}
