// The load of the comparison by node-postgres: node pg_load.mjs SOCKET_FOLDER PORT USERS SECONDS ROWS
// Its pool with a connection for each user, and a statement that is prepared under a name.
import { createRequire } from 'node:module';

// Found by NODE_PATH.
const { Pool } = createRequire(import.meta.url)('pg');
const [host, port, users, seconds, rows] = process.argv.slice(2);
const pool = new Pool({ host, port: Number(port), user: 'lido', database: 'postgres', max: Number(users) });
const text = 'SELECT abalance FROM pgbench_accounts WHERE aid = $1';
let end = performance.now() + 500;
let times = [];
let failures = 0;

async function user() {
  let begun = performance.now();
  while (begun < end) {
    const key = 1 + Math.floor(Math.random() * Number(rows));
    const got = await pool.query({ name: 'by_key', text, values: [key] });
    const ended = performance.now();
    times.push(ended - begun);
    begun = ended;
    if (got.rows.length !== 1) failures += 1;
  }
}

async function load() {
  await Promise.all(Array.from({ length: Number(users) }, user));
}

await load();
times = [];
const memory = process.memoryUsage().rss;
const begun = performance.now();
const before = process.cpuUsage();
end = begun + Number(seconds) * 1000;
await load();
const { user: used, system } = process.cpuUsage(before);
const elapsed = (performance.now() - begun) / 1000;
const count = times.length;
times.sort((one, other) => one - other);
const at = (share) => Math.round(times[Math.floor(share * (count - 1))] * 1000);
console.log(
  `${Math.round(count / elapsed)} queries/s, cpu ${((used + system) / count).toFixed(2)} us/query ` +
    `(user ${(used / count).toFixed(2)}, system ${(system / count).toFixed(2)}), p50 ${at(0.5)} us, ` +
    `p95 ${at(0.95)} us, p99 ${at(0.99)} us, memory ${((process.memoryUsage().rss - memory) / 1e6).toFixed(1)} MB`,
);
await pool.end();
process.exit(failures === 0 ? 0 : 1);
