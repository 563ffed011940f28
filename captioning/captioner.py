"""What every captioner promises, and the one place where one is loaded.

Importing this module costs nothing: a network is imported when it is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from captioning.errors import CaptionOptionsError

BEAM_WIDTHS = (1, 3, 5)
MAX_LENGTHS = range(4, 33)

Picture = NDArray[np.uint8]  # (S, S, 3), RGB


@dataclass(frozen=True)
class Alternative:
    """A sentence that the search also ended with.

    log_probability: natural logarithm, summed over the words and the end mark.
    """

    text: str
    log_probability: float


@dataclass(frozen=True)
class Caption:
    """The sentence for one picture.

    log_probability: natural logarithm, summed over the words and the end mark.
    confidence: 0 to 1. Of our checkpoints calibrated on pictures that training did not see;
    of others (`huggingface:…`) the geometric mean of the words' probabilities, not calibrated.
    alternatives: the other sentences of the beam, best first; empty when greedy.
    """

    text: str
    log_probability: float
    confidence: float
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class CaptionOptions:
    """How to search for a sentence. beam_width: 1 (greedy), 3 or 5; max_length: words."""

    beam_width: int = 3
    max_length: int = 20

    def __post_init__(self) -> None:
        if self.beam_width not in BEAM_WIDTHS:
            raise CaptionOptionsError(f"beam_width is one of {BEAM_WIDTHS}, not {self.beam_width}")
        if self.max_length not in MAX_LENGTHS:
            raise CaptionOptionsError(
                f"max_length is {MAX_LENGTHS.start} to {MAX_LENGTHS.stop - 1} words, "
                f"not {self.max_length}"
            )


class Captioner(Protocol):
    """Pictures in, sentences out."""

    @property
    def name(self) -> str:
        """The checkpoint's name, such as "efficientnet-lite-lstm"."""

    @property
    def sha256(self) -> str:
        """Hash over the checkpoint's files: the same hash gives the same sentences."""

    def prepare(self, picture: bytes) -> Picture:
        """JPEG of a prepared batch → (S, S, 3). Any number of threads may call it."""

    def caption(self, pictures: Sequence[Picture], options: CaptionOptions) -> list[Caption]:
        """One caption per picture, in order, for any number of pictures. One thread only."""

    def warm_up(self, options: Sequence[CaptionOptions] = (CaptionOptions(),)) -> None:
        """Compile everything that these options need, so that no later call does."""


def load_captioner(checkpoint: str | Path, *, batch_size: int = 32) -> Captioner:
    """Load a captioner by its name in captioning/checkpoints or by path; `huggingface:…` is a
    network of theirs, by path or name, and `scripted:…` one without a network.

    batch_size: how many pictures go through the network at once, at most.
    Raises CheckpointError where something of the checkpoint is missing or does not fit.
    """
    kind, _, rest = str(checkpoint).partition(":")
    if kind == "scripted":
        from captioning.scripted import ScriptedCaptioner

        return ScriptedCaptioner.from_script(str(checkpoint))
    if kind == "huggingface":
        check_captioner(checkpoint)
        from captioning.huggingface.captioner import HuggingFaceCaptioner

        return HuggingFaceCaptioner.load(rest, batch_size=batch_size)
    from captioning.network import NetworkCaptioner

    return NetworkCaptioner.load(checkpoint, batch_size=batch_size)


def check_captioner(checkpoint: str | Path) -> None:
    """Look at its files and whether they fit, without loading a network.

    Raises CheckpointError, which names file and reason.
    """
    kind, _, rest = str(checkpoint).partition(":")
    if kind == "scripted":
        from captioning.scripted import ScriptedCaptioner

        ScriptedCaptioner.from_script(str(checkpoint))
    elif kind == "huggingface":
        from captioning.huggingface.files import check

        check(rest)
    else:
        from captioning.checkpoint import Checkpoint

        Checkpoint.open(checkpoint)
