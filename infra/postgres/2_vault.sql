-- Sealed secret values. The keys of a scope are wrapped by a master key, which is never in the database.

CREATE SCHEMA IF NOT EXISTS vault;

CREATE TABLE IF NOT EXISTS vault.keys (
    scope text COLLATE "C" NOT NULL,
    wrapped bytea, -- nonce, then the AES-256-GCM ciphertext of the key; null once it was destroyed
    CONSTRAINT keys_pkey PRIMARY KEY (scope)
);

-- Generation 0 keys the fingerprints; values are sealed under the newest of the others. A number is never used again.
-- A generation is settled once every value that was sealed under an older one was sealed again under it.
ALTER TABLE vault.keys
    ADD COLUMN IF NOT EXISTS generation integer NOT NULL DEFAULT 1,
    ADD COLUMN IF NOT EXISTS made_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS settled_at timestamptz DEFAULT now(),
    ALTER COLUMN wrapped DROP NOT NULL,
    DROP CONSTRAINT keys_pkey,
    ADD CONSTRAINT keys_pkey PRIMARY KEY (scope, generation);

-- The keys behind which a newer one is settled, and since when.
CREATE OR REPLACE VIEW vault.replaced AS
    SELECT older.scope, older.generation, max(newer.settled_at) AS settled_at
    FROM vault.keys AS older
    JOIN vault.keys AS newer ON newer.scope = older.scope AND newer.generation > older.generation
    WHERE older.generation > 0 AND newer.settled_at IS NOT NULL
    GROUP BY older.scope, older.generation;

CREATE TABLE IF NOT EXISTS vault.secrets (
    scope text COLLATE "C" NOT NULL,
    secret_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    nonce bytea NOT NULL,
    ciphertext bytea NOT NULL,
    PRIMARY KEY (scope, secret_id, version)
);

ALTER TABLE vault.secrets ADD COLUMN IF NOT EXISTS generation integer NOT NULL DEFAULT 1;

-- Which fact of the log a scope's keys were last destroyed for: another delivery of it must not destroy later ones.
CREATE TABLE IF NOT EXISTS vault.forgotten (
    scope text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
);
