"""A real API, and pictures that are drawn."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from cli.client import Client
from jobs.database import Database
from jobs.settings import Settings, load_settings
from tests.api.conftest import serving


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    return load_settings(home=tmp_path, database_url=sqlite_url)


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database_url)
    yield database
    database.close()


@pytest.fixture
def server(settings: Settings) -> Iterator[str]:
    """The URL of an API at which nobody works."""
    with serving(settings) as http:
        yield str(http.base_url)


@pytest.fixture
def client(server: str) -> Iterator[Client]:
    with Client(server) as opened:
        yield opened


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a red, a green and a blue picture, and one that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in (("a", "red"), ("b", (0, 255, 0)), ("c", "blue")):
        Image.new("RGB", (80, 60), colour).save(folder / f"{name}.png")
    (folder / "d.jpg").write_bytes(b"not a picture at all")
    return folder
