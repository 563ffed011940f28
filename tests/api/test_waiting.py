"""Many clients wait, one query looks for all of them."""

import asyncio

import pytest

from api.waiting import Waiters, Written


class Record:
    """Jobs with their versions, and how often they were looked at."""

    def __init__(self, **versions):
        self.versions = versions
        self.looks = 0
        self.looked = asyncio.Event()
        self.error = None

    async def look(self, awaited):
        self.looks += 1
        self.looked.set()
        if self.error:
            raise self.error
        return {
            job: self.written(job)
            for job, seen in awaited.items()
            if seen != {self.versions.get(job)}
        }

    def written(self, job):
        version = self.versions.get(job)
        return version and Written(version, f"{job} {version}".encode(), ended=False)


async def waiting(waiters, number):
    while len(waiters) < number:
        await asyncio.sleep(0)


def test_all_who_wait_for_a_job_get_its_next_version_from_one_look():
    async def story():
        # Given two hundred clients that wait for the same job
        record = Record(a=1)
        waiters = Waiters(record.look, pace=0.001)
        clients = [asyncio.create_task(waiters.wait("a", 1, 30)) for _ in range(200)]
        await waiting(waiters, 200)
        # When it moves
        record.versions["a"] = 2
        answers = await asyncio.gather(*clients)
        # Then all get the same bytes, and nobody waits any more
        assert {answer.body for answer in answers} == {b"a 2"}
        assert len({id(answer) for answer in answers}) == 1
        assert len(waiters) == 0

    asyncio.run(story())


def test_they_are_told_one_after_the_other_so_that_others_have_their_turns():
    async def story():
        record = Record(a=1)
        waiters = Waiters(record.look, pace=0.1)
        clients = [asyncio.create_task(waiters.wait("a", 1, 30)) for _ in range(10)]
        await waiting(waiters, 10)
        record.versions["a"] = 2
        _, others = await asyncio.wait(clients, return_when=asyncio.FIRST_COMPLETED)
        assert others
        assert {answer.version for answer in await asyncio.gather(*clients)} == {2}

    asyncio.run(story())


def test_who_has_seen_another_version_is_answered_without_a_change():
    async def story():
        waiters = Waiters(Record(a=5).look, pace=0.001)
        current = asyncio.create_task(waiters.wait("a", 5, 30))
        late = await waiters.wait("a", 4, 30)
        assert late.version == 5
        assert not current.done()
        current.cancel()

    asyncio.run(story())


def test_time_passes_without_a_change():
    async def story():
        waiters = Waiters(Record(a=1).look, pace=0.001)
        with pytest.raises(TimeoutError):
            await waiters.wait("a", 1, 0.01)
        assert len(waiters) == 0

    asyncio.run(story())


def test_a_job_that_is_deleted_is_told_as_gone():
    async def story():
        assert await Waiters(Record().look, pace=0.001).wait("a", 1, 30) is None

    asyncio.run(story())


def test_an_error_reaches_everybody_and_the_next_to_come_is_served_again():
    async def story():
        record = Record(a=1)
        record.error = OSError("no database")
        waiters = Waiters(record.look, pace=0.001)
        results = await asyncio.gather(
            waiters.wait("a", 1, 30), waiters.wait("a", 1, 30), return_exceptions=True
        )
        assert [str(result) for result in results] == ["no database"] * 2
        record.error = None
        record.versions["a"] = 2
        assert (await waiters.wait("a", 1, 30)).version == 2

    asyncio.run(story())


def test_nobody_is_looked_for_when_nobody_waits():
    async def story():
        record = Record(a=2)
        waiters = Waiters(record.look, pace=0.001)
        await waiters.wait("a", 1, 30)
        looks = record.looks
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert record.looks <= looks + 1

    asyncio.run(story())


def test_closing_sends_everybody_home():
    async def story():
        waiters = Waiters(Record(a=1).look, pace=30)
        client = asyncio.create_task(waiters.wait("a", 1, 30))
        await waiting(waiters, 1)
        waiters.close()
        with pytest.raises(TimeoutError):
            await client
        with pytest.raises(TimeoutError):
            await waiters.wait("a", 1, 30)

    asyncio.run(story())
