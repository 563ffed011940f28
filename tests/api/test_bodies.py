"""Bodies that stop, trickle or never end."""

import asyncio

import pytest

from api import bodies
from api.bodies import Pace
from api.errors import TooSlow

BRISK = Pace(idle_seconds=0.05, grace_seconds=0.1, bytes_per_second=1000, longest_seconds=0.4)


class Client:
    """Sends pieces of so many bytes, with a pause before each; never says that it is done."""

    def __init__(self, size, pause):
        self.headers = {}
        self._size, self._pause = size, pause

    async def receive(self):
        await asyncio.sleep(self._pause)
        return {"type": "http.request", "body": b"x" * self._size, "more_body": True}


async def read(client):
    return [chunk async for chunk in bodies.chunks(client, 10**9, BRISK)]


@pytest.mark.parametrize(
    "client",
    [Client(1000, 60), Client(1, 0.02), Client(10_000, 0.02)],
    ids=["stops", "trickles", "never ends"],
)
def test_a_body_that_keeps_us_waiting_is_given_up(client):
    with pytest.raises(TooSlow, match="Nothing was kept"):
        asyncio.run(asyncio.wait_for(read(client), 30))


def test_a_deadline_is_the_nearest_of_three():
    async def deadlines(pace, received):
        begun = asyncio.get_running_loop().time()
        return pace.next_deadline(begun, received) - begun

    pace = Pace(idle_seconds=30, grace_seconds=30, bytes_per_second=512, longest_seconds=3600)
    for received, seconds in ((0, 30), (10**9, 30)):
        assert asyncio.run(deadlines(pace, received)) == pytest.approx(seconds, abs=0.1)
    assert asyncio.run(deadlines(Pace(longest_seconds=5), 0)) == pytest.approx(5, abs=0.1)
