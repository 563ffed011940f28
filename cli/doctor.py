"""`captions doctor`: every setting in words, and whether what it names is there."""

import os
from argparse import Namespace
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from difflib import get_close_matches

from jobs.database import Database
from jobs.errors import CaptionsError
from jobs.queue import queue_lengths
from jobs.settings import PREFIX, Settings, load_settings
from jobs.store import open_store

HIDDEN = "set, not shown"
OF_CLIENTS = {"SERVER", "KEY"}


@dataclass(frozen=True)
class Finding:
    """What was found out about one part; reason: why it is not well, if it is not."""

    part: str
    reason: str | None
    said: str = "well"


def doctor(arguments: Namespace) -> int:  # noqa: ARG001
    """Exit code 0 where everything that was looked at is well, else 1."""
    settings = load_settings()
    for name, value in describe(settings):
        print(f"{name:<38} {value}")
    print()
    findings = [*strangers(os.environ), *examine(settings)]
    for finding in findings:
        print(f"{finding.part:<12} {finding.reason or finding.said}")
    return 1 if any(finding.reason for finding in findings) else 0


def describe(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each variable with its value; secrets and passwords in URLs are not shown."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if name == "secret":
            shown = HIDDEN
        elif isinstance(value, tuple):
            shown = ", ".join(map(str, value)) or "(none)"
        else:
            shown = _without_password(str(value))
        yield f"{PREFIX}{name.upper()}", shown


def strangers(environment: Collection[str]) -> Iterator[Finding]:
    """Variables that look like settings and are none, such as slips of the pen."""
    known = {name.upper() for name in Settings.model_fields} | OF_CLIENTS
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in known:
            meant = get_close_matches(name, known, n=1)
            hint = f"; {PREFIX}{meant[0]} is one" if meant else ""
            yield Finding(variable, f"is no setting{hint}")


def examine(settings: Settings) -> Iterator[Finding]:
    """Database, Redis, store and checkpoint, each by using it once.

    A Redis of our own runs only while `captions up` does; without it, it is not asked.
    """
    yield _finding("database", lambda: _check_database(settings))
    yield _finding("redis", lambda: _check_redis(settings))
    yield _finding("store", lambda: open_store(settings.store_url, settings).check())
    yield _look_at_checkpoint(settings)


def _look_at_checkpoint(settings: Settings) -> Finding:
    try:
        from captioning.errors import CaptioningError
        from cli import checkpoint
    except ModuleNotFoundError:
        # The image of the API has no network; the caption process looks when it starts.
        return Finding("checkpoint", None, "not looked at: nothing captions in this image")
    try:
        checkpoint.look_at(settings.checkpoint)
    except CaptioningError as error:
        return Finding("checkpoint", str(error))
    return Finding("checkpoint", None)


def _finding(part: str, look: Callable[[], object]) -> Finding:
    try:
        look()
    except CaptionsError as error:
        return Finding(part, str(error))
    return Finding(part, None)


def _check_database(settings: Settings) -> None:
    with closing(Database(settings.database_url)) as database:
        database.check()


def _check_redis(settings: Settings) -> None:
    own = settings.home / "redis/redis.sock"
    if settings.redis_url != f"unix://{own}" or own.exists():
        queue_lengths(settings)


def _without_password(text: str) -> str:
    scheme, colon, rest = text.partition("://")
    before, at, after = rest.partition("@")
    user = before.partition(":")[0]
    return f"{scheme}://{user}:…@{after}" if colon and at and ":" in before else text
