-- Sealed secret values. The key of a scope is wrapped by the master key, which is never in the database.

CREATE SCHEMA IF NOT EXISTS vault;

CREATE TABLE IF NOT EXISTS vault.keys (
    scope text COLLATE "C" PRIMARY KEY,
    wrapped bytea NOT NULL -- nonce, then the AES-256-GCM ciphertext of the key
);

CREATE TABLE IF NOT EXISTS vault.secrets (
    scope text COLLATE "C" NOT NULL,
    secret_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    nonce bytea NOT NULL,
    ciphertext bytea NOT NULL,
    PRIMARY KEY (scope, secret_id, version)
);
