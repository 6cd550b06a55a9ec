//! The `edgevision` command.
fn main() {}
