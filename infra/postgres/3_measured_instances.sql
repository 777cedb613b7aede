-- How instances are at this moment: written every few seconds, and worth nothing after a crash.

CREATE SCHEMA IF NOT EXISTS measured;

CREATE UNLOGGED TABLE IF NOT EXISTS measured.instances (
    instance_id text COLLATE "C" PRIMARY KEY,
    environment_id text COLLATE "C" NOT NULL,
    release_id text COLLATE "C" NOT NULL,
    launch integer NOT NULL,
    number integer NOT NULL,
    state text NOT NULL,
    host text NOT NULL,
    port integer NOT NULL,
    started_at timestamptz NOT NULL,
    restarts integer NOT NULL,
    exit_code integer,
    cpus double precision,
    memory_bytes bigint,
    at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE INDEX IF NOT EXISTS instances_of_environment ON measured.instances (environment_id);
