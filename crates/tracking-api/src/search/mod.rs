//! The grammar of searches.
