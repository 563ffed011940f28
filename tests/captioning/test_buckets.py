import numpy as np
import pytest

from captioning.buckets import BUCKETS, bucket_for, padded


def test_a_batch_goes_into_the_smallest_bucket_that_holds_it():
    assert [bucket_for(count) for count in (1, 2, 4, 5, 16, 17, 32)] == [1, 4, 4, 16, 16, 32, 32]


@pytest.mark.parametrize("count", [0, 33])
def test_no_bucket_holds_nothing_or_more_than_the_largest(count):
    with pytest.raises(ValueError, match=f"not {count}"):
        bucket_for(count)


def test_a_batch_is_filled_up_with_black_behind_its_own_pictures():
    batch = np.full((2, 8, 8, 3), 200, np.uint8)

    filled = padded(batch)

    assert filled.shape == (BUCKETS[1], 8, 8, 3)
    assert (filled[:2] == 200).all()
    assert not filled[2:].any()
