"""What anybody may ask for costs no more when everybody asks."""

import asyncio
from collections import Counter

import pytest

from api.shared import FRESH_SECONDS, Shared
from tests.api.conftest import serving


class Finder:
    """Finds the next number each time; an error where the number is listed."""

    def __init__(self, *failing):
        self.found = 0
        self.failing = failing
        self.now = 100.0

    async def find(self):
        self.found += 1
        await asyncio.sleep(0)
        if self.found in self.failing:
            raise RuntimeError("not now")
        return self.found


def test_all_who_ask_at_once_share_one_look():
    finder = Finder()

    async def ask():
        shared = Shared(finder.find, lambda: finder.now)
        at_once = await asyncio.gather(*(shared.get() for _ in range(50)))
        finder.now += FRESH_SECONDS
        return at_once, await shared.get()

    assert asyncio.run(ask()) == ([1] * 50, 2)


def test_after_an_error_the_next_one_looks_again():
    finder = Finder(1)

    async def ask():
        shared = Shared(finder.find, lambda: finder.now)
        with pytest.raises(RuntimeError):
            await shared.get()
        return await shared.get()

    assert asyncio.run(ask()) == 2


def test_readiness_asked_many_times_asks_the_store_once(settings, monkeypatch):
    asked = Counter()
    monkeypatch.setattr("api.shared.FRESH_SECONDS", 3600)
    monkeypatch.setattr(
        "jobs.store.folder.FolderStore.check", lambda store: asked.update(["store"])
    )
    with serving(settings) as api:
        for _ in range(20):
            assert api.get("/readyz").status_code == 200
            assert api.get("/metrics").status_code == 200
    assert asked == {"store": 1}
