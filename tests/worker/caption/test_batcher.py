"""Pictures of several batches go to the device together, and find their way back."""

import numpy as np

from captioning.captioner import CaptionOptions, Picture
from worker.caption.batcher import Place, Share, join

GREEDY = CaptionOptions(beam_width=1)
WIDE = CaptionOptions(beam_width=5)


def picture(shade: int) -> Picture:
    return np.full((2, 2, 3), shade, np.uint8)


def share(options: CaptionOptions, *positions: int) -> Share:
    return Share(options, tuple((position, picture(position)) for position in positions))


def test_nothing_to_caption_makes_no_device_batch() -> None:
    assert list(join([], 4)) == []
    assert list(join([share(GREEDY)], 4)) == []


def test_small_batches_fill_the_device_together() -> None:
    [joined] = join([share(GREEDY, 7), share(GREEDY, 0, 1)], 4)

    assert joined.places == (Place(0, 7), Place(1, 0), Place(1, 1))
    assert [int(one[0, 0, 0]) for one in joined.pictures] == [7, 0, 1]


def test_other_options_go_apart() -> None:
    first, second = join([share(GREEDY, 0), share(WIDE, 0), share(GREEDY, 1)], 4)

    assert (first.options, first.places) == (GREEDY, (Place(0, 0), Place(2, 1)))
    assert (second.options, second.places) == (WIDE, (Place(1, 0),))


def test_a_large_batch_is_cut_at_the_device_s_size() -> None:
    cut = list(join([share(GREEDY, *range(10))], 4))

    assert [len(one.pictures) for one in cut] == [4, 4, 2]
    assert [place.position for one in cut for place in one.places] == list(range(10))
