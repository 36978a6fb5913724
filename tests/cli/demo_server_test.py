"""The demo service: answers as described, and misbehaves as asked."""

import http.client
import json
import os
import socket
import unittest

from command import demo_server, report_of, wait_until


def connect(url):
    host, port = url.rpartition("/")[2].split(":")
    return socket.create_connection((host, int(port)), timeout=30)


class DemoServer(unittest.TestCase):
    def test_the_shop(self):
        with demo_server() as (url, _):
            client = http.client.HTTPConnection(url.rpartition("/")[2], timeout=30)

            def ask(method, path, body=None):
                client.request(method, path, body)
                response = client.getresponse()
                text = response.read()
                return response.status, json.loads(text) if text else None

            self.assertEqual(24, len(ask("GET", "/outfits")[1]["outfits"]))
            self.assertEqual((201, {"ratings": 1, "average": 4.0}), ask("POST", "/outfits/7/ratings", '{"stars": 4}'))
            self.assertEqual(1, ask("GET", "/outfits/7")[1]["ratings"])
            self.assertEqual((200, {"status": "good"}), ask("GET", "/healthz"))
            self.assertEqual((200, None), ask("HEAD", "/outfits"))
            self.assertEqual(404, ask("GET", "/nothing")[0])
            self.assertEqual(405, ask("DELETE", "/outfits")[0])
            self.assertEqual(400, ask("POST", "/outfits/7/ratings", "no JSON")[0])
            client.close()

    def read_all(self, connection):
        text = b""
        while True:
            data = connection.recv(65536)
            if not data:
                return text
            text += data

    def test_pipelined_and_split_requests(self):
        with demo_server() as (url, _), connect(url) as connection:
            one = b"GET /outfits/3 HTTP/1.1\r\nHost: a\r\n\r\n"
            last = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            connection.sendall(one * 50)
            for byte in last:
                connection.send(bytes([byte]))
            text = self.read_all(connection)
            self.assertEqual(51, text.count(b"HTTP/1.1 200 OK\r\n"))
            self.assertTrue(text.endswith(b'{"status":"good"}'))

    def test_bodies_and_heads_are_bounded(self):
        with demo_server() as (url, _):
            with connect(url) as connection:
                connection.sendall(b"POST /outfits/1/ratings HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 5000)
                self.assertTrue(self.read_all(connection).startswith(b"HTTP/1.1 413 "))
            with connect(url) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 20000)
                self.assertTrue(self.read_all(connection).startswith(b"HTTP/1.1 431 "))
            with connect(url) as connection:
                connection.sendall(b"nonsense\r\n\r\n")
                self.assertTrue(self.read_all(connection).startswith(b"HTTP/1.1 400 "))

    def test_no_connection_is_kept_when_the_client_has_gone(self):
        with demo_server() as (url, server):
            folder = f"/proc/{server.pid}/fd"
            before = len(os.listdir(folder))
            connections = [connect(url) for _ in range(50)]
            wait_until(lambda: len(os.listdir(folder)) == before + 50, "the connections")
            for connection in connections:
                connection.close()
            wait_until(lambda: len(os.listdir(folder)) == before, "their end")

    def test_error_rate(self):
        with demo_server("--error-rate", "0.2", "--seed", "1") as (url, _):
            report = report_of(url + "/outfits", "--cycles", "1000", "--max-retries", "0")
            self.assertGreater(report["statuses"]["503"], 120)
            self.assertLess(report["statuses"]["503"], 280)
            report = report_of(url + "/outfits", "--cycles", "200", "--max-retries", "20", "--backoff-factor", "0")
            self.assertEqual({"200": 200}, report["statuses"])
            self.assertGreater(report["retries"], 10)

    def test_latency(self):
        with demo_server("--latency", "30ms") as (url, _):
            report = report_of(url + "/outfits", "--cycles", "3")
            self.assertGreaterEqual(report["latency_ms"]["p50"], 29)

    def test_slow_rate(self):
        with demo_server("--slow-rate", "0.5", "--slow-time", "60ms") as (url, _):
            report = report_of(url + "/outfits", "--cycles", "30", "--slow", "50ms")
            self.assertGreater(report["slow"], 3)
            self.assertLess(report["slow"], 27)

    def test_close_rate(self):
        with demo_server("--close-rate", "0.3") as (url, _):
            report = report_of(url + "/outfits", "--cycles", "200", "--backoff-factor", "0")
            self.assertEqual({"200": 200}, report["statuses"])
            self.assertGreater(report["pool"]["created"], 20)


if __name__ == "__main__":
    unittest.main()
