// The part of matrix.py that npm's `pg` does: prints what every step found, or its error.
//
//   node matrix.mjs NODE_MODULES URI LONG LIST DESCRIBE COUNT RESET...
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [folder, uri, long, list, describe, count, ...resets] = process.argv.slice(2);
const require = createRequire(resolve(folder, 'here.js'));
const pg = require('pg');
const { version } = require('pg/package.json');

const told = {};
async function step(name, work) {
  try {
    told[name] = { value: await work() };
  } catch (error) {
    told[name] = { error: `${error.code ?? ''} ${error.message}`.trim() };
  }
}

const client = new pg.Client({ connectionString: uri });
client.on('error', () => {});
const counted = async () => Object.values((await client.query(count, ['17'])).rows[0])[0];

await step('connect', async () => {
  await client.connect();
  return [`npm pg ${version}`, Object.values((await client.query('select version()')).rows[0])[0]];
});
if (told.connect.value) {
  await step('tables', async () =>
    (await client.query(list)).rows.map((row) => `${row.table_schema}.${row.table_name}`));
  await step('columns', async () => (await client.query(describe)).rows.map((row) => row.column_name));
  await step('ask', counted);
  await step('cancel', async () => {
    const query = new pg.Query(long);
    setTimeout(() => new pg.Client({ connectionString: uri }).cancel(client, query), 1500);
    await new Promise((done, failed) => {
      query.on('end', done);
      query.on('error', failed);
      client.query(query);
    });
  });
  await step('again', counted);
  await step('reset', async () => {
    const wrong = [];
    for (const reset of resets) await client.query(reset).catch((error) => wrong.push(`${reset}: ${error.message}`));
    if (wrong.length) throw new Error(wrong.join('; '));
    return counted();
  });
  await client.end();
}
console.log(JSON.stringify(told));
