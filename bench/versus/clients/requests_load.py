"""The load of the comparison by Python's requests: requests_load.py URL CONNECTIONS SECONDS [CA_FILE]

A thread and a Session for each request at once, as its documentation advises.
"""

import sys
import threading
import time

import requests


def main():
    url, connections, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    verify = sys.argv[4] if len(sys.argv) > 4 else True
    counts = [0] * connections
    failures = [0] * connections
    sessions = [requests.Session() for _ in range(connections)]

    def user(number, end):
        session = sessions[number]
        while time.monotonic() < end:
            response = session.get(url, verify=verify)
            counts[number] += 1
            failures[number] += response.status_code != 200 or not response.content

    def load(length):
        end = time.monotonic() + length
        threads = [threading.Thread(target=user, args=(number, end)) for number in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    load(0.3)
    counts[:] = [0] * connections
    begun, cpu = time.monotonic(), time.process_time()
    load(seconds)
    print(f"{sum(counts)} requests, {time.process_time() - cpu} cpu seconds, {time.monotonic() - begun} seconds")
    sys.exit(0 if not any(failures) else 1)


main()
