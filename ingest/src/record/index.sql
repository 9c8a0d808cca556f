-- The index of a volume. Everything but holds can be made again from the files (`check::rebuild`).
CREATE TABLE IF NOT EXISTS stream (
  id INTEGER PRIMARY KEY,
  -- tenant/store/camera/kind
  name TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL,
  store TEXT NOT NULL,
  camera TEXT NOT NULL
) STRICT;

-- When a stream was to be recorded, in microseconds since 1970.
CREATE TABLE IF NOT EXISTS schedule (
  stream INTEGER NOT NULL REFERENCES stream (id),
  from_us INTEGER NOT NULL,
  to_us INTEGER,
  PRIMARY KEY (stream, from_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS segment (
  id INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL REFERENCES stream (id),
  run INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  path TEXT NOT NULL,
  state TEXT NOT NULL,
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  start_pts INTEGER NOT NULL,
  end_pts INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  frames INTEGER NOT NULL,
  fragments INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  codec TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  has_audio INTEGER NOT NULL,
  next_fragment INTEGER NOT NULL,
  head BLOB NOT NULL,
  gop_root BLOB,
  manifest BLOB,
  map_version INTEGER NOT NULL,
  source TEXT NOT NULL,
  uncertainty_us INTEGER NOT NULL,
  -- 1 while the topic has not been told of the last change that matters to it.
  unsent INTEGER NOT NULL,
  UNIQUE (stream, run, seq)
) STRICT;
CREATE INDEX IF NOT EXISTS segment_time ON segment (stream, start_us);
CREATE INDEX IF NOT EXISTS segment_unsent ON segment (id) WHERE unsent = 1;
CREATE INDEX IF NOT EXISTS segment_age ON segment (start_us) WHERE state IN ('closed', 'recovered');

CREATE TABLE IF NOT EXISTS gap (
  id INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL REFERENCES stream (id),
  run INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  start_us INTEGER NOT NULL,
  end_us INTEGER,
  reason TEXT NOT NULL,
  unsent INTEGER NOT NULL,
  UNIQUE (stream, run, seq)
) STRICT;
CREATE INDEX IF NOT EXISTS gap_time ON gap (stream, start_us);
CREATE INDEX IF NOT EXISTS gap_unsent ON gap (id) WHERE unsent = 1;

CREATE TABLE IF NOT EXISTS time_map (
  stream INTEGER NOT NULL REFERENCES stream (id),
  run INTEGER NOT NULL,
  version INTEGER NOT NULL,
  from_pts INTEGER NOT NULL,
  utc_us INTEGER NOT NULL,
  rate_ppb INTEGER NOT NULL,
  source TEXT NOT NULL,
  uncertainty_us INTEGER NOT NULL,
  made_at_us INTEGER NOT NULL,
  PRIMARY KEY (stream, run, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS hold (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  store TEXT NOT NULL,
  camera TEXT,
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  -- Null: until it is released.
  expires_us INTEGER,
  released_us INTEGER,
  automatic INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS hold_scope ON hold (tenant, store, start_us);

-- Files that are to be deleted: the row stands until the folder is synced without the file.
CREATE TABLE IF NOT EXISTS garbage (
  path TEXT PRIMARY KEY,
  since_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
