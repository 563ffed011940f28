"""Who is next."""

import pytest

from jobs.lifecycle import Candidate, plan_round


def line(
    *rows: tuple[str, str, float | None, float | None, int], images: int = 900
) -> list[Candidate]:
    return [Candidate(*row, images) for row in rows]


@pytest.mark.parametrize(
    ("candidates", "slots", "expected"),
    [
        pytest.param([], 3, [], id="nobody waits"),
        pytest.param(line(("a", "k", None, None, 5)), 0, [], id="no room"),
        pytest.param(line(("a", "k", None, None, 2)), 5, ["a", "a"], id="room for more than waits"),
        pytest.param(
            line(("a", "k", None, None, 9), ("b", "k", None, None, 9)),
            4,
            ["a", "b", "a", "b"],
            id="the jobs of a key take turns",
        ),
        pytest.param(
            line(("a", "k", None, None, 9), ("b", "k", None, None, 9), ("c", "l", None, None, 9)),
            4,
            ["a", "c", "b", "c"],
            id="keys take turns before jobs do",
        ),
        pytest.param(
            line(("a", "k", 10.0, 10.0, 9), ("b", "l", 20.0, 20.0, 9)),
            3,
            ["a", "b", "a"],
            id="longest ago comes first",
        ),
        pytest.param(
            line(("a", "k", 10.0, 20.0, 9), ("b", "k", None, 20.0, 1)),
            2,
            ["b", "a"],
            id="a new job comes before those that were served",
        ),
        pytest.param(
            [*line(("a", "k", None, None, 9)), *line(("b", "k", None, None, 1), images=1)],
            2,
            ["b", "a"],
            id="one image does not wait for the first batch of a large job",
        ),
        pytest.param(
            [
                *line(("a", "k", None, None, 9), ("b", "l", None, None, 9)),
                *line(("c", "m", None, None, 1), images=1),
            ],
            3,
            ["c", "a", "b"],
            id="nor for the first batch of another new key",
        ),
        pytest.param(
            [*line(("a", "k", 10.0, 10.0, 9)), *line(("b", "k", 20.0, 10.0, 1), images=1)],
            2,
            ["a", "b"],
            id="once served a small job waits its turn like any other",
        ),
        pytest.param(
            line(("a", "k", None, 20.0, 9), ("b", "l", 5.0, 10.0, 9)),
            1,
            ["b"],
            id="a new job does not get its key ahead of another key",
        ),
        pytest.param(
            line(("a", "k", None, None, 1), ("b", "l", None, None, 9)),
            4,
            ["a", "b", "b", "b"],
            id="what one leaves the other takes",
        ),
    ],
)
def test_slots_go_to_keys_then_to_jobs_in_turn(
    candidates: list[Candidate], slots: int, expected: list[str]
) -> None:
    assert plan_round(candidates, slots) == expected
