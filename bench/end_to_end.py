"""What the service costs beside the network: JPEGs over local HTTP through the embedded stack.

"Alone" is the same captioner, with the same settings and threads, on pictures that are ready
as tensors; its turns come before, between and after those of the stack, which gets the images
as several jobs. `end_to_end.overhead`: CPU time of all the stack's
processes per image, less that of the captioner alone, in units of what Pillow needs to decode
and shrink such a picture. `end_to_end.default` and `end_to_end.resnet50`: images/s of the stack
÷ images/s alone, with the shipped default checkpoint and with an untrained ResNet50.
"""

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from bench.measure import Measurement
from bench.networks import make_resnet50_checkpoint
from bench.rig import (
    SIZE,
    bench_settings,
    cpu_seconds,
    photograph,
    picture_server,
    run_job,
    urls_of,
)
from captioning.captioner import Captioner, CaptionOptions, Picture, load_captioner
from cli.stack import Stack
from jobs.settings import Settings
from worker.decoder.picture import target_size

IMAGES, JOBS = 2_000, 4
RESNET50_IMAGES, RESNET50_JOBS = 1_200, 2
ALONE_BATCHES = 4
BARE = 64
OVERHEAD_GOAL = 3.0
RESNET50_GOAL = 0.8
DEFAULT_GOAL = 0.6


@dataclass(frozen=True)
class Cost:
    """Of one image: seconds, and seconds of CPU."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Run:
    """alone: one more than stack. parts: CPU seconds per image of each process. bare: CPU
    seconds of Pillow for one picture."""

    images: int
    stack: list[Cost]
    alone: list[Cost]
    parts: dict[str, float]
    bare: float

    @property
    def speed(self) -> float:
        """Images/s of the stack ÷ alone: the median over the jobs."""
        around = [(a.wall + b.wall) / 2 for a, b in pairwise(self.alone)]
        return round(median(a / s.wall for a, s in zip(around, self.stack, strict=True)), 3)

    @property
    def overhead(self) -> float:
        return round((sum(self.parts.values()) - self._alone_cpu) / self.bare, 3)

    @property
    def _alone_cpu(self) -> float:
        return mean(cost.cpu for cost in self.alone)

    def detail(self) -> dict[str, Any]:
        milliseconds = {**self.parts, "alone": self._alone_cpu, "bare_pillow": self.bare}
        return {
            "images": self.images,
            "images_per_second": {
                "stack": [round(1 / cost.wall, 1) for cost in self.stack],
                "alone": [round(1 / cost.wall, 1) for cost in self.alone],
            },
            "cpu_ms_per_image": {name: round(s * 1e3, 2) for name, s in milliseconds.items()},
        }


def end_to_end() -> Iterator[Measurement]:
    """`end_to_end.overhead`, `end_to_end.default` and `end_to_end.resnet50`."""
    run = _measure(IMAGES, JOBS)
    yield Measurement(
        "end_to_end.overhead", run.overhead, OVERHEAD_GOAL, "×", False, detail=run.detail()
    )
    yield Measurement("end_to_end.default", run.speed, DEFAULT_GOAL, "×", detail=run.detail())
    with TemporaryDirectory(prefix="captions-bench-") as folder:
        checkpoint = Path(folder) / "resnet50"
        make_resnet50_checkpoint(checkpoint)
        run = _measure(RESNET50_IMAGES, RESNET50_JOBS, checkpoint=str(checkpoint))
    yield Measurement("end_to_end.resnet50", run.speed, RESNET50_GOAL, "×", detail=run.detail())


def _measure(images: int, jobs: int, **chosen: Any) -> Run:
    with picture_server() as server, bench_settings(**chosen) as settings, Stack(settings) as stack:
        captioner = _captioner_alone(settings)
        stack.wait_ready()
        captioner()
        alone, bare, stacked = [captioner()], [_bare()], []
        parts: Counter[str] = Counter()
        for urls in _shared_out(urls_of(server, images), jobs):
            cost, spent = _through(stack, urls)
            stacked.append(cost)
            parts.update({name: cpu / images for name, cpu in spent.items()})
            alone.append(captioner())
            bare.append(_bare())
    return Run(images, stacked, alone, dict(parts), median(bare))


def _captioner_alone(settings: Settings) -> Callable[[], Cost]:
    """Caption the same ready pictures at each call, with what the settings name."""
    captioner = load_captioner(settings.checkpoint, batch_size=settings.device_batch)
    pictures = [_prepared(captioner, number) for number in range(settings.device_batch)]
    options = CaptionOptions()

    def alone() -> Cost:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(ALONE_BATCHES):
            captioner.caption(pictures, options)
        count = ALONE_BATCHES * len(pictures)
        return Cost((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count)

    return alone


def _prepared(captioner: Captioner, number: int) -> Picture:
    return captioner.prepare(photograph(number))


def _shared_out(urls: list[str], jobs: int) -> Iterator[list[str]]:
    for job in range(jobs):
        yield urls[job::jobs]


def _through(stack: Stack, urls: list[str]) -> tuple[Cost, dict[str, float]]:
    """A job to its end; beside its cost the CPU seconds of each process."""
    before = {name: cpu_seconds([pid]) for name, pid in stack.processes.items()}
    job, seconds = run_job(stack, urls)
    after = {name: cpu_seconds([pid]) for name, pid in stack.processes.items()}
    if job.succeeded != len(urls):
        raise RuntimeError(f"{job.failed} of {len(urls)} images failed: nothing was measured")
    spent = {name: after[name] - before[name] for name in after}
    return Cost(seconds / len(urls), sum(spent.values()) / len(urls)), spent


def _bare() -> float:
    """CPU seconds that Pillow needs for one picture: decode, and shrink as it does by default."""
    jpegs = [photograph(number) for number in range(8)]
    start = time.process_time()
    for number in range(BARE):
        Image.open(io.BytesIO(jpegs[number % 8])).resize(target_size(*SIZE))
    return (time.process_time() - start) / BARE
