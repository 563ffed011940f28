"""A data set that the tests draw: two shapes in a picture, and the one sentence that is true.

    "a red circle above a blue square"

Every sentence is exact, and a picture that training did not see shows two shapes together
that it has never seen together, so only a captioner that looks can say it.
"""

import itertools
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 128
COLOURS = {
    "red": (230, 20, 20),
    "green": (20, 160, 40),
    "blue": (30, 50, 230),
    "yellow": (250, 220, 20),
}
SHAPES = ("circle", "square", "triangle")
PLACES = {"above": ((0.5, 0.27), (0.5, 0.73)), "left of": ((0.27, 0.5), (0.73, 0.5))}
OBJECTS = tuple(itertools.product(COLOURS, SHAPES))


@dataclass(frozen=True)
class Scene:
    """first stands `place` second, as in "above"; both are colour and shape."""

    first: tuple[str, str]
    place: str
    second: tuple[str, str]

    @property
    def caption(self) -> str:
        return f"a {' '.join(self.first)} {self.place} a {' '.join(self.second)}"

    def draw(self, random: np.random.Generator) -> Image.Image:
        """Sizes, places and the ground vary a little, so that no two pictures are equal."""
        grey = int(random.integers(225, 256))
        picture = Image.new("RGB", (SIDE, SIDE), (grey, grey, grey))
        brush = ImageDraw.Draw(picture)
        for (colour, shape), place in zip(
            (self.first, self.second), PLACES[self.place], strict=True
        ):
            x, y = np.array(place) * SIDE + random.uniform(-4, 4, size=2)
            _draw(brush, shape, COLOURS[colour], x, y, random.uniform(19, 26))
        return picture


def _draw(
    brush: ImageDraw.ImageDraw, shape: str, colour: tuple[int, ...], x: float, y: float, r: float
) -> None:
    if shape == "circle":
        brush.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif shape == "square":
        brush.rectangle((x - r, y - r, x + r, y + r), fill=colour)
    else:
        brush.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=colour)


def scenes() -> Iterator[Scene]:
    for first, place, second in itertools.product(OBJECTS, PLACES, OBJECTS):
        if first != second:
            yield Scene(first, place, second)


def draw_dataset(folder: Path, *, copies: int, dev_share: float = 0.2) -> None:
    """train.tar, train.tsv, dev.tar and dev.tsv: `copies` pictures of each scene of train, two
    of each scene that only dev has."""
    random = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = list(scenes())
    random.shuffle(drawn)  # type: ignore[arg-type]
    held_out = round(len(drawn) * dev_share)
    _write_split(folder, "dev", drawn[:held_out] * 2, random)
    _write_split(folder, "train", drawn[held_out:] * copies, random)


def _write_split(folder: Path, split: str, drawn: list[Scene], random: np.random.Generator) -> None:
    lines = []
    with tarfile.open(folder / f"{split}.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for number, scene in enumerate(drawn):
            name = f"{split}-{number:04}.png"
            lines.append(f"{name}\t{scene.caption}\n")
            content = BytesIO()
            scene.draw(random).save(content, "PNG")
            member = tarfile.TarInfo(name)
            member.size = len(content.getvalue())
            archive.addfile(member, BytesIO(content.getvalue()))
    (folder / f"{split}.tsv").write_text("".join(lines), encoding="utf-8")
