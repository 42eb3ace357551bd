-- Points of a curve stand packed, up to 256 in a row, instead of one by one: less to store, and much less to read.

CREATE TABLE metric_blocks (
    id     INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    key    INTEGER NOT NULL REFERENCES metric_keys (id),
    -- The place of the block's first point on the curve, as bytes that compare as points do.
    first  BLOB    NOT NULL,
    points BLOB    NOT NULL
);

CREATE UNIQUE INDEX metric_blocks_in_order ON metric_blocks (run, key, first);

-- Counts what a run said, so that what was read of it before is known to be still right.
ALTER TABLE runs ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

-- The rows of `metrics` are packed by the server when it opens the file; then that table goes.

-- Points that came again and were known already: what a client repeated after a fault.
ALTER TABLE metric_summaries ADD COLUMN n_repeated INTEGER NOT NULL DEFAULT 0;
