"""A captioner without a network, for whatever needs captions but not good ones.

A script says how it behaves: `scripted:delay_ms=20,size=64,crash_on=black`. Its sentences
come from the mean colour of the picture, so that the right picture gets the right one.
"""

import hashlib
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from captioning.captioner import Alternative, Caption, CaptionOptions, Picture
from captioning.errors import CheckpointError

COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "purple": (255, 0, 255),
    "turquoise": (0, 255, 255),
}
CRASH_EXIT_CODE = 70


@dataclass(frozen=True)
class ScriptedCaptioner:
    """Names the colour of a picture.

    delay_ms: time that each picture takes. crash_on: colour that ends the process at once,
    as a fault in a network's runtime would. size: side of the pictures it takes, in pixels.
    """

    script: str = "scripted:"
    delay_ms: float = 0.0
    crash_on: str = ""
    size: int = 64

    @classmethod
    def from_script(cls, script: str) -> "ScriptedCaptioner":
        """Raises CheckpointError where the script has a setting that does not exist."""
        settings = dict(_setting(script, part) for part in _parts(script))
        try:
            captioner = cls(
                script=script,
                delay_ms=float(settings.pop("delay_ms", "0")),
                crash_on=settings.pop("crash_on", ""),
                size=int(settings.pop("size", "64")),
            )
        except ValueError as error:
            raise CheckpointError(Path(script), f"not a number: {error}") from error
        if settings:
            raise CheckpointError(Path(script), f"no such setting: {', '.join(settings)}")
        if captioner.crash_on and captioner.crash_on not in COLOURS:
            raise CheckpointError(Path(script), f"no such colour: {captioner.crash_on}")
        return captioner

    @property
    def name(self) -> str:
        return "scripted"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.script.encode()).hexdigest()

    def prepare(self, picture: bytes) -> Picture:
        with Image.open(io.BytesIO(picture)) as image:
            return np.asarray(image.convert("RGB").resize((self.size, self.size)))

    def caption(self, pictures: Sequence[Picture], options: CaptionOptions) -> list[Caption]:
        return [self._caption(picture, options) for picture in pictures]

    def warm_up(self, options: Sequence[CaptionOptions] = (CaptionOptions(),)) -> None:
        """Nothing to compile."""

    def _caption(self, picture: Picture, options: CaptionOptions) -> Caption:
        time.sleep(self.delay_ms / 1000)
        first, *others = _colours_by_distance(picture)
        if first == self.crash_on:
            os._exit(CRASH_EXIT_CODE)
        alternatives = tuple(
            Alternative(f"a mostly {colour} picture", log_probability=-2.0 - position)
            for position, colour in enumerate(others[: options.beam_width - 1])
        )
        return Caption(f"a mostly {first} picture", -1.0, 0.9, alternatives)


def _colours_by_distance(picture: Picture) -> list[str]:
    mean = picture.reshape(-1, 3).mean(axis=0)
    return sorted(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


def _parts(script: str) -> list[str]:
    return [part for part in script.removeprefix("scripted:").split(",") if part]


def _setting(script: str, part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        raise CheckpointError(Path(script), f"expected name=value, not {part!r}")
    return name, value
