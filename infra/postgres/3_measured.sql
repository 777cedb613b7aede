-- What was measured last, and is measured again in a moment: neither history nor a read model.

CREATE SCHEMA IF NOT EXISTS measured;

CREATE TABLE IF NOT EXISTS measured.databases (
    database_id text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL,
    size_bytes bigint,
    connections integer,
    problem text
);
