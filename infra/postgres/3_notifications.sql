-- How deliveries of notifications fare. What happened, and that a delivery was given up, stands in the event log; without
-- these rows nothing that is true is lost, and a replay makes them again.

CREATE SCHEMA IF NOT EXISTS notifications;

-- One row an event and channel. Its id is derived from both, so it is the same however often it is made.
CREATE TABLE IF NOT EXISTS notifications.deliveries (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    channel_id text COLLATE "C" NOT NULL,
    position int8 NOT NULL,                 -- of the fact, from which the message is made whenever it is sent
    type text NOT NULL,
    subject text NOT NULL,
    status text NOT NULL,
    asked int8 NOT NULL,                    -- the position of the fact that last asked for it again, else 0
    attempts int8 NOT NULL,                 -- since then
    tried jsonb NOT NULL,                   -- the last attempts, the oldest first
    created_at timestamptz NOT NULL,
    begun_at timestamptz NOT NULL,          -- a day behind that it is given up
    due_at timestamptz,
    ended_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS deliveries_pending ON notifications.deliveries (channel_id, due_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_listed ON notifications.deliveries (channel_id, position);
CREATE INDEX IF NOT EXISTS deliveries_old ON notifications.deliveries (created_at);

-- Channels through which nothing has got since.
CREATE TABLE IF NOT EXISTS notifications.failing (
    channel_id text COLLATE "C" PRIMARY KEY,
    since timestamptz NOT NULL
);

-- Replays under way: what stands behind position, up to and including until, is still to be told.
CREATE TABLE IF NOT EXISTS notifications.replays (
    asked int8 PRIMARY KEY,                 -- the position of the fact that asked for it
    tenant_id text COLLATE "C" NOT NULL,
    channel_id text COLLATE "C" NOT NULL,
    position int8 NOT NULL,
    until int8 NOT NULL
);
