"""What keeps a stack from starting is said, at once and in words."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.stack import Stack, StackError, home, stack
from cli.stack.child import Child
from cli.stack.errors import NotReady, PortUnusable
from cli.stack.home import Home
from cli.stack.ready import redis_answers
from cli.stack.redis import redis_command
from jobs.settings import Settings, load_settings


@pytest.fixture
def settings() -> Iterator[Settings]:
    # The path of a Unix socket must be short.
    with TemporaryDirectory(prefix="captions-", dir="/tmp") as folder:
        yield load_settings(home=Path(folder), api_port=0, checkpoint="scripted:")


def test_an_address_that_is_not_this_machines_is_not_said_to_be_in_use(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"api_host": "192.0.2.1"})

    with pytest.raises(PortUnusable, match=r"192\.0\.2\.1:0.*CAPTIONS_API_HOST"):
        Stack(elsewhere).start()


def test_a_redis_that_listens_there_already_is_not_taken_for_ours(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the Redis server of a stack that was killed and has not ended yet
    monkeypatch.setattr(stack, "REDIS_SECONDS", 0.3)
    folder = settings.home / "redis"
    folder.mkdir(parents=True)
    socket = folder / "redis.sock"
    with subprocess.Popen(redis_command(socket), stdout=subprocess.DEVNULL) as earlier:
        while not redis_answers(socket):
            assert earlier.poll() is None

        # When it does not end, then a new stack does not start beside it
        with pytest.raises(StackError, match="Another Redis server listens"):
            Stack(settings).start()
        earlier.terminate()


def test_what_is_missing_is_said_while_it_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a stack that lacks something at its first two looks
    monkeypatch.setattr(stack, "SAY_SECONDS", 0.0)
    answers = iter(["store does not answer", "caption not seen", ""])
    monkeypatch.setattr(stack, "missing", lambda _: next(answers))
    said: list[str] = []

    Stack(settings).wait_ready(60, said.append)

    assert said == ["store does not answer", "caption not seen"]


def test_a_process_that_ends_again_and_again_is_heard(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given a process that says why, and ends
    monkeypatch.setattr(stack, "missing", lambda _: "fetch not seen")
    restarted = threading.Event()
    child = Child(
        "fetch",
        ["/bin/sh", "-c", "echo the store is locked; exit 1"],
        os.environ,
        tmp_path / "fetch.log",
        lambda _: None,
    )
    child.start()
    while child.starts < 2:
        restarted.wait(0.05)
    child.end()
    child.join(30)
    failing = Stack(settings)
    failing._children.append(child)

    with pytest.raises(NotReady, match="fetch not seen; fetch: the store is locked"):
        failing.wait_ready(0)


def test_a_socket_lies_at_home_where_its_path_is_short_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a home, and one whose path no socket's address could hold
    monkeypatch.setattr(home, "LONGEST_SOCKET_PATH", len(str(tmp_path)) + 20)
    short, long = Home(tmp_path), Home(tmp_path / "a home of a long name")

    # Then both have a private folder for it
    folders = [short.socket_folder(), long.socket_folder()]
    assert folders[0] == tmp_path / "redis"
    assert not folders[1].is_relative_to(tmp_path)
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]

    # And the one elsewhere goes with its home
    short.close()
    long.close()
    assert [folder.exists() for folder in folders] == [True, False]
