-- What the application may do: everything it needs, and nothing to the past.
-- Run only where the role shipbook_app could be made; elsewhere the trigger alone keeps the log append-only.

GRANT USAGE ON SCHEMA log, vault TO shipbook_app;
GRANT SELECT, INSERT ON log.events TO shipbook_app;
GRANT SELECT ON log.audit TO shipbook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON log.reservations TO shipbook_app;
GRANT SELECT, INSERT ON log.requests TO shipbook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON log.tracking TO shipbook_app;
GRANT SELECT, INSERT, UPDATE ON log.numbers TO shipbook_app;
GRANT SELECT, INSERT, DELETE ON vault.keys, vault.secrets TO shipbook_app;
GRANT UPDATE (wrapped, made_at, settled_at) ON vault.keys TO shipbook_app;
GRANT UPDATE (generation, nonce, ciphertext) ON vault.secrets TO shipbook_app;
GRANT SELECT, INSERT, UPDATE ON vault.forgotten TO shipbook_app;
GRANT SELECT ON vault.replaced TO shipbook_app;

-- Lines come and go by the day and read models are rebuilt, so the application owns theirs.
ALTER SCHEMA lines OWNER TO shipbook_app;
ALTER TABLE lines.logs OWNER TO shipbook_app;
ALTER TABLE lines.chunks OWNER TO shipbook_app;
GRANT USAGE ON SCHEMA measured TO shipbook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON measured.instances TO shipbook_app;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO shipbook_app', current_database()); END $$;

GRANT USAGE ON SCHEMA measured TO shipbook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON measured.databases TO shipbook_app;

GRANT USAGE ON SCHEMA notifications TO shipbook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA notifications TO shipbook_app;

GRANT USAGE ON SCHEMA access TO shipbook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA access TO shipbook_app;
