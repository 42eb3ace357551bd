//! What `log_metric` costs the training loop: the whole distribution, p99 included, while writer and sender work.

fn main() {
    divan::main();
}
