"""What the search for sentences costs: an `attend` decoder of default size, beam 3.

`beam`: what searching for 32 pictures together brings over one at a time. `decode_share`: which
share of a full bucket's time goes into the search, ResNet50 in its fastest runtime before it.
The weights are random, so that sentences do not end before their last allowed word: what is
measured is the longest that a search can take.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.measure import Measurement, in_turn, rate
from bench.networks import WORDS, some_pictures, untrained_resnet50
from captioning.beam import Searcher
from captioning.buckets import BUCKETS
from captioning.captioner import CaptionOptions
from captioning.decoder import make_decoder
from captioning.decoder.config import DecoderConfig
from captioning.encoder.execution import compile_encoder, fastest_runtime
from captioning.encoder.resnet50 import CHANNELS
from captioning.search_rules import SearchRules

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
    encoder = untrained_resnet50()
    encode = compile_encoder(encoder)
    pictures = some_pictures(BUCKETS[-1], encoder.input_size)
    search, grid = _searcher(), _grid()
    sides = {
        "encode": lambda: encode(pictures),
        "search": lambda: search(grid, DEFAULTS.max_length),
    }
    seconds = in_turn(sides, ROUNDS)
    pairs = zip(seconds["search"], seconds["encode"], strict=True)
    figure = float(np.median([searched / (searched + encoded) for searched, encoded in pairs]))
    detail = {
        "ms_per_bucket": {name: round(float(np.median(s)) * 1e3, 1) for name, s in seconds.items()},
        "runtime": fastest_runtime(),
        **_sizes(search, grid),
    }
    yield Measurement(
        "decode_share", round(figure, 3), SHARE_GOAL, "", higher_is_better=False, detail=detail
    )


def _searcher() -> Searcher:
    decoder = make_decoder(DecoderConfig("attend", WORDS, CHANNELS), CELLS)
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
