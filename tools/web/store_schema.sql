CREATE TABLE replies (
    key TEXT PRIMARY KEY,          -- of the request
    replay_key TEXT NOT NULL,      -- the same wherever the service is found
    source TEXT NOT NULL,
    request TEXT NOT NULL,         -- JSON, without anything secret
    fetched_at TEXT NOT NULL,      -- ISO 8601, UTC
    content_type TEXT,
    body BLOB,                     -- NULL where the request failed
    failure_code TEXT,
    failure TEXT                   -- the message
);
CREATE INDEX replies_by_replay_key ON replies (replay_key);
CREATE INDEX replies_by_age ON replies (fetched_at);
