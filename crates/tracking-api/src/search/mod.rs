//! The language of searches: `metrics.loss < 0.5 AND params.seed = '1'`, and `metrics.loss DESC`.
//!
//! Top-down: [`filter`] reads a filter into a [`Filter`], [`order_by`] reads an ordering into an [`Order`]; `tree` says
//! what those are, `fields` which names there are and how each may be compared, `token` cuts text into words. What MLflow
//! takes, we take, with its words for what is wrong; our own pages also have OR and parentheses.
//!
//! Not here: carrying a search out. A store turns the tree into its own language.

mod fields;
mod parse;
mod token;
mod tree;

pub use fields::Subject;
pub use parse::{Dialect, filter, order_by};
pub use tree::{Comparison, Direction, Entity, Field, Filter, Operator, Order, Value};
