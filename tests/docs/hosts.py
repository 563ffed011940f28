"""The hosts that the guide's examples name: one of pictures, and one that has a webhook."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

from tests.system.pictures import jpeg

PICTURES = {"harbour.jpg": "blue-1", "market.jpg": "red-1", "moved.jpg": "white-1"}
PHOTO = jpeg("green-1")
LOGIN = "Bearer of-the-picture-host"

Told = tuple[dict[str, str], str]


class Handler(BaseHTTPRequestHandler):
    server: "Hosts"

    def do_GET(self) -> None:
        path, _, _ = self.path.partition("?")
        name = path.rpartition("/")[2]
        if name == "slow.jpg":
            self.server.closing.wait()
        private = "/private/" in path and self.headers["Authorization"] != LOGIN
        if private or name not in PICTURES or self.server.first_time(name):
            self._answer(403 if private else 404)
        else:
            self._answer(200, jpeg(PICTURES[name]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.put((dict(self.headers), body))
        self._answer(204)

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Hosts(ThreadingHTTPServer):
    """told: headers and body of each delivery to the webhook."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.told: Queue[Told] = Queue()
        self.closing = threading.Event()
        self._asked: set[str] = set()

    def first_time(self, name: str) -> bool:
        """Whether `moved.jpg` is asked for, and was not before: it has moved back by then."""
        first = name == "moved.jpg" and name not in self._asked
        self._asked.add(name)
        return first

    def handle_error(self, request: object, client_address: object) -> None:
        """A canceled fetch hangs up."""


@contextmanager
def hosts() -> Iterator[Hosts]:
    server = Hosts()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
