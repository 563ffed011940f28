"""A real server on a free port, over a real SQLite database of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from api.__main__ import Server, bind
from api.app import create_app
from jobs.database import Database
from jobs.settings import load_settings


@contextmanager
def serving(settings) -> Iterator[httpx.Client]:
    """The API as it really runs, but in a thread of the test."""
    app = create_app(settings)
    server = Server(app)
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def settings(tmp_path, sqlite_url):
    return load_settings(home=tmp_path, database_url=sqlite_url)


@pytest.fixture
def db(settings):
    db = Database(settings.database_url)
    yield db
    db.close()


@pytest.fixture
def api(settings):
    with serving(settings) as client:
        yield client


@pytest.fixture
def job_id(api):
    """A job of three images that nobody works on."""
    images = [{"url": f"http://example.org/{name}.jpg", "key": name} for name in "abc"]
    return api.post("/v1/jobs", json={"images": images}).json()["id"]
