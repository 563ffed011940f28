import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from captioning.errors import FeaturesError
from captioning.training.feature_pickles import read_features, write_features


class Hostile:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._path),)


def test_features_come_back_and_any_pickle_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "encoded_train_features.pkl"
    features = {"1.jpg": np.arange(4, dtype=np.float32), "2.jpg": np.ones(4, np.float32)}
    write_features(path, features)
    plain = pickle.loads(path.read_bytes())
    for read in (read_features(path), plain):
        assert read.keys() == features.keys()
        for name, vector in features.items():
            np.testing.assert_array_equal(read[name], vector)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_features_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "features.pkl"
    path.write_bytes(pickle.dumps({"1.jpg": np.arange(3, dtype=np.float64)}, protocol))
    assert read_features(path)["1.jpg"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("hide", [lambda evil: evil, lambda evil: {"1.jpg": evil}])
def test_a_hostile_pickle_is_refused_before_it_acts(tmp_path: Path, hide: object) -> None:
    path, made = tmp_path / "features.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps(hide(Hostile(made))))
    with pytest.raises(FeaturesError, match=r"features\.pkl: it names \w+\.mkdir"):
        read_features(path)
    assert not made.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"import os",
        pickle.dumps([1, 2]),
        pickle.dumps({1: np.ones(2)}),
        pickle.dumps({"1.jpg": "a text"}),
        pickle.dumps({"1.jpg": np.array(["text"])}),
        pickle.dumps({"1.jpg": np.ones(9)})[:-30],
    ],
)
def test_what_holds_no_vectors_by_name_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "features.pkl"
    path.write_bytes(content)
    with pytest.raises(FeaturesError, match=r"features\.pkl"):
        read_features(path)
