"""The smallest data set that a decoder can be trained on, in a second."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from captioning.decoder.config import DecoderConfig
from captioning.training.learner import Learner, make_optimizer
from captioning.training.train import train

SIZES = DecoderConfig("attend", 5, 4, word_vector=4, memory=4, values=4, heads=2)
SENTENCES = ("a red circle", "a blue square", "two dogs run", "a cat sleeps")
CONFIG = """
name = "tiny"
[data]
features = "features"
train = "train.tsv"
dev = "dev.tsv"
minimum_count = 1
longest = 6
[encoder]
name = "none"
[decoder]
kind = "merge"
word_vector = 4
memory = 4
[cross_entropy]
passes = 1
batch = 4
"""


def make_tiny(folder: Path) -> Path:
    """Eight pictures a split as features that nobody encoded, their captions and a config."""
    (folder / "features").mkdir()
    (folder / "tiny.toml").write_text(CONFIG)
    for split in ("train", "dev"):
        names = [f"{split}-{i}.png" for i in range(8)]
        grid = np.random.default_rng(0).normal(size=(8, 4, 8)).astype(np.float16)
        np.save(folder / "features" / f"{split}.grid.npy", grid)
        (folder / "features" / f"{split}.names.json").write_text(json.dumps(names))
        lines = [f"{name}\t{SENTENCES[i % 4]}\n" for i, name in enumerate(names)]
        (folder / f"{split}.tsv").write_text("".join(lines))
    return folder


def train_tiny(folder: Path) -> Path:
    """The run folder; what it tells is printed."""
    train(folder / "tiny.toml", folder / "run", lambda progress: None, print)
    return folder / "run"


def tiny_learner(words: int) -> tuple[Learner, Any]:
    sizes = DecoderConfig.from_dict({**SIZES.to_dict(), "vocabulary": words})
    learner = Learner(sizes, 4, seed=1)
    optimizer = make_optimizer(1e-3, weight_decay=0.0, clip=1.0)
    optimizer.build(learner.decoder.trainable_variables)
    return learner, optimizer
