// Emmett's PostgreSQL event store: node emmett.mjs URL CALLERS CONNECTIONS STATE. Each caller appends one event after
// another to a stream of its own, at the version that it knows.

import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { drive } from './driving.mjs';

const [url, callers, connections, state] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: Number(connections) });
const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } });
await store.schema.migrate();

const data = JSON.parse(state);
const streams = Array.from({ length: Number(callers) }, () => ({ name: `deployment-${randomUUID()}`, version: 0n }));
await drive(streams.length, async (number) => {
  const stream = streams[number];
  const expectedStreamVersion = stream.version || 'STREAM_DOES_NOT_EXIST';
  const appended = await store.appendToStream(stream.name, [{ type: 'deployment.leased', data }], { expectedStreamVersion });
  stream.version = appended.nextExpectedStreamVersion;
});
await store.close();
await pool.end();
