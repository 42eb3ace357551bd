//! Whole runs on a toy: one program, since each costs a link with libtorch. Children that a test kills, limits or trains beside are
//! this program again, asked for one ignored test.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod beginnings;
mod contrastive;
mod exactness;
mod faults;
mod guide;
mod kills;
mod ours;
mod parallel;
mod restyle;
mod toy;
mod vision;
