"""Some pictures of dev with what a fresh checkpoint says of them: the first look at a run."""

from pathlib import Path

import numpy as np

from captioning.captioner import CaptionOptions, load_captioner
from captioning.errors import DatasetError
from captioning.training.config import TrainingConfig
from captioning.training.datasets import read_captions
from captioning.training.picture_sets import find_picture_sets
from captioning.training.sheets import Entry, write_sheet
from captioning.vocabulary import sentence_of

SHEET = "samples.html"
NUMBER = 24


def write_samples(config: TrainingConfig, run: Path) -> Path:
    """Caption some dev pictures with the best checkpoint of a run: RUN/samples.html.

    The same pictures each time. Raises DatasetError where none lie beside the captions.
    """
    file = config.data.dev
    pictures = find_picture_sets(file.parent).get("dev")
    if pictures is None:
        raise DatasetError(file.parent, "has no pictures of the split dev")
    captions = read_captions(file, split="dev").by_picture
    there = [name for name in pictures.names if name in captions]
    chosen = np.random.default_rng(0).permutation(len(there))[:NUMBER]
    names = [there[place] for place in chosen]
    captioner = load_captioner(run / "best" / config.name)
    shown = [pictures.read(name) for name in names]
    said = captioner.caption([captioner.prepare(picture) for picture in shown], CaptionOptions())
    entries = [
        Entry(
            picture,
            caption.text,
            [sentence_of(words) for words in captions[name]],
            f"{name}, confidence {caption.confidence:.2f}",
        )
        for name, picture, caption in zip(names, shown, said, strict=True)
    ]
    write_sheet(run / SHEET, f"{config.name} on dev", entries)
    return run / SHEET
