"""What the tests of the command share: running it, and small servers that misbehave on order."""

import contextlib
import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

LIDO = os.environ.get("LIDO_COMMAND", "lido")
# Generous: sanitizers and a busy machine make everything slow, and a test that waits for this long has failed anyway.
PATIENCE = 60


def run(*arguments, **more):
    """Runs `lido` to its end; returns its CompletedProcess, with text."""
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": PATIENCE, "stdin": subprocess.DEVNULL}
    options.update(more)
    return subprocess.run([LIDO, *arguments], check=False, **options)


def simulate(*arguments, **more):
    return run("simulate", *arguments, **more)


def report_of(*arguments, code=0):
    """The JSON report of a run that must end with `code`."""
    done = simulate(*arguments, "--output", "json")
    if done.returncode != code:
        raise AssertionError(f"lido simulate {arguments}: exit {done.returncode}, not {code}: {done.stderr}")
    return json.loads(done.stdout)


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)  # polls; there is nothing to be told by


@contextlib.contextmanager
def demo_server(*arguments):
    """A running `lido demo-server`: its URL and its process."""
    server = subprocess.Popen(
        [LIDO, "demo-server", "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = server.stdout.readline()
        match = re.fullmatch(r"demo service listening on (https?://127\.0\.0\.1:\d+)\n", line)
        if not match:
            raise AssertionError(f"the demo server said {line!r}, {server.stderr.read()!r}")
        yield match.group(1), server
    finally:
        if server.poll() is None:
            server.kill()
        server.wait()
        server.stdout.close()
        server.stderr.close()


def children_of(pid):
    """The processes whose parent is `pid`."""
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit():
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    if int(stat.read().rpartition(")")[2].split()[1]) == pid:
                        found.append(int(entry))
    return found


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Seen:
    """One request as a test server saw it."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.at = time.monotonic()


class TestServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Answers each request by `answer(seen, number)`, which returns (status, headers, body), or None to close the
    connection without an answer. Remembers what it saw."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.seen = []
        self.connections = 0
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, BrokenPipeError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = Seen(self.command, self.path, dict(self.headers), body)
        with self.server.lock:
            self.server.seen.append(seen)
            number = len(self.server.seen)
        answer = self.server.answer(seen, number)
        if answer is None:
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = handle_any


def ok(_seen, _number):
    return 200, {}, b"fine"


def make_certificate(folder):
    """A certificate for 127.0.0.1, signed by itself: (certificate file, key file)."""
    certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
        + ["-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def end_by(process, number=signal.SIGINT):
    """Sends a signal; returns (exit code, stdout, stderr, seconds until the end)."""
    begin = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err, time.monotonic() - begin
