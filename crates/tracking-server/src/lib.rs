//! tracking-server
