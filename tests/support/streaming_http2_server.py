"""A server of HTTP/2 in cleartext that does with bodies which come or go in pieces what the path of the request says, by
python3-h2. It prints its port and serves until its standard input ends.

A path is a row of SCRIPTS: what happens when the head of the request is there, when data comes, when it is complete.
Without a row the answer is the length of the body and the trailers that followed it. "/told" says of the nonce in
"x-nonce" how many bytes of a body were sent, how many came, and by which code its stream was reset.
"""

import threading
import time

from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset, TrailersReceived, WindowUpdated

from misbehaving_http2_server import DATA, END_STREAM, OK, Serving, frame, head, listen_with

told = {}
NOTHING = {"sent": 0, "came": 0, "reset": "none"}


class Asked:
    """A request and what became of it."""

    def __init__(self, path, nonce):
        self.name = path[1:]
        self.nonce = nonce
        self.came = 0
        self.trailers = []


class Streaming(Serving):
    def __init__(self, sock):
        super().__init__(sock)
        self.streams = {}
        self.endless = set()
        self.writing = threading.RLock()

    def send(self, raw):
        with self.writing:
            super().send(raw)

    def take(self, event):
        stream = getattr(event, "stream_id", None)
        if isinstance(event, RequestReceived):
            fields = dict(event.headers)
            asked = self.streams[stream] = Asked(fields[":path"], fields.get("x-nonce", ""))
            if asked.name != "told":
                told.setdefault(asked.nonce, dict(NOTHING))
            self.act("head", stream)
        elif isinstance(event, WindowUpdated):
            for each in [stream] if stream else list(self.endless):
                if each in self.endless:
                    self.pour(each)
        elif stream in self.streams:
            self.take_more(event, stream, self.streams[stream])

    def take_more(self, event, stream, asked):
        if isinstance(event, DataReceived):
            asked.came += len(event.data)
            told[asked.nonce]["came"] = asked.came
            if self.act("data", stream) is not False:
                self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, TrailersReceived):
            asked.trailers = event.headers
        elif isinstance(event, StreamReset):
            del self.streams[stream]
            self.endless.discard(stream)
            told[asked.nonce]["reset"] = int(event.error_code)
        elif isinstance(event, StreamEnded):
            if self.act("end", stream) is None:
                self.streams.pop(stream, None)

    def act(self, when, stream):
        asked = self.streams[stream]
        script = SCRIPTS.get(asked.name, {})
        self.send(b"")
        if when in script:
            return script[when](self, stream)
        if when == "end":
            self.say(stream, self.answer_to(asked))
        return None

    @staticmethod
    def answer_to(asked):
        if asked.name == "told":
            return "{sent} {came} {reset}".format(**told.get(asked.nonce, NOTHING))
        return " ".join([str(asked.came)] + [f"{name}={value}" for name, value in asked.trailers])

    def pour(self, stream):
        """As much of a body without an end as the client takes."""
        while True:
            size = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if size <= 0:
                return
            self.h2.send_data(stream, b"x" * size)
            told[self.streams[stream].nonce]["sent"] += size
            self.send(b"")


def steps(*all_of_them):
    def script(on, stream):
        for step in all_of_them:
            step(on, stream)
    return script


def sends(make):
    return lambda on, stream: on.send(make(stream))


def resets(code):
    return lambda on, stream: on.rst(stream, code)


def goes_away(below=0):
    return lambda on, stream: on.goaway(max(stream - below, 0))


def closes(on, stream):
    on.close()


def pours(on, stream):
    on.h2.send_headers(stream, [OK])
    on.endless.add(stream)
    on.pour(stream)


def drips(on, stream):
    """A byte at a time, without end."""
    on.send(head(stream, OK))

    def run():
        try:
            while stream in on.streams:
                on.send(frame(DATA, 0, stream, b"x"))
                time.sleep(0.02)  # what is tested is a server that is this slow
        except OSError:
            pass
    threading.Thread(target=run, daemon=True).start()


def takes_nothing(on, stream):
    return False


def keeps(on, stream):
    return True


def takes_slowly(on, stream):
    time.sleep(0.005)  # what is tested is a server that is this slow


SOME = sends(lambda stream: head(stream, OK) + frame(DATA, 0, stream, b"some"))

SCRIPTS = {
    "told": {},
    # While a body comes up.
    "never_opens_the_window": {"data": takes_nothing},
    "opens_the_window_slowly": {"data": takes_slowly},
    "resets_the_upload": {"data": resets(8)},
    "resets_the_upload_without_an_error": {"data": resets(0)},
    "refuses_the_upload": {"head": resets(7)},
    "answers_and_resets": {"head": steps(sends(lambda stream: head(stream, (":status", "413"), flags=END_STREAM)),
                                         resets(0))},
    "answers_early_and_takes_no_more": {
        "head": sends(lambda stream: head(stream, (":status", "403")) + frame(DATA, END_STREAM, stream, b"no")),
        "data": takes_nothing},
    "refuses_at_once_and_falls_silent": {
        "head": sends(lambda stream: head(stream, (":status", "403")) + frame(DATA, 0, stream, b"n")), "end": keeps},
    "begins_to_answer_at_once": {"head": SOME, "end": sends(lambda stream: frame(DATA, END_STREAM, stream, b" more"))},
    "goes_away_during_the_upload": {"head": goes_away()},
    "goes_away_below_the_upload": {"head": goes_away(below=2)},
    "closes_during_the_upload": {"data": closes},
    # Expectations.
    "continues": {"head": sends(lambda stream: head(stream, (":status", "100")))},
    "knows_no_expectations": {},
    "lets_nobody_in": {"head": sends(lambda stream: head(stream, (":status", "401"), flags=END_STREAM))},
    # While a body goes down.
    "never_ends": {"end": lambda on, stream: pours(on, stream) or True},
    "drips": {"end": lambda on, stream: drips(on, stream) or True},
    "falls_silent": {"end": lambda on, stream: SOME(on, stream) or True},
    "sends_a_head_only": {"end": lambda on, stream: on.send(head(stream, OK)) or True},
    "resets_the_body": {"end": steps(SOME, resets(2))},
    "closes_within_the_body": {"end": steps(SOME, closes)},
    "ends_too_early": {
        "end": sends(lambda stream: head(stream, OK, ("content-length", "9")) + frame(DATA, END_STREAM, stream, b"some"))},
    "sends_data_behind_the_end": {
        "end": sends(lambda stream: head(stream, OK) + frame(DATA, END_STREAM, stream, b"some") +
                     frame(DATA, 0, stream, b"more"))},
    "ignores_the_window": {
        "end": sends(lambda stream: head(stream, OK) + frame(DATA, 0, stream, b"x" * 16_000) * 40)},
    "goes_away_within_the_body": {
        "end": steps(SOME, goes_away(), sends(lambda stream: frame(DATA, END_STREAM, stream, b" more")))},
    "sends_trailers": {
        "end": sends(lambda stream: head(stream, OK) + frame(DATA, 0, stream, b"some") +
                     head(stream, ("checksum", "77"), flags=END_STREAM))},
    "sends_empty_frames": {
        "end": sends(lambda stream: head(stream, OK) + frame(DATA, 0, stream) * 3000)},
}


if __name__ == "__main__":
    listen_with(Streaming)
