-- The first schema. Times are milliseconds since the epoch, digests are SHA-256 in hex, lists are JSON arrays of text.
-- "seq" is the order of commits: identifiers are sortable by time only to the millisecond, order must be exact.

CREATE TABLE server_starts (
    id  TEXT PRIMARY KEY,
    at  INTEGER NOT NULL,
    pid INTEGER NOT NULL
) STRICT;

-- received, accepted and quarantined count distinct arrivals: what became a message, and what rests in quarantine
-- (open or rejected). A duplicate is neither; it counts in duplicates.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value)
VALUES ('received', 0), ('accepted', 0), ('quarantined', 0), ('duplicates', 0), ('created', 0), ('maybe_twice', 0);

CREATE TABLE bodies (
    id        TEXT PRIMARY KEY,
    retention TEXT NOT NULL CHECK (retention IN ('message', 'wire', 'quarantine')),
    sha256    TEXT NOT NULL,
    size      INTEGER NOT NULL,
    kept_at   INTEGER NOT NULL,
    path      TEXT,
    content   BLOB,
    CHECK ((content IS NULL) <> (path IS NULL))
) STRICT;
CREATE UNIQUE INDEX bodies_in_files ON bodies (path) WHERE path IS NOT NULL;

CREATE TABLE messages (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    sender       TEXT NOT NULL,
    recipients   TEXT NOT NULL,
    identity     TEXT NOT NULL,
    conversation TEXT NOT NULL,
    business_id  TEXT NOT NULL,
    code         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    peer         TEXT NOT NULL,
    dialect      TEXT NOT NULL,
    reference    TEXT NOT NULL,
    received_at  INTEGER NOT NULL,
    digest       TEXT NOT NULL,
    body_id      TEXT NOT NULL REFERENCES bodies (id),
    findings     TEXT NOT NULL,
    marks        TEXT NOT NULL,
    hints        TEXT NOT NULL,
    search       TEXT NOT NULL
) STRICT;
CREATE INDEX messages_of_peer ON messages (peer);

-- The same organisation code is typed in both cases.
CREATE TABLE message_parties (
    party       TEXT NOT NULL COLLATE NOCASE,
    message_seq INTEGER NOT NULL REFERENCES messages (seq),
    PRIMARY KEY (party, message_seq)
) STRICT, WITHOUT ROWID;

-- What a peer handed over under its own reference. A row of a quarantined package gives way to a message.
CREATE TABLE arrivals (
    peer               TEXT NOT NULL,
    reference          TEXT NOT NULL,
    sha256             TEXT NOT NULL,
    at                 INTEGER NOT NULL,
    message_id         TEXT REFERENCES messages (id),
    quarantine_id      TEXT REFERENCES quarantine (id),
    acknowledgement_id TEXT REFERENCES deliveries (id),
    PRIMARY KEY (peer, reference),
    CHECK ((message_id IS NULL) <> (quarantine_id IS NULL))
) STRICT, WITHOUT ROWID;

-- The index of promise P3; several digests under one identity are platforms' conflicts, each delivered and marked.
CREATE TABLE identities (
    peer       TEXT NOT NULL,
    sender     TEXT NOT NULL,
    identity   TEXT NOT NULL,
    digest     TEXT NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    PRIMARY KEY (peer, sender, identity, digest)
) STRICT, WITHOUT ROWID;

