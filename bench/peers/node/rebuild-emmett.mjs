// Emmett's rebuild: node rebuild-emmett.mjs URL EVENTS. Appends that many events, a dozen a stream; then each line on
// standard input lets two Pongo projections be rebuilt from them (a document an event, and one a stream), and is
// answered by one line with the events a second and the documents that are there. The first line says that it is ready.

import { getPostgreSQLEventStore, pongoMultiStreamProjection, rebuildPostgreSQLProjections } from '@event-driven-io/emmett-postgresql';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import pg from 'pg';

const [url, events] = process.argv.slice(2);
const TYPES = ['queued', 'leased', 'resolved', 'started', 'finished', 'started', 'finished', 'cut', 'started', 'activated', 'succeeded', 'closed'];
const at = new Date().toISOString();

const audit = pongoMultiStreamProjection({
  collectionName: 'audit_trail',
  canHandle: [...new Set(TYPES)],
  getDocumentId: (event) => String(event.metadata.globalPosition),
  evolve: (_, { type, data }) => ({ type, at: data.at, actor: data.actor, sentence: `${data.actor} ${type} ${data.id}.` }),
});
const deployments = pongoMultiStreamProjection({
  collectionName: 'deployments',
  canHandle: [...new Set(TYPES)],
  getDocumentId: (event) => event.data.id,
  evolve: (document, { type, data }) => ({ ...document, status: type, updatedAt: data.at, version: (document?.version ?? 0) + 1 }),
});

const store = getPostgreSQLEventStore(url);
await store.schema.migrate();
for (let told = 0; told < Number(events); told += TYPES.length) {
  const id = randomUUID();
  const data = { id, at, actor: 'somebody@example.com', executor: randomUUID(), step: 'build', note: 'From the pipeline.' };
  await store.appendToStream(`deployment-${id}`, TYPES.map((type) => ({ type, data })));
}

const pool = new pg.Pool({ connectionString: url });
const count = async (name) => Number((await pool.query(`SELECT count(*) FROM ${name}`)).rows[0].count);
let rebuilds = 0;
console.log('ready');
for await (const _ of createInterface({ input: process.stdin })) {
  const began = performance.now();
  const consumer = rebuildPostgreSQLProjections({
    connectionString: url,
    // Under a name of its own, as a projector goes on where one of its name came to.
    projections: [audit, deployments].map((projection, number) => ({ projection, processorId: `${number}-${rebuilds}` })),
    pulling: { batchSize: 1000, pullingFrequencyInMs: 1 },
  });
  await consumer.start();
  const seconds = (performance.now() - began) / 1000;
  await consumer.close();
  rebuilds++;
  const documents = (await count('audit_trail')) + (await count('deployments'));
  console.log(Math.ceil(Number(events) / TYPES.length) * TYPES.length / seconds, documents);
}
await pool.end();
await store.close();
