"""The load of the comparison by Python's httpx: httpx_load.py URL CONNECTIONS SECONDS [CA_FILE]

One AsyncClient, and a task for each request at once.
"""

import asyncio
import sys
import time

import httpx


async def main():
    url, connections, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    verify = sys.argv[4] if len(sys.argv) > 4 else True
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    requests = failures = 0

    async with httpx.AsyncClient(verify=verify, limits=limits, trust_env=False) as client:

        async def user(end):
            nonlocal requests, failures
            while time.monotonic() < end:
                response = await client.get(url)
                requests += 1
                failures += response.status_code != 200

        async def load(length):
            end = time.monotonic() + length
            await asyncio.gather(*(user(end) for _ in range(connections)))

        await load(0.3)
        requests = 0
        begun, cpu = time.monotonic(), time.process_time()
        await load(seconds)
        print(f"{requests} requests, {time.process_time() - cpu} cpu seconds, {time.monotonic() - begun} seconds")
    sys.exit(0 if failures == 0 else 1)


asyncio.run(main())
