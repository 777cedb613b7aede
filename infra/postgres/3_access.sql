-- What guards the entrance and counts by the day: neither history nor a read model. Without these rows nothing that is
-- true is lost: attempts are forgiven, and a last use is unknown.

CREATE SCHEMA IF NOT EXISTS access;

-- Attempts to sign in that were not forgiven, by a digest of whom and from where. since: when the first of them was, and
-- from the one that locks on, when that was.
CREATE TABLE IF NOT EXISTS access.attempts (
    subject text COLLATE "C" PRIMARY KEY,
    number integer NOT NULL,
    since timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_old ON access.attempts (since);

-- When a token or a session was used last, to the minute.
CREATE TABLE IF NOT EXISTS access.uses (
    id text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL,
    address text NOT NULL
) WITH (fillfactor = 70);

-- What a workspace's builds and applications have printed in a day of UTC.
CREATE TABLE IF NOT EXISTS access.printed (
    tenant_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (tenant_id, day)
) WITH (fillfactor = 70);
