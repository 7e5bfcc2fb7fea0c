//! The `telos` command line.
fn main() {}
