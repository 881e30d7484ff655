-- What was said of the signatures of each attachment when its message was accepted; kept as long as the message.
CREATE TABLE verdicts (
    message_id    TEXT NOT NULL REFERENCES messages (id),
    place         INTEGER NOT NULL,
    name          TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    form          TEXT NOT NULL,
    at            INTEGER NOT NULL,
    judgement     TEXT NOT NULL,
    reason        TEXT NOT NULL,
    detail        TEXT NOT NULL,
    signer        TEXT NOT NULL,
    certificate   TEXT NOT NULL,
    signed_at     INTEGER,
    time_proven   INTEGER NOT NULL,
    scope         TEXT NOT NULL,
    signed        TEXT NOT NULL,
    later_changes TEXT NOT NULL,
    signatures    INTEGER NOT NULL,
    PRIMARY KEY (message_id, place)
) STRICT, WITHOUT ROWID;
