CREATE TABLE answers (
  id TEXT PRIMARY KEY,
  question TEXT NOT NULL,
  created_at TEXT NOT NULL,  -- UTC, ISO 8601
  parent TEXT,               -- the answer that this one was refined from
  settings TEXT NOT NULL,    -- JSON, without secrets
  state TEXT NOT NULL CHECK (state IN ('working', 'done', 'failed', 'stopped')),
  why TEXT NOT NULL,         -- why there is no answer
  found TEXT NOT NULL,       -- JSON: snippets that were found before there was an answer
  answer TEXT,               -- JSON
  n_claims INTEGER,
  searched TEXT NOT NULL     -- question and answer, case folded
);
CREATE INDEX newest ON answers (created_at DESC, id)
