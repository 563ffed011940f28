"""The captioner with a network: encoder, decoder and search of one checkpoint.

pictures → pad to a bucket → encoder → grid → beam search → words → Caption
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from captioning.beam import Found, Searcher
from captioning.buckets import BUCKETS, bucket_for
from captioning.captioner import Alternative, Caption, CaptionOptions, Picture
from captioning.checkpoint import Checkpoint
from captioning.encoder.encoder import from_config
from captioning.encoder.execution import (
    CompiledEncoder,
    Runtime,
    compile_encoder,
    searching_policy,
)
from captioning.pictures import pixels_of
from captioning.search_rules import LONGEST
from captioning.vocabulary import Vocabulary, sentence_of


class NetworkCaptioner:
    """Loads once, then captions any number of pictures from one thread."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        batch_size: int,
        runtime: Runtime | None = None,
        rounded: bool = True,
    ) -> None:
        """runtime: of the encoder, the fastest one unless named. rounded: whether that may be
        one in 8-bit integers."""
        self._checkpoint = checkpoint
        self._encoder = from_config(checkpoint.config.encoder, checkpoint.folder)
        # The encoder switches memory growth on, which must come before any other operation.
        self._encode: CompiledEncoder = compile_encoder(
            self._encoder, runtime, checkpoint.load_rounding() if rounded else None
        )
        self._decoder = checkpoint.load_decoder(searching_policy())
        self._batch_size = min(batch_size, BUCKETS[-1])
        self._searchers: dict[int, Searcher] = {}

    @classmethod
    def load(cls, checkpoint: str | Path, *, batch_size: int) -> "NetworkCaptioner":
        """Raises CheckpointError or WeightsError, each with the file and what is wrong."""
        return cls(Checkpoint.open(checkpoint), batch_size=batch_size)

    @property
    def name(self) -> str:
        return self._checkpoint.config.name

    @property
    def sha256(self) -> str:
        return self._checkpoint.sha256

    @property
    def traces(self) -> int:
        """How often anything was traced: fixed once warmed up."""
        return self._encode.traces + sum(s.traces for s in self._searchers.values())

    def prepare(self, picture: bytes) -> Picture:
        return pixels_of(picture, self._encoder.input_size)

    def caption(self, pictures: Sequence[Picture], options: CaptionOptions) -> list[Caption]:
        searcher = self._searcher(options)
        captions = []
        for batch in _batches(pictures, self._batch_size):
            found = searcher(self._encode(_padded(batch)), options.max_length)
            captions += [self._caption(found, row) for row in range(len(batch))]
        return captions

    def warm_up(self, options: Sequence[CaptionOptions] = (CaptionOptions(),)) -> None:
        size = self._encoder.input_size
        black = np.zeros((size, size, 3), np.uint8)
        for choice in options:
            for bucket in BUCKETS:
                if bucket <= bucket_for(self._batch_size):
                    self.caption([black] * min(bucket, self._batch_size), choice)

    @property
    def vocabulary(self) -> Vocabulary:
        return self._checkpoint.vocabulary

    def look_closely(self, picture: Picture) -> Found:
        """Search for one picture and keep where each word looked: a compilation of its own."""
        rules = replace(self._checkpoint.config.search, with_attention=True)
        return Searcher(self._decoder, rules)(self._encode(picture[np.newaxis]), LONGEST)

    def sentences(self, found: Found, row: int) -> list[Alternative]:
        """The sentences of one picture, best first."""
        return [
            Alternative(sentence_of(self.vocabulary.decode(words)), float(log_probability))
            for words, log_probability in zip(
                found.words[row], found.log_probabilities[row], strict=True
            )
        ]

    def _searcher(self, options: CaptionOptions) -> Searcher:
        width = options.beam_width
        if width not in self._searchers:
            rules = replace(self._checkpoint.config.search, beam_width=width)
            self._searchers[width] = Searcher(self._decoder, rules)
        return self._searchers[width]

    def _caption(self, found: Found, row: int) -> Caption:
        said = max(1, int(np.count_nonzero(found.words[row, 0])))
        best, *others = self.sentences(found, row)
        confidence = self._checkpoint.config.calibration(best.log_probability / said)
        return Caption(best.text, best.log_probability, confidence, tuple(others))


def _batches(pictures: Sequence[Picture], size: int) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(pictures), size):
        yield np.stack(pictures[start : start + size])


def _padded(batch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Filled up with black pictures to the bucket."""
    missing = bucket_for(len(batch)) - len(batch)
    return np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)))
