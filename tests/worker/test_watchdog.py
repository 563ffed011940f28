"""A process that works is left alone; one that only seems to is ended."""

from worker.watchdog import Activity, Patience


def test_an_idle_process_without_hints_is_left_alone() -> None:
    patience = Patience(looks=2)

    assert not any(patience.is_over(0, Activity()) for _ in range(5))


def test_hints_that_an_idle_process_ignores_for_long_end_it() -> None:
    patience = Patience(looks=3)

    assert [patience.is_over(1, Activity()) for _ in range(3)] == [False, False, True]


def test_a_process_that_works_for_long_is_left_alone_while_hints_wait() -> None:
    # Given one long task
    patience, activity = Patience(looks=2), Activity()
    with activity.task():
        # Then waiting hints say nothing against it
        assert not any(patience.is_over(9, activity) for _ in range(5))


def test_a_process_that_begins_tasks_between_looks_is_left_alone() -> None:
    patience, activity = Patience(looks=2), Activity()

    for _ in range(5):
        with activity.task():
            pass
        assert not patience.is_over(9, activity)
