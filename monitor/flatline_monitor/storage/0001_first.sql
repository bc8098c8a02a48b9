-- The journal is the truth: all other tables can be made from it again.

CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    last_entry_at REAL NOT NULL,          -- server time, seconds since 1970
    name TEXT NOT NULL DEFAULT '',
    project TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'running',
    step INTEGER,
    started_at REAL,
    ended_at REAL
) WITHOUT ROWID;

CREATE TABLE journal (
    id INTEGER PRIMARY KEY,               -- ascends in the order of commits
    run_id TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    sequence INTEGER NOT NULL,            -- 0: an opening hello, or the monitor's own mark
    received_at REAL NOT NULL,
    raw BLOB NOT NULL                     -- a serialized flatline.v1.WatchRequest
);
CREATE INDEX journal_by_run ON journal (run_id, id);

CREATE TABLE snapshots (
    run_id TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,             -- of the run's journal that are contained in the state
    version INTEGER NOT NULL,
    blob BLOB NOT NULL
);

CREATE TABLE alerts (
    run_id TEXT NOT NULL,
    detector TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT,
    since_step INTEGER,
    last_step INTEGER,
    transition_at REAL,
    json TEXT NOT NULL,
    PRIMARY KEY (run_id, detector)
) WITHOUT ROWID;

CREATE TABLE evaluations (
    run_id TEXT NOT NULL,
    step INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    n INTEGER,
    metrics TEXT NOT NULL,                -- JSON; not finite: "NaN", "Infinity", "-Infinity"
    PRIMARY KEY (run_id, step, epoch)
) WITHOUT ROWID;
