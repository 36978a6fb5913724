"""`lido fetch`: what goes out, what comes to which descriptor, and how it ends."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from command import LIDO, PATIENCE, TestServer, demo_server, end_by, make_certificate, ok, run


def fetch(*arguments, **more):
    return run("fetch", *arguments, **more)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def saying(answer):
    """A server that answers each connection's first bytes with these, and ends it: its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    with listening.accept()[0] as one:
                        one.recv(65536)
                        one.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        listening.shutdown(socket.SHUT_RDWR)


def with_descriptors(count):
    """For a process that may have so many open files."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class Fetch(unittest.TestCase):
    def test_writes_the_body_as_it_is_and_nothing_else(self):
        raw = bytes(range(256)) * 5000
        with TestServer(lambda *_: (200, {}, raw)) as server:
            done = fetch(server.url + "/page", text=False, encoding=None)
        self.assertEqual((0, raw, b""), (done.returncode, done.stdout, done.stderr))

    def test_sends_method_headers_and_data(self):
        with TestServer(ok) as server, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "body")
            with open(path, "wb") as file:
                file.write(b"from a file")
            for arguments in (["-X", "PUT", "-H", "X-One: 1", "--header", "Content-Type: text/plain", "-d", "text"],
                              ["--data", "@" + path]):  # fmt: skip
                self.assertEqual(0, fetch(*arguments, server.url + "/a").returncode)
            put, post = server.seen
        self.assertEqual(("PUT", b"text", "1", "text/plain"),
                         (put.method, put.body, put.headers["X-One"], put.headers["Content-Type"]))  # fmt: skip
        self.assertEqual(("POST", b"from a file"), (post.method, post.body))

    def test_shows_the_head_on_request(self):
        with TestServer(lambda *_: (404, {"X-Why": "gone"}, b"nothing")) as server:
            done = fetch("-i", server.url)
        self.assertEqual(0, done.returncode)
        head, _, body = done.stdout.partition("\n\n")
        self.assertRegex(head, r"^HTTP/1\.1 404 Not Found\n(.*\n)*X-Why: gone\n")
        self.assertEqual("nothing", body)

    def test_a_status_of_failure_is_one_with_fail_only(self):
        with TestServer(lambda *_: (503, {}, b"sorry")) as server:
            self.assertEqual((0, "sorry"), (fetch(server.url).returncode, fetch(server.url).stdout))
            done = fetch("--fail", server.url + "/a?token=secret")
        self.assertEqual((22, ""), (done.returncode, done.stdout))
        self.assertRegex(done.stderr, r"^lido fetch: http://127\.0\.0\.1:\d+/a: status 503 .*\n$")

    def test_says_by_its_exit_code_what_went_wrong(self):
        with TestServer(lambda *_: None) as silent, tempfile.TemporaryDirectory() as folder:
            for code, arguments in (
                (2, []),
                (2, ["ftp://host/"]),
                (2, ["--http1", "--http2", silent.url]),
                (2, ["-H", "nonsense", silent.url]),
                (2, ["--parallel", "0", silent.url]),
                (2, ["--no-such-option", silent.url]),
                (6, ["http://no-such-host.invalid/"]),
                (7, [f"http://127.0.0.1:{closed_port()}/"]),
                (56, [silent.url]),
                (35, [silent.url.replace("http:", "https:")]),
                (23, ["-o", os.path.join(folder, "none", "file"), silent.url]),
            ):
                done = fetch(*arguments)
                self.assertEqual(code, done.returncode, (arguments, done.stderr))
                self.assertEqual("", done.stdout)
                self.assertEqual(1, done.stderr.count("\n"), done.stderr)
                self.assertTrue(done.stderr.startswith("lido fetch: "), done.stderr)

    def test_a_server_that_breaks_the_protocol_or_a_limit_is_one_that_broke(self):
        endless = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(200)) + b"\r\n"
        for arguments, answer, part in (
            ([], b"SSH-2.0-OpenSSH_9.2\r\n", "does not begin with an HTTP/1.x status line"),
            ([], b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", "Content-Length values differ"),
            ([], endless, "max_header_count = 100"),
            ([], b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", "5 of 9 bytes"),
            (["-L"], b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "redirect"),
        ):
            with self.subTest(part), saying(answer) as url:
                done = fetch(*arguments, url)
                self.assertEqual(56, done.returncode, done.stderr)
                self.assertIn(part, done.stderr)

    def test_a_machine_without_descriptors_is_something_else_that_went_wrong(self):
        with TestServer(ok) as server:
            done = fetch(server.url, preexec_fn=with_descriptors(4))
        self.assertEqual((1, ""), (done.returncode, done.stdout), done.stderr)
        self.assertRegex(done.stderr, r"^lido fetch: .*Too many open files\n$")

    def test_takes_a_body_from_standard_input(self):
        with TestServer(ok) as server, tempfile.TemporaryFile() as body:
            body.write(b"from a pipe")
            body.seek(0)
            self.assertEqual(0, fetch("-d", "@-", "-X", "put", server.url, stdin=body).returncode)
            self.assertEqual(("PUT", b"from a pipe"), (server.seen[0].method, server.seen[0].body))

    def test_what_is_wrong_with_a_url_is_said(self):
        for url, part in (
            ("shop.example/", "has no scheme; write http://shop.example/"),
            ("ftp://host/", "use http or https"),
            ("http://", "has no host"),
            ("http://host:99999/", "port 1 … 65535"),
            ("http://host/a b", "percent-encode it"),
            ("http://me:hidden@host/", "--header 'Authorization"),
        ):
            done = fetch(url)
            self.assertEqual((2, ""), (done.returncode, done.stdout))
            self.assertIn(part, done.stderr)

    def test_the_time_for_connecting_is_a_time_out_too(self):
        # Nobody answers there: 192.0.2.0/24 is for documentation. Where the network refuses it, that is told instead.
        done = fetch("--connect-timeout", "200ms", "http://192.0.2.1/")
        self.assertIn(done.returncode, (28, 7), done.stderr)

    def test_ends_when_its_time_is_over(self):
        with socket.create_server(("127.0.0.1", 0)) as stalling:
            done = fetch("--timeout", "200ms", f"http://127.0.0.1:{stalling.getsockname()[1]}/")
        self.assertEqual(28, done.returncode, done.stderr)

    def test_several_requests_share_connections(self):
        with demo_server() as (url, _):
            done = fetch("--repeat", "20", "--stats", url + "/outfits")
            one_by_one = done.stderr
            many = fetch("--repeat", "50", "--parallel", "10", "--stats", url + "/outfits")
        self.assertEqual((0, 0), (done.returncode, many.returncode))
        self.assertRegex(one_by_one, r"requests +20 +responses 20 +failed 0 +protocol HTTP/1\.1")
        self.assertRegex(one_by_one, r"connections +1 created +19 requests on a reused one")
        for phase in ("waiting", "connect", "first byte", "total"):
            self.assertRegex(one_by_one, rf"(?m)^  {phase} +p50 [\d.]+ m?s")
        self.assertRegex(many.stderr, r"requests +50 +responses 50 +failed 0")
        created = int(many.stderr.split("connections")[1].split()[0])
        self.assertLessEqual(created, 10)
        self.assertEqual(done.stdout, done.stdout[: len(done.stdout) // 20] * 20)
        self.assertEqual(many.stdout, many.stdout[: len(many.stdout) // 50] * 50)

    def test_goes_on_after_a_failure_and_tells_the_first_one(self):
        with TestServer(ok) as server:
            done = fetch(f"http://127.0.0.1:{closed_port()}/", server.url, "http://no-such-host.invalid/")
        self.assertEqual((7, "fine"), (done.returncode, done.stdout))
        self.assertEqual(2, done.stderr.count("\n"))

    def test_certificates_are_verified_unless_told_otherwise(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_certificate(folder)
            with demo_server("--tls-cert", certificate, "--tls-key", key) as (url, _):
                self.assertEqual(35, fetch(url + "/outfits").returncode)
                self.assertEqual(0, fetch("--cacert", certificate, url + "/outfits").returncode)
                self.assertEqual(0, fetch("--insecure", url + "/outfits").returncode)

    def test_goes_by_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(path)
                listening.listen()

                def answer():
                    with listening.accept()[0] as one:
                        one.recv(65536)
                        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix")

                threading.Thread(target=answer, daemon=True).start()
                done = fetch("--unix-socket", path, "http://shop.example/")
        self.assertEqual((0, "unix"), (done.returncode, done.stdout), done.stderr)


class Ends(unittest.TestCase):
    @staticmethod
    def endless():
        """A server that sends a body without end."""
        listening = socket.create_server(("127.0.0.1", 0))

        def answer():
            one = listening.accept()[0]
            one.recv(65536)
            try:
                one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                while True:
                    one.sendall(b"x" * 65536)
            except OSError:
                one.close()

        threading.Thread(target=answer, daemon=True).start()
        return listening

    def test_of_a_reader_is_no_error(self):
        with self.endless() as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
            done = subprocess.Popen([LIDO, "fetch", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(b"x" * 1000, done.stdout.read(1000))
            done.stdout.close()
            self.assertEqual(0, done.wait(PATIENCE))
            self.assertEqual(b"", done.stderr.read())
            done.stderr.close()

    def test_of_room_on_the_disk_is_told(self):
        with TestServer(ok) as server, open("/dev/full", "wb") as full:
            for done in (fetch("-o", "/dev/full", server.url), fetch(server.url, stdout=full, capture_output=False, stderr=subprocess.PIPE)):
                self.assertEqual(23, done.returncode)
                self.assertIn("No space left on device", done.stderr)

    def test_by_a_signal_even_while_nobody_reads(self):
        with self.endless() as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
            load = subprocess.Popen([LIDO, "fetch", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(b"x", load.stdout.read(1))  # and from here on nobody reads
            code, _, err, seconds = end_by(load)
        self.assertEqual(128 + signal.SIGINT, code, err)
        self.assertLess(seconds, 10)

    def test_by_another_signal_has_its_number(self):
        with socket.create_server(("127.0.0.1", 0)) as stalling:
            url = f"http://127.0.0.1:{stalling.getsockname()[1]}/"
            load = subprocess.Popen([LIDO, "fetch", url], stderr=subprocess.PIPE)
            with stalling.accept()[0]:
                code, _, err, _ = end_by(load, signal.SIGTERM)
        self.assertEqual(128 + signal.SIGTERM, code, err)

    def test_by_a_signal_with_many_under_way(self):
        with socket.create_server(("127.0.0.1", 0)) as stalling:
            url = f"http://127.0.0.1:{stalling.getsockname()[1]}/"
            load = subprocess.Popen([LIDO, "fetch", "--repeat", "50", "--parallel", "20", url], stderr=subprocess.PIPE)
            stalling.accept()[0].close()
            code, _, _, seconds = end_by(load)
        self.assertEqual(128 + signal.SIGINT, code)
        self.assertLess(seconds, 10)


if __name__ == "__main__":
    unittest.main()
