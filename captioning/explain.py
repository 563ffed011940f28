"""Why this caption: where each word looked, and what else the search thought of.

One picture per word, brighter where the word's attention lay; below them the beam's
sentences with their probabilities. Drawn with Pillow alone.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from captioning.captioner import Alternative, Picture
from captioning.errors import CaptioningError, reason_of
from captioning.network import NetworkCaptioner
from captioning.output_places import require_writable
from captioning.pictures import PICTURE_ERRORS, fault_of

TILE, MARGIN, LINE = 180, 12, 22
COLUMNS = 5
DARKEST = 0.25
INK, PAPER = (20, 20, 20), (255, 255, 255)

Attention = NDArray[np.float32]  # (words, side, side)


@dataclass(frozen=True)
class Explanation:
    """words: of the best sentence; attention: where each looked, sums to 1 or less, the rest
    looked at nothing; sentences: of the beam, best first."""

    words: tuple[str, ...]
    attention: Attention
    sentences: tuple[Alternative, ...]


def explain(picture: Path, checkpoint: str | Path, out: Path) -> Explanation:
    """Caption one picture and draw the explanation as PNG.

    Raises CheckpointError, WeightsError, OutputError, or CaptioningError where the picture is
    none.
    """
    require_writable(out)
    content = _read(picture)
    captioner = NetworkCaptioner.load(checkpoint, batch_size=1)
    try:
        pixels = captioner.prepare(content)
    except PICTURE_ERRORS as error:
        raise CaptioningError(f"{picture}: cannot be read: {fault_of(error)}") from error
    explanation = explanation_of(captioner, pixels)
    draw(pixels, explanation).save(out, "PNG", optimize=True)
    return explanation


def _read(picture: Path) -> bytes:
    try:
        return picture.read_bytes()
    except OSError as error:
        raise CaptioningError(f"{picture}: cannot be read: {reason_of(error)}") from error


def explanation_of(captioner: NetworkCaptioner, pixels: Picture) -> Explanation:
    """pixels: (S, S, 3) as the captioner prepares them."""
    found = captioner.look_closely(pixels)
    sentences = captioner.sentences(found, row=0)
    words = captioner.vocabulary.decode(found.words[0, 0])
    attention = found.attention[0, 0, : len(words)]  # (words, G)
    side = math.isqrt(attention.shape[-1])
    return Explanation(tuple(words), attention.reshape(-1, side, side), tuple(sentences))


def draw(pixels: Picture, explanation: Explanation) -> Image.Image:
    """pixels: (S, S, 3)."""
    picture = Image.fromarray(pixels).resize((TILE, TILE))
    tiles = [picture, *(_shine(picture, where) for where in explanation.attention)]
    titles = ["", *explanation.words]
    rows = math.ceil(len(tiles) / COLUMNS)
    height = rows * (TILE + LINE + MARGIN) + MARGIN
    page = Image.new(
        "RGB",
        (
            COLUMNS * (TILE + MARGIN) + MARGIN,
            height + LINE * len(explanation.sentences) + MARGIN,
        ),
        PAPER,
    )
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for place, (tile, title) in enumerate(zip(tiles, titles, strict=True)):
        left = MARGIN + place % COLUMNS * (TILE + MARGIN)
        top = MARGIN + place // COLUMNS * (TILE + LINE + MARGIN)
        page.paste(tile, (left, top))
        pen.text((left, top + TILE + 2), title, INK, font)
    for place, sentence in enumerate(explanation.sentences):
        chance = math.exp(sentence.log_probability)
        pen.text((MARGIN, height + place * LINE), f"{chance:8.2%}  {sentence.text}", INK, font)
    return page


def _shine(picture: Image.Image, where: NDArray[np.float32]) -> Image.Image:
    """The picture, dark but for where the attention lies. where: (side, side)."""
    light = Image.fromarray((255 * where / max(float(np.max(where)), 1e-9)).astype(np.uint8))
    soft = np.asarray(light.resize(picture.size, Image.Resampling.BICUBIC), np.float32) / 255
    shade = DARKEST + (1 - DARKEST) * soft[..., np.newaxis]
    return Image.fromarray((np.asarray(picture, np.float32) * shade).astype(np.uint8))
