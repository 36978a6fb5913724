"""The load of the comparison by psycopg 3: psycopg_load.py SOCKET_FOLDER PORT USERS SECONDS ROWS

Threads over psycopg_pool, a connection for each. psycopg prepares a statement by itself at its fifth execution.
"""

import random
import resource
import sys
import threading
import time

import psycopg_pool

TEXT = "SELECT abalance FROM pgbench_accounts WHERE aid = %s"


def user(pool, window, rows, times):
    begun = time.monotonic()
    while begun < window[1]:
        with pool.connection() as connection:
            got = connection.execute(TEXT, (random.randint(1, rows),)).fetchone()
        assert got is not None
        ended = time.monotonic()
        if begun >= window[0]:
            times.append(ended - begun)
        begun = ended


def main():
    host, port, users, seconds, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
    times = []
    with psycopg_pool.ConnectionPool(f"host={host} port={port} user=lido dbname=postgres", min_size=users, max_size=users,
                                     kwargs={"autocommit": True}) as pool:
        pool.wait()
        start = time.monotonic() + 0.5
        window = (start, start + seconds)
        threads = [threading.Thread(target=user, args=(pool, window, rows, times)) for _ in range(users)]
        for each in threads:
            each.start()
        time.sleep(max(0.0, start - time.monotonic()))  # what comes before is to warm up
        before = resource.getrusage(resource.RUSAGE_SELF)
        for each in threads:
            each.join()
        after = resource.getrusage(resource.RUSAGE_SELF)
    count = len(times)
    times.sort()
    used = [(later - sooner) / count * 1e6 for later, sooner in
            ((after.ru_utime, before.ru_utime), (after.ru_stime, before.ru_stime))]
    quantiles = [times[int(share * (count - 1))] * 1e6 for share in (0.5, 0.95, 0.99)]
    memory = (after.ru_maxrss - before.ru_maxrss) / 1e3
    print(f"{count / seconds:.0f} queries/s, cpu {sum(used):.2f} us/query (user {used[0]:.2f}, system {used[1]:.2f}), "
          f"p50 {quantiles[0]:.0f} us, p95 {quantiles[1]:.0f} us, p99 {quantiles[2]:.0f} us, memory {memory:.1f} MB")


if __name__ == "__main__":
    main()
