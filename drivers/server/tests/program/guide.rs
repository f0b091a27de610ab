//! The guide's program is the example, word by word; the example has a test of its own.

const GUIDE: &str = include_str!("../../../../docs/guide/first-server.md");
const EXAMPLE: &str = include_str!("../../examples/bells.rs");

#[test]
fn the_guides_pieces_make_the_example() {
    let pieces = GUIDE.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let program: Vec<&str> = pieces.collect();
    // Between two pieces there is an empty line or none, as it reads best.
    let squeezed = |text: &str| text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(squeezed(&program.join("\n")), squeezed(EXAMPLE));
}

#[test]
fn the_guides_keys_and_commands_exist() {
    let config = include_str!("../../config.schema.json");
    let schema: serde_json::Value = serde_json::from_str(config).unwrap();
    let example = GUIDE.split("```jsonc\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.json"), example).unwrap();
    let ended = crate::harness::run(folder.path(), &["--check"]);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    for key in GUIDE.split("| `").skip(1).map(|rest| rest.split('`').next().unwrap()) {
        assert!(schema["properties"][key].is_object(), "there is no key {key}");
    }
}
