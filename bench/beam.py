"""What the search for sentences costs: an `attend` decoder, beam 3.

`beam`: what searching for 32 pictures together brings over one at a time. `decode_share`: which
share of a full bucket's time goes into the search, the shipped ResNet50 in its fastest runtime
before it. Sentences of untrained weights do not end before their last allowed word, which is the
longest that a search can take; that share, after an untrained ResNet50, stands in the detail.
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from bench.measure import Measurement, in_turn, rate
from bench.networks import WORDS, some_pictures, untrained_resnet50
from bench.rig import photograph
from captioning.beam import Searcher
from captioning.buckets import BUCKETS
from captioning.captioner import CaptionOptions
from captioning.checkpoint import Checkpoint
from captioning.decoder import make_decoder
from captioning.decoder.config import DecoderConfig
from captioning.encoder.encoder import from_config
from captioning.encoder.execution import compile_encoder, searching_policy
from captioning.encoder.resnet50 import CHANNELS
from captioning.pictures import pixels_of
from captioning.search_rules import SearchRules

CHECKPOINT = "resnet50-lstm"
CELLS = 7 * 7  # ResNet50's grid of a picture of 224 pixels
ROUNDS = 11
BEAM_GOAL = 4.0
SHARE_GOAL = 0.12
DEFAULTS = CaptionOptions()


def beam() -> Iterator[Measurement]:
    """`beam`: images/s at the largest bucket ÷ at bucket 1."""
    search, grid = _searcher(), _grid()
    largest = BUCKETS[-1]
    sides = {
        "together": lambda: search(grid, DEFAULTS.max_length),
        "alone": lambda: [search(grid[row : row + 1], DEFAULTS.max_length) for row in range(8)],
    }
    seconds = in_turn(sides, ROUNDS)
    together, alone = rate(largest, seconds["together"]), rate(8, seconds["alone"])
    pairs = zip(seconds["alone"], seconds["together"], strict=True)
    figure = float(np.median([(one / 8) / (all_ / largest) for one, all_ in pairs]))
    detail = {
        "images_per_second": {f"bucket_{largest}": together, "bucket_1": alone},
        **_sizes(search, grid),
    }
    yield Measurement("beam", round(figure, 3), BEAM_GOAL, "×", detail=detail)


def decode_share() -> Iterator[Measurement]:
    """`decode_share`: search ÷ (encoder + search)."""
    sides = {**_trained_sides(), **_untrained_sides()}
    seconds = in_turn(sides, ROUNDS)
    shares = {
        kind: _share(seconds[f"{kind}.search"], seconds[f"{kind}.encode"])
        for kind in ("trained", "untrained")
    }
    detail = {
        "checkpoint": CHECKPOINT,
        "untrained_share": shares["untrained"],
        "ms_per_bucket": {name: round(median(s) * 1e3, 1) for name, s in seconds.items()},
        "rounds": ROUNDS,
    }
    yield Measurement("decode_share", shares["trained"], SHARE_GOAL, "", False, detail)


def _trained_sides() -> dict[str, Callable[[], object]]:
    """The shipped ResNet50 with its decoder, whose sentences end when they are complete."""
    checkpoint = Checkpoint.open(CHECKPOINT)
    encoder = from_config(checkpoint.config.encoder, checkpoint.folder)
    encode = compile_encoder(encoder, rounding=checkpoint.load_rounding())
    search = Searcher(checkpoint.load_decoder(searching_policy()), checkpoint.config.search)
    jpegs = map(photograph, range(BUCKETS[-1]))
    pictures = np.stack([pixels_of(jpeg, encoder.input_size) for jpeg in jpegs])
    grid = encode(pictures)
    return {
        "trained.encode": lambda: encode(pictures),
        "trained.search": lambda: search(grid, DEFAULTS.max_length),
    }


def _untrained_sides() -> dict[str, Callable[[], object]]:
    encoder = untrained_resnet50()
    encode = compile_encoder(encoder)
    pictures = some_pictures(BUCKETS[-1], encoder.input_size)
    search, grid = _searcher(), _grid()
    return {
        "untrained.encode": lambda: encode(pictures),
        "untrained.search": lambda: search(grid, DEFAULTS.max_length),
    }


def _share(search: Sequence[float], encode: Sequence[float]) -> float:
    pairs = zip(search, encode, strict=True)
    return round(median(searched / (searched + encoded) for searched, encoded in pairs), 3)


def _searcher() -> Searcher:
    decoder = make_decoder(DecoderConfig("attend", WORDS, CHANNELS), CELLS, searching_policy())
    decoder.settle()
    return Searcher(decoder, SearchRules(beam_width=DEFAULTS.beam_width))


def _grid() -> NDArray[np.float32]:
    shape = (BUCKETS[-1], CELLS, CHANNELS)
    return np.random.default_rng(1).random(shape, np.float32)


def _sizes(search: Searcher, grid: NDArray[np.float32]) -> dict[str, object]:
    words = search(grid, DEFAULTS.max_length).words[:, 0]
    return {
        "beam_width": search.rules.beam_width,
        "words_per_sentence": round(float(np.count_nonzero(words, axis=1).mean()), 1),
        "vocabulary": WORDS,
        "rounds": ROUNDS,
    }
