-- The event log and what its appends keep in the same transaction.

CREATE SCHEMA IF NOT EXISTS log;

-- Every fact, in its place. Positions count from 1 without a gap, and commit order is position order.
CREATE TABLE IF NOT EXISTS log.events (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    tag text COLLATE "C" NOT NULL,
    state bytea NOT NULL, -- JSON: {"context": …, "fact": …}
    UNIQUE (stream, version)
);

CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'What has happened stays; append a fact that mends it.';
END
$$;

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- ALWAYS: also in a session that calls itself a replica.
ALTER TABLE log.events ENABLE ALWAYS TRIGGER append_only;

-- Names that only one stream may hold.
CREATE TABLE IF NOT EXISTS log.reservations (
    scope text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    holder text COLLATE "C" NOT NULL,
    PRIMARY KEY (scope, name)
);
CREATE INDEX IF NOT EXISTS reservations_holder ON log.reservations (holder);

-- Clients' own names for their requests, and what the first of each name caused.
CREATE TABLE IF NOT EXISTS log.requests (
    causation_id text COLLATE "C" PRIMARY KEY,
    fingerprint text NOT NULL,
    stream text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL
);

-- How far each reader of the log has come.
CREATE TABLE IF NOT EXISTS log.tracking (
    reader text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
);

-- Counters of a tenant: DEP-0042 is number 42 of the series "deployment".
CREATE TABLE IF NOT EXISTS log.numbers (
    tenant_id text COLLATE "C" NOT NULL,
    series text COLLATE "C" NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (tenant_id, series)
);

-- jsonb cannot hold the character NUL; an auditor sees U+FFFD in its place. What is not JSON reads as NULL.
CREATE OR REPLACE FUNCTION log.readable(state bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN replace(convert_from(state, 'UTF8'), '\u0000', '\ufffd')::jsonb;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- The log as an auditor reads it: SELECT * FROM log.audit WHERE tenant = '…' ORDER BY position;
DROP VIEW IF EXISTS log.audit;
CREATE VIEW log.audit AS
SELECT
    position,
    stream,
    version,
    tag,
    entry #>> '{context,tenant_id}' AS tenant,
    '{"kind": "system", "name": "shipbook"}'::jsonb || (entry #> '{context,actor}') AS actor,
    (entry #>> '{context,at}')::timestamptz AS at,
    (entry -> 'fact') - 'fact' AS fact
FROM log.events, LATERAL log.readable(state) AS entry;
