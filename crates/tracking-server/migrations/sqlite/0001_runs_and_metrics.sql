-- The first schema. Migrations go forward only; never change one that was released.

CREATE TABLE experiments (
    experiment_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    name              TEXT    NOT NULL UNIQUE,
    artifact_location TEXT    NOT NULL,
    lifecycle_stage   TEXT    NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    creation_time     INTEGER NOT NULL,
    last_update_time  INTEGER NOT NULL
);

CREATE TABLE experiment_tags (
    experiment_id INTEGER NOT NULL REFERENCES experiments (experiment_id) ON DELETE CASCADE,
    key           TEXT    NOT NULL,
    value         TEXT    NOT NULL,
    PRIMARY KEY (experiment_id, key)
) WITHOUT ROWID;

-- Other tables name a run by its small number: a point of a curve then costs 20 bytes less.
CREATE TABLE runs (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id          TEXT    NOT NULL UNIQUE,
    run_name        TEXT    NOT NULL,
    experiment_id   INTEGER NOT NULL REFERENCES experiments (experiment_id),
    user_id         TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED')),
    start_time      INTEGER NOT NULL,
    end_time        INTEGER,
    artifact_uri    TEXT    NOT NULL,
    lifecycle_stage TEXT    NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    deleted_time    INTEGER
);

CREATE INDEX runs_as_listed ON runs (experiment_id, lifecycle_stage, start_time DESC, run_id);

CREATE TABLE params (
    run   INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    key   TEXT    NOT NULL,
    value TEXT    NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

CREATE TABLE tags (
    run   INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    key   TEXT    NOT NULL,
    value TEXT    NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

-- A client that was restarted finds its run by the tag `idiom.uid`.
CREATE INDEX tags_by_value ON tags (key, value) WHERE length(value) <= 64;

CREATE TABLE metric_keys (
    id  INTEGER PRIMARY KEY,
    key TEXT    NOT NULL UNIQUE
);

-- One row a point, in the order a chart reads them. SQLite turns NaN into NULL, so NaN is a flag beside a zero.
-- The whole row is its key: the same point sent twice is stored once.
CREATE TABLE metrics (
    run       INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    key       INTEGER NOT NULL REFERENCES metric_keys (id),
    step      INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    value     REAL    NOT NULL,
    is_nan    INTEGER NOT NULL,
    PRIMARY KEY (run, key, step, timestamp, value, is_nan)
) WITHOUT ROWID;

-- What tables of runs show of a curve, kept up to date by the writer. Least and greatest leave out NaN.
CREATE TABLE metric_summaries (
    run            INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    key            INTEGER NOT NULL REFERENCES metric_keys (id),
    last_step      INTEGER NOT NULL,
    last_timestamp INTEGER NOT NULL,
    last_value     REAL    NOT NULL,
    last_is_nan    INTEGER NOT NULL,
    least_value    REAL,
    least_step     INTEGER,
    greatest_value REAL,
    greatest_step  INTEGER,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

CREATE TABLE datasets (
    id            INTEGER PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (experiment_id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    source_type   TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    schema        TEXT,
    profile       TEXT,
    UNIQUE (experiment_id, name, digest)
);

CREATE TABLE inputs (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    UNIQUE (run, dataset)
);

CREATE TABLE input_tags (
    input INTEGER NOT NULL REFERENCES inputs (id) ON DELETE CASCADE,
    key   TEXT    NOT NULL,
    value TEXT    NOT NULL,
    PRIMARY KEY (input, key)
) WITHOUT ROWID;

CREATE TABLE model_inputs (
    run      INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    model_id TEXT    NOT NULL,
    PRIMARY KEY (run, model_id)
) WITHOUT ROWID;

INSERT INTO experiments (experiment_id, name, artifact_location, creation_time, last_update_time)
VALUES (0, 'Default', 'mlflow-artifacts:/0', unixepoch() * 1000, unixepoch() * 1000);
