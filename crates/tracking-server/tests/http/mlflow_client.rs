//! MLflow's own Python client at work against the server.
