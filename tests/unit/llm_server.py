"""A chat server on loopback that answers well, or wrong in every usual way: the caption's first word says which."""

import json
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-SECRET-0123456789"
STARTS = ("Outside", "Indoors", "Far away", "Close by", "Once more")
REFUSAL = "I'm sorry, but I can't help with that."


def good(caption, n=5):
    """What a well-behaved model says: 17 words a line at most, for captions of up to 12."""
    texts = [f"{STARTS[k % 5]}, {caption.rstrip('.')} {'again ' * (k // 5)}now." for k in range(n)]
    return "\n".join(f"{k}. {text}" for k, text in enumerate(texts, 1))


class Handler(BaseHTTPRequestHandler):
    """`server.asked` counts requests by conversation, `server.answered` those that were answered in full."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.caption = re.search("‘(.*)’", body["messages"][0]["content"]).group(1)
        self.talk, self.n_messages = json.dumps(body["messages"]), len(body["messages"])
        with self.server.turn:
            self.server.bodies.append(body)
            self.server.times.append(time.monotonic())
            self.server.asked[self.talk] += 1
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
            dead = len(self.server.bodies) > self.server.dies_after
        try:
            time.sleep(self.server.takes_s)
            self.server.waits_for.wait(20)
            way = self.caption.split()[0].lower()
            self._hang_up() if dead else getattr(self, f"_{way}", self._well)(self.server.asked[self.talk])
        finally:
            with self.server.turn:
                self.server.now -= 1

    def _send(self, content, status=200, sent=None, kind="application/json", **headers):
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **named}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:sent])
        self.close_connection = sent is not None

    def _say(self, text, finish="stop", sent=None):
        message = {"role": "assistant", "content": text}
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "toy",
                 "choices": [{"index": 0, "message": message, "finish_reason": finish}]}  # fmt: skip
        if sent is None:
            with self.server.turn:
                self.server.answered[self.talk] += 1
        self._send(json.dumps(reply).encode(), sent=sent)

    def _fail(self, status, message="no", code=None, **headers):
        self._send(json.dumps({"error": {"message": message, "code": code}}).encode(), status, **headers)

    def _hang_up(self):
        self.close_connection = True

    def _well(self, times):
        self._say(good(self.caption))

    def _slow(self, times):
        time.sleep(0.3)
        self._well(times)

    def _hangs(self, times):
        self.server.over.wait(1.0)
        self._well(times)

    def _wrong(self, times):  # once
        self._say("A dog barks. Then a cat meows.") if self.n_messages == 1 else self._well(times)

    def _stubborn(self, times):
        self._say(REFUSAL)

    def _short(self, times):  # four, then three, then five
        self._say(good(self.caption, {1: 4, 3: 3, 5: 5}[self.n_messages]))

    def _cut(self, times):
        self._say(good(self.caption)[:-3], "length") if self.n_messages == 1 else self._well(times)

    def _censored(self, times):
        self._say(None, "content_filter")

    def _busy(self, times):
        self._fail(429, retry_after_ms="30") if times == 1 else self._well(times)

    def _later(self, times):
        self._fail(429, retry_after="1.3") if times == 1 else self._well(times)

    def _down(self, times):
        self._fail(503) if times <= 2 else self._well(times)

    def _alwaysdown(self, times):
        self._fail(503, retry_after_ms="5")

    def _half(self, times):
        self._say(good(self.caption), sent=90 if times == 1 else None)

    def _alwayshalf(self, times):
        self._say(good(self.caption), sent=90)

    def _drops(self, times):
        self._hang_up() if times == 1 else self._well(times)

    def _page(self, times):  # once: the login page of a network
        self._send(b"<html>log in</html>", kind="text/html") if times == 1 else self._well(times)

    def _broken(self, times):
        self._send(b'{"choices": [{"mess')

    def _nothing(self, times):
        self._send(b'{"choices": []}')

    def _unwanted(self, times):
        self._fail(400, "too many tokens")

    def _locked(self, times):
        self._fail(401, f"Incorrect key: {self.headers['Authorization']}")

    def _forbidden(self, times):
        self._fail(403, "no")

    def _elsewhere(self, times):
        self._fail(404, "model not found")

    def _poor(self, times):
        self._fail(429, "You exceeded your quota", "insufficient_quota", retry_after_ms="5")

    def _tells(self, times):  # the key, in an error
        self._fail(400, f"got {dict(self.headers)}")

    def _sings(self, times):  # the key, in an answer
        self._say(good(self.headers["Authorization"]))

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.turn, self.over = threading.Lock(), threading.Event()
        self.bodies, self.times, self.asked, self.answered = [], [], Counter(), Counter()
        self.now = self.most = 0
        self.takes_s, self.dies_after, self.waits_for = 0.0, float("inf"), threading.Barrier(1)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def handle_error(self, *_):
        """A client that hung up is nothing to print."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.shutdown()
        self.server_close()
        self.thread.join()


def environment(server):
    """What a reader sets to use this server."""
    return {"HEARSAY_LLM": "openai", "HEARSAY_LLM_MODEL": "toy", "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY,
            "NO_PROXY": "127.0.0.1"}  # fmt: skip


@contextmanager
def chosen(monkeypatch):
    """A server of ours, and the environment of a reader who uses it."""
    with Server() as server:
        for name, value in environment(server).items():
            monkeypatch.setenv(name, value)
        yield server
