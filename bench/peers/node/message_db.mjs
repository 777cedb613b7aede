// message-db by its own function write_message: node message_db.mjs URL CALLERS CONNECTIONS STATE. Each caller appends
// one event after another to a stream of its own, at the version that it knows.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { drive } from './driving.mjs';

const [url, callers, connections, state] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: Number(connections), options: '-c search_path=message_store' });

const write = { name: 'write', text: 'SELECT write_message($1, $2, $3, $4, NULL, $5)' };
const streams = Array.from({ length: Number(callers) }, () => ({ name: `deployment-${randomUUID()}`, version: -1 }));
await drive(streams.length, async (number) => {
  const stream = streams[number];
  await pool.query({ ...write, values: [randomUUID(), stream.name, 'deployment.leased', state, stream.version] });
  stream.version++;
});
await pool.end();
