"""Servers that the system tests share."""

from collections.abc import Iterator

import pytest

from tests.system.pictures import Pictures, picture_server


@pytest.fixture(scope="session")
def pictures() -> Iterator[Pictures]:
    """A server of pictures on 127.0.0.1."""
    with picture_server() as server:
        yield server
