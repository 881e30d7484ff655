-- What a status reports becomes a column, and conversations and documents brought back by a platform are found by index.

ALTER TABLE messages ADD COLUMN status INTEGER NOT NULL DEFAULT 0;

-- An identity of release 0.1 ends in the code and the time: "status|<DocumentId>|03|2026-11-22T09:00:00+07:00".
UPDATE messages SET status = CAST(substr(identity, -28, 2) AS INTEGER)
WHERE kind = 'status' AND substr(identity, -29, 1) = '|' AND substr(identity, -26, 1) = '|';

CREATE INDEX messages_of_conversation ON messages (conversation);
CREATE INDEX identities_of_any_peer ON identities (sender, identity, digest);

-- In a mailbox nothing waits any more: its system sees all that is un-acknowledged.
UPDATE deliveries SET state = 'queued' WHERE state = 'waiting' AND party <> '';
