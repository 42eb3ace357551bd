//! idiom
fn main() {}
