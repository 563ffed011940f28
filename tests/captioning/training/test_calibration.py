import numpy as np
import pytest

from captioning.confidence import Calibration
from captioning.training.calibration import fit, held_out, human_threshold, reliability
from captioning.training.metrics import score


def test_a_fitted_confidence_says_how_often_captions_are_good() -> None:
    # Given captions that are the better the likelier they are
    random = np.random.default_rng(0)
    chances = random.uniform(-3, 0, size=4000)
    good = random.uniform(size=4000) < np.exp(chances)
    # When each gets its confidence from the others
    trusted = reliability(held_out(chances, good), good)
    # Then confidence and truth agree
    assert trusted.error < 0.03
    assert trusted.number.sum() == 4000


def test_the_curve_never_falls_and_is_flat_outside() -> None:
    curve = fit(np.array([-3.0, -2.0, -1.0, 0.0]), np.array([True, False, False, True]), bins=4)
    assert curve(-9) == curve(-3) <= curve(-1) <= curve(0) == curve(9) == 1.0


@pytest.mark.parametrize(
    "points", [((), ()), ((0.0, 0.0), (0.1, 0.2)), ((0.0, 1.0), (0.2, 0.1)), ((0.0,), (1.5,))]
)
def test_points_that_are_no_curve_are_refused(points: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match="calibration"):
        Calibration(*points)


def test_where_pictures_have_one_caption_each_half_of_a_true_one_is_good() -> None:
    references = [[["a", "red", "circle"]], [["a", "blue", "square"]], [["two", "dogs"]]]
    alone = score([group[0] for group in references], references).cider_d
    assert human_threshold(references) == pytest.approx(np.median(alone) / 2)