-- A delivery is live while ended_at is null. *lease* is the server start that holds it, *attempt_id* the attempt.
-- *unknown_before*: an earlier attempt may have arrived, so the next one makes it maybe_twice.
CREATE TABLE deliveries (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    id                TEXT NOT NULL UNIQUE,
    message_id        TEXT REFERENCES messages (id),
    kind              TEXT NOT NULL,
    purpose           TEXT NOT NULL,
    destination       TEXT NOT NULL,
    party             TEXT NOT NULL,
    recipients        TEXT NOT NULL,
    conversation      TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('queued', 'waiting', 'leased', 'deferred', 'held',
                                                     'delivered', 'rejected', 'expired', 'cancelled')),
    urgent            INTEGER NOT NULL,
    instruction       TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    due_at            INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    ended_at          INTEGER,
    attempts          INTEGER NOT NULL DEFAULT 0,
    code              TEXT NOT NULL DEFAULT '',
    detail            TEXT NOT NULL DEFAULT '',
    reference         TEXT NOT NULL DEFAULT '',
    maybe_twice       INTEGER NOT NULL DEFAULT 0,
    unknown_before    INTEGER NOT NULL DEFAULT 0,
    needs_predecessor INTEGER NOT NULL,
    replay_of         TEXT NOT NULL,
    lease             TEXT REFERENCES server_starts (id),
    attempt_id        TEXT,
    wire_id           TEXT REFERENCES bodies (id),
    CHECK ((ended_at IS NULL) = (state NOT IN ('delivered', 'rejected', 'expired', 'cancelled'))),
    CHECK ((lease IS NULL) = (state <> 'leased')),
    CHECK ((attempt_id IS NULL) = (state <> 'leased'))
) STRICT;
CREATE INDEX deliveries_due ON deliveries (destination, urgent, due_at) WHERE state IN ('queued', 'deferred');
CREATE INDEX deliveries_in_order ON deliveries (destination, party, conversation) WHERE ended_at IS NULL;
CREATE INDEX deliveries_live ON deliveries (destination) WHERE ended_at IS NULL;
CREATE INDEX deliveries_leased ON deliveries (lease) WHERE lease IS NOT NULL;
CREATE INDEX deliveries_expiring ON deliveries (expires_at) WHERE ended_at IS NULL;
CREATE INDEX deliveries_of_message ON deliveries (message_id);

-- Deliveries per destination and state, kept by the two triggers below in the transaction that changes them; the
-- counter "created" is kept apart from them, so that the books can disagree if the code is wrong.
CREATE TABLE tallies (
    destination TEXT NOT NULL,
    state       TEXT NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (destination, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER deliveries_tallied AFTER INSERT ON deliveries
BEGIN
    INSERT INTO tallies (destination, state, count) VALUES (NEW.destination, NEW.state, 1)
    ON CONFLICT (destination, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER deliveries_retallied AFTER UPDATE OF state, destination ON deliveries
WHEN OLD.state <> NEW.state OR OLD.destination <> NEW.destination
BEGIN
    UPDATE tallies SET count = count - 1 WHERE destination = OLD.destination AND state = OLD.state;
    INSERT INTO tallies (destination, state, count) VALUES (NEW.destination, NEW.state, 1)
    ON CONFLICT (destination, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER deliveries_end_once BEFORE UPDATE OF state ON deliveries
WHEN OLD.ended_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'an ended delivery never changes its state');
END;

CREATE TABLE attempts (
    id          TEXT PRIMARY KEY,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    number      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    outcome     TEXT NOT NULL,
    code        TEXT NOT NULL DEFAULT '',
    detail      TEXT NOT NULL DEFAULT '',
    reference   TEXT NOT NULL DEFAULT '',
    sent_sha256 TEXT NOT NULL DEFAULT '',
    receipt     BLOB,
    UNIQUE (delivery_id, number)
) STRICT;

-- Every version of the bytes made for a delivery; the newest is deliveries.wire_id.
CREATE TABLE wires (
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    version     INTEGER NOT NULL,
    body_id     TEXT NOT NULL REFERENCES bodies (id),
    PRIMARY KEY (delivery_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    peer        TEXT NOT NULL,
    dialect     TEXT NOT NULL,
    reference   TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    code        TEXT NOT NULL,
    place       TEXT NOT NULL,
    detail      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'rejected')),
    body_id     TEXT NOT NULL REFERENCES bodies (id),
    sha256      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    hints       TEXT NOT NULL,
    settled_by  TEXT NOT NULL DEFAULT '',
    settled_at  INTEGER,
    reason      TEXT NOT NULL DEFAULT '',
    message_id  TEXT REFERENCES messages (id)
) STRICT;
CREATE INDEX quarantine_open ON quarantine (peer, sha256, size) WHERE state = 'open';

CREATE TABLE incidents (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    code     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    detail   TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    open     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX incidents_open ON incidents (code, subject) WHERE open = 1;

CREATE TABLE pauses (
    scope  TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    actor  TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id            TEXT PRIMARY KEY,
    system        TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    note          TEXT NOT NULL
) STRICT;

CREATE TABLE entries (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    position INTEGER UNIQUE,
    at       INTEGER NOT NULL,
    type     TEXT NOT NULL,
    raw      BLOB NOT NULL
) STRICT;
CREATE INDEX entries_unsealed ON entries (id) WHERE position IS NULL;

CREATE TABLE checkpoints (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    at   INTEGER NOT NULL
) STRICT;
