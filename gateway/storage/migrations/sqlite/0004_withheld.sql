-- Bodies that carry a secrecy marking. Nothing of them is stored but what recognises them; reference is '' for our own
-- systems. rules is the fingerprint of the rules in force: under other rules a platform's package is fetched again.
CREATE TABLE withheld (
    peer      TEXT NOT NULL,
    reference TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    rules     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (peer, reference, sha256)
) STRICT, WITHOUT ROWID;
