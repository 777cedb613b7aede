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

-- Appends take turns, so position order is the order of commits: the lock is held until the transaction is durable and
-- visible. Whoever reads "position > last" never sees a later fact before an earlier one, and no position is left out.
CREATE OR REPLACE FUNCTION log.take_turn() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(x'534849504C4F4731'::bigint)
$$;

-- Append events, and tell the position before the first one. NULL, and nothing was done, where a stream's next version
-- is not the one that the appends begin with. Each statement in here sees all that was committed before the turn came,
-- which a single statement that takes the lock itself would not: it sees what was there before it began to wait.
CREATE OR REPLACE FUNCTION log.append(
    begun text[], firsts integer[], streams text[], versions integer[], tags text[], states bytea[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head bigint;
BEGIN
    PERFORM log.take_turn();
    IF EXISTS (
        SELECT FROM unnest(begun, firsts) AS claim (stream, first)
        LEFT JOIN LATERAL (
            SELECT version FROM log.events WHERE events.stream = claim.stream ORDER BY version DESC LIMIT 1
        ) AS found ON true
        -- A stream begins with version 1; the contract of the library eventsourcing also lets it begin with 0.
        WHERE NOT coalesce(first = version + 1, first IN (0, 1))
    ) THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(max(position), 0) INTO head FROM log.events;
    INSERT INTO log.events
    SELECT head + place, stream, version, tag, state
    FROM unnest(streams, versions, tags, states) WITH ORDINALITY AS given (stream, version, tag, state, place);
    PERFORM pg_notify('events', (head + cardinality(streams))::text);
    RETURN head;
END
$$;

-- The same for appends that take names, or that clients have named. NULL, and nothing was done, also where another stream
-- holds one of the names, or another request came under the same client's name. Places count from the first event, from 1.
CREATE OR REPLACE FUNCTION log.append_named(
    begun text[], firsts integer[], streams text[], versions integer[], tags text[], states bytea[],
    scopes text[], names text[], holders text[],
    causations text[], fingerprints text[], requested text[], first_places integer[], last_places integer[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head bigint;
BEGIN
    PERFORM log.take_turn();
    IF EXISTS (
        SELECT FROM unnest(scopes, names, holders) AS wanted (scope, name, holder)
        JOIN log.reservations AS held USING (scope, name)
        WHERE held.holder <> wanted.holder
    ) OR EXISTS (
        SELECT FROM unnest(causations, fingerprints) AS named (causation_id, fingerprint)
        JOIN log.requests AS known USING (causation_id)
        WHERE known.fingerprint <> named.fingerprint
    ) THEN
        RETURN NULL;
    END IF;
    head := log.append(begun, firsts, streams, versions, tags, states);
    IF head IS NOT NULL THEN
        INSERT INTO log.reservations SELECT * FROM unnest(scopes, names, holders) ON CONFLICT DO NOTHING;
        INSERT INTO log.requests
        SELECT causation_id, fingerprint, stream, head + first, head + last
        FROM unnest(causations, fingerprints, requested, first_places, last_places)
            AS named (causation_id, fingerprint, stream, first, last)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN head;
END
$$;

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
