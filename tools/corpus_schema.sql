-- A corpus: files hold documents, documents hold passages, passages_fts finds passages.
CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  path BLOB NOT NULL UNIQUE,       -- absolute, as the operating system spells it
  name TEXT NOT NULL UNIQUE,       -- relative to what was indexed: what readers see
  size INTEGER NOT NULL,           -- -1 if it could not be read when last tried
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  problems TEXT NOT NULL           -- JSON list of [line or null, reason, whether something was not read]
);
CREATE TABLE documents (
  id INTEGER PRIMARY KEY,
  file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  key TEXT NOT NULL,               -- tells the documents of one file apart
  title TEXT,
  authors TEXT NOT NULL,           -- JSON list
  year INTEGER,
  venue TEXT,
  doi TEXT,
  url TEXT,
  licence TEXT
);
CREATE INDEX documents_of_file ON documents (file_id);
CREATE TABLE passages (
  id INTEGER PRIMARY KEY,
  document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  section TEXT,
  page INTEGER,
  start INTEGER NOT NULL,          -- code points in the document's text
  end INTEGER NOT NULL,
  heading TEXT NOT NULL,           -- title and section: words that are searched too
  text TEXT NOT NULL
);
CREATE INDEX passages_of_document ON passages (document_id);
-- What the index is given; searchable() is defined by corpus.py.
CREATE VIEW passages_given AS
SELECT id, searchable(text) AS text, searchable(heading) AS heading FROM passages;
CREATE VIRTUAL TABLE passages_fts USING fts5 (
  text, heading, content = 'passages_given', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
  INSERT INTO passages_fts (rowid, text, heading) VALUES (new.id, searchable(new.text), searchable(new.heading));
END;
CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
  INSERT INTO passages_fts (passages_fts, rowid, text, heading)
  VALUES ('delete', old.id, searchable(old.text), searchable(old.heading));
END;
CREATE TABLE updates (
  unfinished INTEGER NOT NULL      -- 1 while files are read into the corpus, and after that was interrupted
);
INSERT INTO updates VALUES (0);
