"""`captions demo`: photographs over HTTP through the whole embedded stack, and a table."""

import os
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from cli.answers import Caption, Job
from cli.client import Client
from cli.errors import SourceError
from cli.progress import bar
from cli.sources import find_pictures
from cli.stack import Stack
from jobs.settings import Settings, load_settings
from jobs.store import open_store, results_key

# `make demo` installs two imaging libraries there, for the photographs that they carry.
INSTALLED = Path(__file__).parents[1] / ".cache/photos"
OURS = (
    "skimage/data/astronaut.png",
    "skimage/data/camera.png",
    "skimage/data/chelsea.png",
    "skimage/data/coffee.png",
    "skimage/data/coins.png",
    "skimage/data/grass.png",
    "skimage/data/motorcycle_left.png",
    "skimage/data/rocket.jpg",
    "sklearn/datasets/images/china.jpg",
    "sklearn/datasets/images/flower.jpg",
)
SOME_FAILED = 3
WIDE = 140
CLOSING_SECONDS = 15


def demo(arguments: Namespace) -> int:
    """Exit code: 0 all captioned, 3 some not."""
    photos = find_photos(arguments.photos)
    settings = load_settings(api_port=0, fetch_allow=(ip_network("127.0.0.1/32"),))
    began = monotonic()
    with serving(photos) as urls, Stack(settings) as stack:
        print(f"starting everything under {settings.home}", file=sys.stderr)
        stack.wait_ready()
        ready = monotonic()
        with Client(stack.url) as client:
            job = caption(client, urls)
            rows = list(client.captions(job.id))
        ended = monotonic()
        wait_for_results(job, stack.settings)
    show(rows)
    print(f"\n{job.id}: ready after {ready - began:.0f} s, captioned in {ended - ready:.1f} s more")
    print(places(job, settings))
    return 0 if job.succeeded == job.total else SOME_FAILED


def find_photos(folder: Path | None) -> Sequence[Path]:
    """Those in `folder`, or the installed ones. Raises SourceError where there are none."""
    if folder is not None:
        return [picture.path for picture in find_pictures([str(folder)]).pictures]
    photos = [INSTALLED / name for name in OURS]
    if missing := [path for path in photos if not path.is_file()]:
        raise SourceError(missing[0], "not there; `make demo` installs it, --photos takes yours")
    return photos


@contextmanager
def serving(photos: Sequence[Path]) -> Iterator[list[str]]:
    """Each photo at a URL of this machine, as a picture library on the web would be."""
    served = {
        f"/{number}/{quote(os.fsencode(path.name))}": path for number, path in enumerate(photos, 1)
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in served:
                self.send_error(404)
                return
            content = served[self.path].read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, form: str, *values: object) -> None:
            """The table says it all."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield [f"http://127.0.0.1:{server.server_port}{path}" for path in served]
        finally:
            server.shutdown()


def caption(client: Client, urls: Sequence[str]) -> Job:
    """One job over all, waited for."""
    job = client.submit(urls)
    with bar(job.total) as line:
        line.say("captioning")
        return client.wait(job.id, lambda job: line.show(round(job.done * job.total), job.failed))


def wait_for_results(job: Job, settings: Settings) -> None:
    """The dispatcher writes the files of an ended job a moment later."""
    store = open_store(settings.store_url, settings)
    until = monotonic() + CLOSING_SECONDS
    while not store.exists(results_key(job.id, "jsonl")) and monotonic() < until:
        sleep(0.1)


def show(rows: Sequence[Caption]) -> None:
    table = Table("picture", "caption", "confidence", box=None, pad_edge=False)
    for row in rows:
        name = row.url.rpartition("/")[2]
        confidence = "" if row.confidence is None else f"{row.confidence:.2f}"
        table.add_row(name, row.caption or f"{row.code}: {row.message}", confidence)
    # Elsewhere than on a terminal rich assumes 80 columns and would wrap the sentences.
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def places(job: Job, settings: Settings) -> str:
    """Where every artefact lies, a line each."""
    store = settings.store_url.removeprefix("file://")
    lines = {
        "database": settings.database_url.removeprefix("sqlite:///"),
        "results": f"{store}/results/{job.id}/captions.jsonl, captions.csv",
        "prepared": f"{store}/prepared/{job.id}/ (kept for thumbnails, for an hour)",
        "logs": f"{settings.home / 'logs'}/",
    }
    return "\n".join(f"{name:<9} {place}" for name, place in lines.items())
