-- Accounts: once there is one, everybody must say who they are.

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    role          TEXT    NOT NULL CHECK (role IN ('read', 'write', 'admin')),
    -- argon2id, in the PHC string format. A token is a password that a program keeps.
    password_hash TEXT    NOT NULL,
    creation_time INTEGER NOT NULL
);

-- Who did what that others may want to ask about: changes of accounts, signing in, deleting, restoring.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    account TEXT    NOT NULL,
    method  TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    status  INTEGER NOT NULL
);
