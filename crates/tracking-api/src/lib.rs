//! tracking-api
