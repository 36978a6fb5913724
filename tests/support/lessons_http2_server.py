"""A server of HTTP/2 in cleartext that does what others have met and learned from, by python3-h2. It prints its port
and serves until its standard input ends.

A path is a row of SCRIPTS. "/good" is answered with the nonce and "/seen" with how often the nonce was asked for, as by
misbehaving_http2_server; "/most" with how many streams were open at once after "/lowers_the_limit" had said its limit.
What it sends of a body keeps to the windows that the client opens.
"""

import threading

from h2.events import RequestReceived, StreamReset, WindowUpdated
from h2.exceptions import ProtocolError

from misbehaving_http2_server import Serving, listen_with, lock, seen

LARGE = 60_000  # almost all of the window that a connection has at first
REFUSED = 7
MAX_CONCURRENT_STREAMS = 3


class Learned(Serving):
    most_open = 0

    def __init__(self, sock):
        super().__init__(sock)
        self.writing = threading.RLock()
        self.gathered = []  # requests that wait for others
        self.bodies = {}  # what is left of each
        self.lowered = False
        self.open = set()  # since then, and not answered

    def send(self, raw):
        with self.writing:
            super().send(raw)

    def take(self, event):
        if isinstance(event, WindowUpdated):
            for stream in list(self.bodies):
                self.pour(stream)
        elif isinstance(event, StreamReset):
            self.bodies.pop(event.stream_id, None)
        else:
            if isinstance(event, RequestReceived) and self.lowered:
                self.note_open(event.stream_id, dict(event.headers)[":path"])
            super().take(event)

    def note_open(self, stream, path):
        if path == "/lowers_the_limit":
            self.open.add(stream)
            Learned.most_open = max(Learned.most_open, len(self.open))

    def answer(self, stream, asked):
        name, nonce = asked[":path"][1:], asked.get("x-nonce", "")
        if name == "most":
            return self.say(stream, str(Learned.most_open))
        if name not in SCRIPTS:
            return super().answer(stream, asked)
        with lock:
            seen[nonce] = seen.get(nonce, 0) + 1
        self.send(b"")
        return SCRIPTS[name](self, stream, nonce)

    def begin_body(self, stream, status, frames):
        """Of `frames` each is content and padding."""
        self.h2.send_headers(stream, [(":status", str(status)), ("x-connection", str(self.number))])
        self.bodies[stream] = list(frames)
        self.pour(stream)

    def pour(self, stream):
        """As much of the body as the windows allow."""
        try:
            while self.bodies.get(stream):
                content, padding = self.bodies[stream][0]
                cost = len(content) + (0 if padding is None else padding + 1)
                if self.h2.local_flow_control_window(stream) < cost:
                    break
                del self.bodies[stream][0]
                self.h2.send_data(stream, content, end_stream=not self.bodies[stream], pad_length=padding)
        except ProtocolError:
            self.bodies.pop(stream, None)  # reset meanwhile
        self.send(b"")


def gather(count, then):
    """Waits until so many streams of the connection have come."""
    def script(on, stream, nonce):
        on.gathered.append((stream, nonce))
        if len(on.gathered) == count:
            gathered, on.gathered = sorted(on.gathered), []
            then(on, gathered)
    return script


def on_the_first_connection(script):
    """On all later ones the answer is a good one."""
    return lambda on, stream, nonce: (script(on, stream, nonce) if on.number == 1 else on.say(stream, nonce))


def goes_away_above_the_first(on, gathered):
    stream, nonce = gathered[0]
    on.goaway(stream)
    on.say(stream, nonce)


def answer_later(on, stream, nonce, seconds):
    """What comes meanwhile is seen before that."""
    def run():
        on.open.discard(stream)
        on.say(stream, nonce)
    threading.Timer(seconds, run).start()


def lowers(on, gathered):
    on.lowered = True
    (kept, nonce), *others = gathered
    on.open.add(kept)
    on.setting(MAX_CONCURRENT_STREAMS, 1)
    for stream, _ in others:
        on.rst(stream, REFUSED)
    answer_later(on, kept, nonce, 0.2)


def lowers_the_limit(on, stream, nonce):
    if on.lowered:
        answer_later(on, stream, nonce, 0.05)
    else:
        gather(3, lowers)(on, stream, nonce)


def die(on, stream, nonce):
    """The connection stays open, and nobody is at its other end."""
    threading.Event().wait()


def answer_and_die(on, stream, nonce):
    on.say(stream, nonce)
    die(on, stream, nonce)


def pieces_of(size):
    return [(b"x" * min(10_000, size - at), None) for at in range(0, size, 10_000)]


def fails_largely(on, stream, nonce):
    if seen[nonce] > 3:
        on.say(stream, nonce)
    else:
        on.begin_body(stream, 503, pieces_of(LARGE))


SCRIPTS = {
    "goes_away_above_the_first": on_the_first_connection(gather(3, goes_away_above_the_first)),
    "lowers_the_limit": lowers_the_limit,
    "dies": on_the_first_connection(die),
    "answers_and_dies": on_the_first_connection(answer_and_die),
    "large": lambda on, stream, nonce: on.begin_body(stream, 200, pieces_of(LARGE)),
    "fails_largely": fails_largely,
    # Far more padding than a window has room for.
    "padded": lambda on, stream, nonce: on.begin_body(stream, 200, [(b"x", 255)] * 300),
}


if __name__ == "__main__":
    listen_with(Learned)
