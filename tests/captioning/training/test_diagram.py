"""The drawing of a network: what is on it is what the decoder does, and Keras draws it."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from captioning.checkpoint import CheckpointConfig
from captioning.confidence import Calibration
from captioning.decoder import make_decoder
from captioning.decoder.config import KINDS, DecoderConfig
from captioning.decoder.memory import State
from captioning.search_rules import SearchRules
from captioning.training.diagram import network_of, next_word, plot_network
from captioning.training.graphviz import dot_on_path
from cli.__main__ import main

CELLS, CHANNELS = 9, 8


def config_of(kind: str) -> CheckpointConfig:
    """A small network with every size of its own, so that none can stand for another."""
    sizes = DecoderConfig(kind, 40, CHANNELS, word_vector=6, memory=10, values=12, heads=2)
    encoder = {"name": "resnet50", "input_size": 96}
    return CheckpointConfig(
        "small", encoder, sizes, CELLS, SearchRules(), Calibration.uncalibrated()
    )


@pytest.fixture
def without_graphviz(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> Path:
    """A PATH, here without any program; what it names."""
    folder = tmp_path_factory.mktemp("programs")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_the_layers_of_the_drawing_say_what_the_decoder_says(kind: str) -> None:
    # Given a decoder, pictures, words and what is remembered
    sizes = config_of(kind).decoder
    decoder = make_decoder(sizes, CELLS)
    random = np.random.default_rng(0)
    grid = random.normal(size=(3, CELLS, CHANNELS)).astype(np.float32)
    word = np.array([5, 0, 17], np.int32)
    hidden, cell = random.normal(size=(2, 3, sizes.memory)).astype(np.float32)
    # When the layers are called one after the other, as they are drawn
    inputs = [
        keras.Input((CELLS, CHANNELS)),
        keras.Input((), dtype="int32"),
        *(keras.Input((sizes.memory,)) for _ in range(2)),
    ]
    drawn = keras.Model(inputs, next_word(decoder, *inputs[:2], State(*inputs[2:])))
    logits = drawn([grid, word, hidden, cell])
    # Then they come to what a step of the search comes to
    state = State(tf.constant(hidden), tf.constant(cell))
    _, expected, _ = decoder.step(decoder.look(grid), state, tf.constant(word[:, np.newaxis]))
    np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-5, atol=1e-5)


def boxes_of(network: keras.Model) -> dict[str, str]:
    """What Keras writes into each box: name → kind and shapes."""
    graph = keras.utils.model_to_dot(network, show_shapes=True, show_layer_names=True)
    labels = [re.sub("<.*?>", " ", node.get_label()[1:-1]) for node in graph.get_nodes()[1:]]
    words = [" ".join(label.split()) for label in labels]
    return dict(word.split(" ", 1) for word in words)


ATTEND = {
    "picture": "(InputLayer) Output shape: (None, 96, 96, 3)",
    "resnet50": "(Encoder) Input shape: (None, 96, 96, 3) Output shape: (None, 9, 8)",
    "grid_norm": "(LayerNormalization) Input shape: (None, 9, 8) Output shape: (None, 9, 8)",
    "value": "(Dense) Input shape: (None, 9, 8) Output shape: (None, 9, 12)",
    "key": "(Dense) Input shape: (None, 9, 12) Output shape: (None, 9, 12)",
    "glance": "(Dense) Input shape: (None, 12) Output shape: (None, 6)",
    "memory": "(LSTM) Input shape: [(None, 6), (None, 10), (None, 10)] Output shape: (None, 10)",
    "query": "(Dense) Input shape: (None, 10) Output shape: (None, 12)",
    "attention": "(Attention) Input shape: [(None, 9, 12), (None, 9, 12), (None, 12), (None, 2)] "
    "Output shape: (None, 12)",
    "blend": "(Gate) Input shape: [(None, 10), (None, 12)] Output shape: (None, 6)",
    "word": "(WordLayer) Input shape: (None, 6) Output shape: (None, 40)",
}
MERGE = {
    "resnet50": "(Encoder) Input shape: (None, 96, 96, 3) Output shape: (None, 9, 8)",
    "glance": "(Dense) Input shape: (None, 8) Output shape: (None, 10)",
    "memory": "(LSTM) Input shape: [(None, 6), (None, 10), (None, 10)] Output shape: (None, 10)",
    "meet": "(Dense) Input shape: (None, 10) Output shape: (None, 10)",
    "word": "(WordLayer) Input shape: (None, 10) Output shape: (None, 40)",
}


@pytest.mark.parametrize(("kind", "expected"), [("attend", ATTEND), ("merge", MERGE)])
def test_each_step_is_a_box_with_its_shapes(kind: str, expected: dict[str, str]) -> None:
    boxes = boxes_of(network_of(config_of(kind)))
    assert {name: boxes.get(name) for name in expected} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_keras_draws_where_no_graphviz_is_installed(
    kind: str, tmp_path: Path, without_graphviz: Path
) -> None:
    plot_network(config_of(kind), tmp_path / "model_plot.png")

    with Image.open(tmp_path / "model_plot.png") as drawing:
        assert drawing.format == "PNG"
        assert 500 < drawing.width < 2500
        assert 500 < drawing.height < 2500
    assert os.environ["PATH"] == str(without_graphviz)


def test_a_graphviz_that_is_installed_goes_first(without_graphviz: Path) -> None:
    own = without_graphviz / "dot"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o700)

    with dot_on_path():
        assert shutil.which("dot") == str(own)


def test_a_shipped_checkpoint_is_drawn_by_command(tmp_path: Path) -> None:
    drawing = tmp_path / "model_plot.png"

    assert main(["plot", "resnet50-lstm", "-o", str(drawing)]) == 0

    with Image.open(drawing) as image:
        assert image.format == "PNG"


def test_a_drawing_of_another_kind_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plot", "resnet50-lstm", "-o", str(tmp_path / "model_plot.pdf")]) == 1
    assert "model_plot.pdf: the drawing is a PNG" in capsys.readouterr().err
