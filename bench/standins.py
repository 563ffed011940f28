"""`python -m bench.standins fetch|caption`: workers that do nothing, through the real machinery.

The fetch stage stores the same prepared batch for any URL; the captioner says the same of any
picture, after the time that a script such as `scripted:delay_ms=10` gives it. Hints, leases,
store, batcher and every statement are those of the real workers.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from captioning.captioner import Caption, CaptionOptions, Picture
from captioning.scripted import ScriptedCaptioner
from jobs import lifecycle, prepared
from jobs.logs import configure
from jobs.settings import load_settings
from jobs.states import Stage
from jobs.store import prepared_key
from jobs.values import Held, Ready
from worker.caption.stage import CaptionStage
from worker.process import Post, manned, serve
from worker.stopping import Stop
from worker.tasks import add_caption_task, add_fetch_task

PICTURE = bytes(1_000)


class NoFetch:
    """Every picture is there already."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def run(self, held: Held, still: Callable[[], bool]) -> None:  # noqa: ARG002
        key = prepared_key(held.job_id, held.number, held.attempt)
        positions = [image.position for image in held.images]
        self._post.store.put(key, prepared.pack([(position, PICTURE) for position in positions]))
        settings = self._post.settings
        lifecycle.prepared(
            self._post.db,
            held,
            key,
            [Ready(at, _sha256(held, at), 500, 375, len(PICTURE)) for at in positions],
            [],
            [],
            reuse_seconds=settings.reuse_seconds,
            max_failures=settings.max_failures,
            retry_seconds=settings.retry_seconds,
        )


class NoNetwork:
    """A captioner of fixed speed."""

    name = "stand-in"
    sha256 = hashlib.sha256(b"stand-in").hexdigest()
    _picture = np.zeros((1, 1, 3), np.uint8)
    _caption = Caption("a picture", -1.0, 0.5)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def prepare(self, picture: bytes) -> Picture:  # noqa: ARG002
        return self._picture

    def caption(self, pictures: Sequence[Picture], options: CaptionOptions) -> list[Caption]:  # noqa: ARG002
        if self._seconds:
            time.sleep(len(pictures) * self._seconds)
        return [self._caption] * len(pictures)

    def warm_up(self, options: Sequence[CaptionOptions] = ()) -> None:
        """Nothing to compile."""


def fetch(post: Post) -> int:
    add_fetch_task(post, NoFetch(post))
    return serve(post, pool="threads", concurrency=post.settings.fetch_window)


def caption(post: Post) -> int:
    script = ScriptedCaptioner.from_script(post.settings.checkpoint)
    with CaptionStage(post, NoNetwork(script.delay_ms / 1000)) as stage:
        add_caption_task(post, stage)
        return serve(post, pool="solo", concurrency=1)


def main(kind: str) -> int:
    settings = load_settings()
    configure(settings.log_level)
    detail = {"checkpoint": NoNetwork.name, "checkpoint_sha256": NoNetwork.sha256}
    with manned(settings, f"{kind}-{os.getpid()}", Stage(kind), Stop(), detail) as post:
        return {"fetch": fetch, "caption": caption}[kind](post)


def _sha256(held: Held, position: int) -> str:
    return hashlib.sha256(f"{held.job_id}/{position}".encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
