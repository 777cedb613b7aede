-- Log lines: compressed chunks by log and seq, in partitions by day that retention drops whole.

CREATE SCHEMA IF NOT EXISTS lines;

-- One row a log: where its writer stands, and from which seq on lines are still kept.
CREATE TABLE IF NOT EXISTS lines.logs (
    log_id text COLLATE "C" PRIMARY KEY,
    writer bigint NOT NULL,                 -- rises with each opening; a flush of an earlier writer is refused
    last_seq bigint NOT NULL DEFAULT 0,
    oldest_seq bigint NOT NULL DEFAULT 1,
    first_day date NOT NULL,                -- no chunk is in an earlier partition
    offsets jsonb NOT NULL DEFAULT '{}'     -- by spool: how many of its bytes are in stored lines
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS lines.chunks (
    log_id text COLLATE "C" NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    day date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    size integer NOT NULL,                  -- bytes of text before compression
    body bytea NOT NULL,
    PRIMARY KEY (log_id, last_seq, day),
    UNIQUE (log_id, first_seq, day),
    CHECK (first_seq <= last_seq)
) PARTITION BY RANGE (day);

-- Compressed already. A statement of its own: PostgreSQL 15 does not take it above. Partitions have it from here.
ALTER TABLE lines.chunks ALTER COLUMN body SET STORAGE EXTERNAL;
