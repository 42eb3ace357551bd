-- Long curves are drawn from summaries of many neighbouring points instead of from every point.

ALTER TABLE metric_summaries ADD COLUMN n_points INTEGER NOT NULL DEFAULT 0;
-- How many points, from the first on, stand in chunks.
ALTER TABLE metric_summaries ADD COLUMN n_sealed INTEGER NOT NULL DEFAULT 0;

UPDATE metric_summaries SET n_points =
    (SELECT count(*) FROM metrics WHERE metrics.run = metric_summaries.run AND metrics.key = metric_summaries.key);

-- A chunk of level 0 stands for 64 points that follow each other by (step, timestamp, value, is_nan), one of level n + 1
-- for 16 chunks of level n. Chunks are numbered from 0 in that order, without gaps. Kept are the points that show: the
-- first NaN, the least, the greatest and the last.
CREATE TABLE metric_chunks (
    run                INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    key                INTEGER NOT NULL REFERENCES metric_keys (id),
    level              INTEGER NOT NULL,
    chunk              INTEGER NOT NULL,
    nan_step           INTEGER,
    nan_timestamp      INTEGER,
    least_step         INTEGER,
    least_timestamp    INTEGER,
    least_value        REAL,
    greatest_step      INTEGER,
    greatest_timestamp INTEGER,
    greatest_value     REAL,
    last_step          INTEGER NOT NULL,
    last_timestamp     INTEGER NOT NULL,
    last_value         REAL    NOT NULL,
    last_is_nan        INTEGER NOT NULL,
    PRIMARY KEY (run, key, level, chunk)
) WITHOUT ROWID;
