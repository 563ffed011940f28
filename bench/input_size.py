"""What the size of the picture costs and brings, with the default checkpoint.

The decoder asks a grid of any number of cells, so that the encoder may run at another size than
that of its training; at that one alone the figures are what the checkpoint was made for.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.dataset import Judged, missing
from bench.measure import Measurement, in_turn, rate
from captioning.buckets import BUCKETS
from captioning.captioner import CaptionOptions
from captioning.checkpoint import Checkpoint
from captioning.network import NetworkCaptioner
from jobs.settings import Settings

SIZES = (160, 192, 224, 260, 288)
PICTURES = 300
ROUNDS = 5


def input_size(dataset: Path | None) -> Iterator[Measurement]:
    """`input_size.N`: images/s of encoder and search, CIDEr-D in the detail."""
    names = {size: f"input_size.{size}" for size in SIZES}
    if dataset is None:
        yield from missing(names.values(), None, "images/s", higher_is_better=True)
        return
    judged = Judged.of(dataset, PICTURES)
    captioners = {size: _captioner(size) for size in SIZES}
    sides = {}
    for size, captioner in captioners.items():
        pictures = judged.prepared(captioner, BUCKETS[-1])
        sides[names[size]] = lambda c=captioner, p=pictures: c.caption(p, CaptionOptions())
    seconds = in_turn(sides, ROUNDS)
    for size, name in names.items():
        metrics = judged.metrics(captioners[size])
        detail = {
            "pictures": len(judged),
            "cider_d": metrics["CIDEr-D"],
            "bleu_4": metrics["BLEU-4"],
            "trained_at": Checkpoint.open(Settings().checkpoint).config.encoder["input_size"],
        }
        figure = rate(BUCKETS[-1], seconds[name])
        yield Measurement(name, figure, None, "images/s", detail=detail)


def _captioner(size: int) -> NetworkCaptioner:
    """In the same runtime at every size: a rounding is for one size only."""
    opened = Checkpoint.open(Settings().checkpoint)
    encoder = {**opened.config.encoder, "input_size": size}
    cells = (-(-size // 32)) ** 2
    changed = replace(opened.config, encoder=encoder, cells=cells)
    return NetworkCaptioner(replace(opened, config=changed), batch_size=BUCKETS[-1], rounded=False)
