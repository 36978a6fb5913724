"""A server of HTTP/2 in cleartext that misbehaves on purpose, by python3-h2: another library than the client's.

It prints its port and serves until its standard input ends. The path of a request names what is done to it, a row of
SCRIPTS; "/good" is answered properly with the nonce, "/seen" with how often the nonce was asked for so far. Every proper
answer says in "x-connection" on which connection it came.
"""

import socket
import struct
import sys
import threading
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS = 1, 4

seen = {}
lock = threading.Lock()
connections = 0


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(value):
    """A string of HPACK without Huffman coding; its length is a number with a prefix of seven bits."""
    raw = value.encode("latin-1")
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    rest, length = len(raw) - 127, b"\x7f"
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + raw


def block(*fields):
    """Literals that are not remembered, so that the state of the compression stays what it is."""
    return b"".join(b"\x00" + text(name) + text(value) for name, value in fields)


def head(stream, *fields, flags=0):
    return frame(HEADERS, END_HEADERS | flags, stream, block(*fields))


OK = (":status", "200")


class Serving(threading.Thread):
    """One connection."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        global connections
        with lock:
            connections += 1
            self.number = connections
        self.sock = sock
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.asked = {}
        self.resting = threading.Event()

    def send(self, raw):
        self.sock.sendall(self.h2.data_to_send() + raw)

    def run(self):
        try:
            self.h2.initiate_connection()
            self.send(b"")
            while True:
                data = self.sock.recv(65536)
                if not data:
                    break
                for event in self.h2.receive_data(data):
                    self.take(event)
                self.send(b"")
        except (OSError, ProtocolError):
            pass
        self.sock.close()

    def take(self, event):
        if isinstance(event, RequestReceived):
            self.asked[event.stream_id] = dict(event.headers)
        elif isinstance(event, DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.answer(event.stream_id, self.asked.pop(event.stream_id))

    def answer(self, stream, asked):
        name, nonce = asked[":path"][1:], asked.get("x-nonce", "")
        if name == "seen":
            return self.say(stream, str(seen.get(nonce, 0)))
        with lock:
            seen[nonce] = times = seen.get(nonce, 0) + 1
        if name == "good" or (name.endswith("_once") and times > 1):
            return self.say(stream, nonce)
        self.send(b"")
        return SCRIPTS[name](self, stream, nonce)

    def say(self, stream, body):
        self.send(head(stream, OK, ("x-connection", str(self.number)), ("content-length", str(len(body)))) +
                  frame(DATA, END_STREAM, stream, body.encode()))

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
        else:
            self.sock.shutdown(socket.SHUT_RDWR)
        raise OSError("closed by the script")

    def rst(self, stream, code):
        self.send(frame(RST, 0, stream, struct.pack(">I", code)))

    def goaway(self, last, code=0):
        self.send(frame(GOAWAY, 0, 0, struct.pack(">II", last, code)))

    def setting(self, name, value):
        self.send(frame(SETTINGS, 0, 0, struct.pack(">HI", name, value)))


def sends(make):
    """A script that sends what `make(stream)` gives."""
    return lambda on, stream, nonce: on.send(make(stream))


def flood(make, count=3000):
    return sends(lambda stream: make(stream) * count)


def answers_after(first):
    def script(on, stream, nonce):
        first(on, stream)
        on.say(stream, nonce)
    return script


def in_turn(*steps):
    def script(on, stream, nonce):
        for step in steps:
            step(on, stream)
    return script


def sends_and_closes(make, reset=False):
    return in_turn(lambda on, stream: on.send(make(stream)), lambda on, stream: on.close(reset))


def with_field(name, value):
    return sends(lambda stream: head(stream, OK, (name, value), flags=END_STREAM))


def silent(seconds):
    """Neither reads nor writes: a machine that is gone."""
    return lambda on, stream: time.sleep(seconds)  # what is tested is a silence of some length


def in_the_background(seconds, script):
    """Goes on serving the connection meanwhile, so that PINGs are answered."""
    def begin(on, stream, nonce):
        threading.Timer(seconds, lambda: script(on, stream, nonce)).start()
    return begin


def endless_body(on, stream, nonce):
    on.send(head(stream, OK))
    for _ in range(40):
        on.send(frame(DATA, 0, stream, b"x" * 10_000))


def hpack_bomb(stream):
    entry = b"\x40" + text("bomb") + text("x" * 3000)
    return frame(HEADERS, END_HEADERS, stream, block(OK) + entry + b"\xbe" * 10_000)


def split_head(stream, count, piece):
    return frame(HEADERS, 0, stream, block(OK)) + frame(CONTINUATION, 0, stream, piece) * count


SCRIPTS = {
    # Not processed, and said so.
    "refuses_once": lambda on, stream, nonce: on.rst(stream, 7),
    "refuses_always": lambda on, stream, nonce: on.rst(stream, 7),
    "goes_away_below_it_once": in_turn(lambda on, stream: on.goaway(stream - 2), lambda on, stream: on.close()),
    "goes_away_below_it_and_stays_once": in_turn(lambda on, stream: on.goaway(stream - 2)),
    # Going away otherwise.
    "goes_away_and_answers": answers_after(lambda on, stream: on.goaway(stream)),
    "goes_away_in_two_steps": answers_after(lambda on, stream: (on.goaway(0x7FFFFFFF), on.goaway(stream))),
    "announces_going_away": answers_after(lambda on, stream: on.goaway(0x7FFFFFFF)),
    "goes_away_with_an_error_once": in_turn(lambda on, stream: on.goaway(stream, 2), lambda on, stream: on.close()),
    "closes_once": in_turn(lambda on, stream: on.close()),
    "resets_the_connection_once": in_turn(lambda on, stream: on.close(reset=True)),
    "closes_after_the_head": sends_and_closes(lambda stream: head(stream, OK)),
    "closes_within_the_body": sends_and_closes(
        lambda stream: head(stream, OK, ("content-length", "9")) + frame(DATA, 0, stream, b"abc")),
    "closes_within_a_frame": sends_and_closes(lambda stream: head(stream, OK) + frame(DATA, 0, stream, b"abc")[:-1]),
    # Resets.
    "resets_internal_error": lambda on, stream, nonce: on.rst(stream, 2),
    "resets_cancel": lambda on, stream, nonce: on.rst(stream, 8),
    "resets_no_error": lambda on, stream, nonce: on.rst(stream, 0),
    "resets_http_1_1_required": lambda on, stream, nonce: on.rst(stream, 13),
    "resets_after_the_head": in_turn(lambda on, stream: on.send(head(stream, OK)), lambda on, stream: on.rst(stream, 2)),
    "resets_within_the_body": in_turn(
        lambda on, stream: on.send(head(stream, OK) + frame(DATA, 0, stream, b"abc")),
        lambda on, stream: on.rst(stream, 2)),
    "refuses_after_the_head": in_turn(lambda on, stream: on.send(head(stream, OK)), lambda on, stream: on.rst(stream, 7)),
    # Settings.
    "lowers_the_limit": answers_after(lambda on, stream: on.setting(3, 1)),
    "raises_the_limit": answers_after(lambda on, stream: on.setting(3, 1000)),
    "allows_nothing_any_more": answers_after(lambda on, stream: on.setting(3, 0)),
    "shrinks_the_window": answers_after(lambda on, stream: on.setting(4, 0)),
    "shrinks_the_table": answers_after(lambda on, stream: on.setting(1, 0)),
    "sets_too_large_a_window": lambda on, stream, nonce: on.setting(4, 0x80000000),
    "sets_too_small_a_frame": lambda on, stream, nonce: on.setting(5, 1),
    # Floods and bombs.
    "floods_pings": flood(lambda stream: frame(PING, 0, 0, b"12345678")),
    "floods_settings": flood(lambda stream: frame(SETTINGS, 0, 0)),
    "floods_empty_data": in_turn(lambda on, stream: on.send(head(stream, OK) + frame(DATA, 0, stream) * 3000)),
    "floods_priorities": flood(lambda stream: frame(PRIORITY, 0, stream, b"\0\0\0\0\x10")),
    "floods_window_updates": flood(lambda stream: frame(WINDOW, 0, 0, struct.pack(">I", 1))),
    "floods_resets": in_turn(lambda on, stream: on.send(frame(RST, 0, stream, struct.pack(">I", 2)) * 3000)),
    "floods_continuations": sends(lambda stream: split_head(stream, 3000, block(("a", "b")))),
    "floods_empty_continuations": sends(lambda stream: split_head(stream, 3000, b"")),
    "never_ends_a_head": sends(lambda stream: frame(HEADERS, 0, stream, block(OK))),
    "sends_too_large_a_head": sends(lambda stream: frame(HEADERS, 0, stream, block(OK)) + frame(
        CONTINUATION, 0, stream, block(*[("name", "x" * 1000)] * 15)) * 4 + frame(
            CONTINUATION, END_HEADERS, stream, block(*[("name", "x" * 1000)] * 15))),
    "sends_an_hpack_bomb": sends(hpack_bomb),
    "sends_too_many_fields": sends(lambda stream: head(stream, OK, *[("a", "b")] * 200)),
    "announces_a_huge_body": sends(lambda stream: head(stream, OK, ("content-length", "1000000000000"))),
    "sends_an_endless_body": endless_body,
    "sends_interim_responses_without_end": sends(lambda stream: head(stream, (":status", "103")) * 50),
    # Malformed responses.
    "sends_too_short_a_body": sends(
        lambda stream: head(stream, OK, ("content-length", "5")) + frame(DATA, END_STREAM, stream, b"abc")),
    "sends_too_long_a_body": sends(
        lambda stream: head(stream, OK, ("content-length", "2")) + frame(DATA, END_STREAM, stream, b"abc")),
    "sends_no_status": sends(lambda stream: head(stream, ("server", "x"), flags=END_STREAM)),
    "sends_an_upper_case_name": with_field("Server", "x"),
    "sends_a_pseudo_field_of_requests": with_field(":path", "/"),
    "sends_a_pseudo_field_too_late": sends(lambda stream: head(stream, ("a", "b"), OK, flags=END_STREAM)),
    "sends_a_connection_field": with_field("connection", "close"),
    "sends_a_transfer_encoding": with_field("transfer-encoding", "chunked"),
    "sends_a_line_break": with_field("a", "b\r\nset-cookie: c=d"),
    "sends_101": sends(lambda stream: head(stream, (":status", "101"))),
    "sends_trailers_that_do_not_end": sends(
        lambda stream: head(stream, OK) + frame(DATA, 0, stream, b"a") + head(stream, ("a", "b"))),
    # Frames in the wrong place.
    "sends_data_before_the_head": sends(lambda stream: frame(DATA, END_STREAM, stream, b"abc")),
    "sends_data_on_an_idle_stream": sends(lambda stream: frame(DATA, 0, stream + 100, b"abc")),
    "sends_data_on_stream_0": sends(lambda stream: frame(DATA, 0, 0, b"abc")),
    "sends_a_head_on_its_own_stream": sends(lambda stream: head(2, OK)),
    "sends_too_large_a_frame": sends(lambda stream: frame(DATA, 0, stream, b"x" * 20_000)),
    "sends_a_push_promise": sends(
        lambda stream: frame(PUSH, END_HEADERS, stream, struct.pack(">I", 2) + block((":method", "GET")))),
    "interrupts_a_head": sends(lambda stream: frame(HEADERS, 0, stream, block(OK)) + frame(PING, 0, 0, b"12345678")),
    "overflows_the_window": sends(lambda stream: frame(WINDOW, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2),
    "opens_the_window_by_nothing": sends(lambda stream: frame(WINDOW, 0, 0, struct.pack(">I", 0))),
    "breaks_the_compression": sends(lambda stream: frame(HEADERS, END_HEADERS, stream, b"\xff\xff\xff\xff\xff")),
    "speaks_http_1_1": sends(lambda stream: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"),
    "sends_zeros": sends(lambda stream: b"\0" * 4000 + b"\xff" * 4000),
    # Silence.
    "never_answers": lambda on, stream, nonce: None,
    "never_ends_the_body": sends(lambda stream: head(stream, OK) + frame(DATA, 0, stream, b"abc")),
    "falls_silent_once": in_turn(silent(3)),
    "answers_late": in_the_background(0.7, lambda on, stream, nonce: on.say(stream, nonce)),
    # Unusual, and right.
    "sends_trailers": lambda on, stream, nonce: on.send(
        head(stream, OK) + frame(DATA, 0, stream, nonce.encode()) + head(stream, ("a", "b"), flags=END_STREAM)),
    "pads_the_data": lambda on, stream, nonce: on.send(
        head(stream, OK) + frame(DATA, 8 | END_STREAM, stream, b"\x05" + nonce.encode() + b"\0" * 5)),
    "sends_an_unknown_frame": answers_after(lambda on, stream: on.send(frame(0x42, 0xFF, stream, b"what"))),
    "sends_an_interim_response": answers_after(lambda on, stream: on.send(head(stream, (":status", "103"), ("a", "b")))),
    "answers_and_resets": lambda on, stream, nonce: (on.say(stream, nonce), on.rst(stream, 0)),
    "splits_the_head": lambda on, stream, nonce: on.send(
        frame(HEADERS, 0, stream, block(OK)) + frame(CONTINUATION, END_HEADERS, stream, block(("a", "b"))) +
        frame(DATA, END_STREAM, stream, nonce.encode())),
}


def accept_all(listener, kind):
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kind(sock).start()


def listen_with(kind):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=accept_all, args=(listener, kind), daemon=True).start()
        sys.stdin.read()


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(SCRIPTS))
    else:
        listen_with(Serving)


if __name__ == "__main__":
    main()
