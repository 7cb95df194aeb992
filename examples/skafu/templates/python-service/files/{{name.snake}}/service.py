"""Notes in memory, and HTTP around them."""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 64 * 1024


class Notes:
    """All notes.  Any thread may use it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._notes = []

    def add(self, text):
        if not isinstance(text, str) or not text.strip():
            raise ValueError("a note needs a text")
        with self._lock:
            note = {"id": len(self._notes) + 1, "text": text}
            self._notes.append(note)
            return note

    def get(self, number):
        with self._lock:
            return self._notes[number - 1] if 0 < number <= len(self._notes) else None

    def all(self):
        with self._lock:
            return list(self._notes)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_GET(self):
        if self.path == "/healthz":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        elif self.path == "/notes":
            self._answer(HTTPStatus.OK, self.server.notes.all())
        elif self.path.startswith("/notes/") and self.path[7:].isdecimal():
            note = self.server.notes.get(int(self.path[7:]))
            if note is None:
                self._fail(HTTPStatus.NOT_FOUND, "there is no such note")
            else:
                self._answer(HTTPStatus.OK, note)
        else:
            self._fail(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.close_connection = True
            self._fail(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body has no length or is too long")
            return
        body = self.rfile.read(int(length))
        if self.path != "/notes":
            self._fail(HTTPStatus.NOT_FOUND, "there is no such page")
            return
        try:
            note = self.server.notes.add(json.loads(body)["text"])
        except (ValueError, KeyError, TypeError):
            self._fail(HTTPStatus.BAD_REQUEST, 'send {"text": "..."}')
            return
        self._answer(HTTPStatus.CREATED, note)

    def _fail(self, status, sentence):
        self._answer(status, {"error": sentence})

    def _answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        if not self.server.quiet:
            super().log_message(format, *args)


def make_server(host, port, quiet=False):
    """A server that is ready to serve; port 0 takes a free one."""
    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    server.notes = Notes()
    server.quiet = quiet
    return server
