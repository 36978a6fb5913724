// The load of the comparison by undici: node undici_load.mjs URL CONNECTIONS SECONDS [CA_FILE]
// A Pool with as many connections as requests at once and no pipelining: what undici's own benchmarks call "pool".
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

// Found by NODE_PATH, which is /usr/share/nodejs for Debian's packages.
const { Pool } = createRequire(import.meta.url)('undici');
const [url, connections, seconds, ca] = process.argv.slice(2);
const { origin, pathname } = new URL(url);
const pool = new Pool(origin, {
  connections: Number(connections),
  pipelining: 1,
  connect: ca ? { ca: readFileSync(ca) } : {},
});
let requests = 0;
let failures = 0;
let end = performance.now() + 300;

async function user() {
  while (performance.now() < end) {
    const { statusCode, body } = await pool.request({ path: pathname, method: 'GET' });
    await body.text();
    requests += 1;
    if (statusCode !== 200) failures += 1;
  }
}

async function load() {
  await Promise.all(Array.from({ length: Number(connections) }, user));
}

await load();
requests = 0;
const begun = performance.now();
const before = process.cpuUsage();
end = begun + Number(seconds) * 1000;
await load();
const { user: used, system } = process.cpuUsage(before);
const elapsed = (performance.now() - begun) / 1000;
console.log(`${requests} requests, ${(used + system) / 1e6} cpu seconds, ${elapsed} seconds`);
await pool.close();
process.exit(failures === 0 ? 0 : 1);
