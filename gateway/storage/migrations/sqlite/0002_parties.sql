-- Books, rights and quota per party. One system serves many: each finds its own by index.

CREATE INDEX messages_of_sender ON messages (sender COLLATE NOCASE);

-- Only mailboxes are a party's own; towards a platform the party is ''.
CREATE INDEX deliveries_of_party ON deliveries (party COLLATE NOCASE, destination, state) WHERE party <> '';

-- *party* is the sender as the wire named it beside the bytes, '' where it did not.
ALTER TABLE quarantine ADD COLUMN party TEXT NOT NULL DEFAULT '' COLLATE NOCASE;
DROP INDEX quarantine_open;
CREATE INDEX quarantine_open ON quarantine (peer, sha256) WHERE state = 'open';
CREATE INDEX quarantine_shares ON quarantine (peer, party, size) WHERE state = 'open';
CREATE INDEX quarantine_of_party ON quarantine (party, size) WHERE state = 'open' AND party <> '';
