"""Places: bounded over all and for each host, and pauses are kept."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from worker.errors import ImageRefused
from worker.fetch.places import Places


class Visitors:
    """Counts who is inside, and lets them out when told."""

    def __init__(self, places: Places) -> None:
        self.inside: list[str] = []
        self.leave = asyncio.Event()
        self._places = places

    async def visit(self, host: str) -> None:
        async with self._places.at(host):
            self.inside.append(host)
            await self.leave.wait()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_slow_host_leaves_places_for_others() -> None:
    async def story() -> None:
        visitors = Visitors(Places(connections=4, connections_per_host=2))
        tasks = [asyncio.ensure_future(visitors.visit("slow")) for _ in range(10)]
        await settled()
        tasks += [asyncio.ensure_future(visitors.visit("other")) for _ in range(10)]
        await settled()
        assert sorted(visitors.inside) == ["other", "other", "slow", "slow"]
        visitors.leave.set()
        await asyncio.gather(*tasks)
        assert len(visitors.inside) == 20

    run(story)


def test_no_more_places_than_connections() -> None:
    async def story() -> None:
        visitors = Visitors(Places(connections=3, connections_per_host=2))
        tasks = [asyncio.ensure_future(visitors.visit(f"host {n}")) for n in range(9)]
        await settled()
        assert len(visitors.inside) == 3
        visitors.leave.set()
        await asyncio.gather(*tasks)

    run(story)


def test_a_host_that_wants_a_long_pause_is_not_asked() -> None:
    async def story() -> None:
        places = Places(4, 2)
        async with places.at("busy"):
            places.pause("busy", 60)
        with pytest.raises(ImageRefused) as refused:
            async with places.at("busy"):
                pass
        assert refused.value.code == "http_429"
        assert refused.value.delay == pytest.approx(60, abs=1)
        async with places.at("other"):
            pass

    run(story)


def test_a_short_pause_is_sat_out() -> None:
    async def story() -> None:
        places, loop = Places(4, 2), asyncio.get_running_loop()
        async with places.at("busy"):
            places.pause("busy", 0.05)
        until = loop.time() + 0.04
        async with places.at("busy"):
            assert loop.time() >= until

    run(story)


def test_hosts_are_forgotten() -> None:
    async def story() -> None:
        places = Places(4, 2)
        for number in range(100):
            async with places.at(f"host {number}"):
                pass
        assert places._hosts == {}

    run(story)
