//! Runs one body.
fn main() {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap();
    let bytes = std::fs::read(args.next().unwrap()).unwrap();
    tickwire_fuzz::TARGETS.iter().find(|t| t.0 == name).unwrap().1(&bytes);
}
