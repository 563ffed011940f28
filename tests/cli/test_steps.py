"""What a long command says while it works."""

import pytest

from cli.steps import Steps


def test_a_line_is_rewritten_and_another_stays(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    steps.tell("30 captions read")
    steps.rewrite("pass 1, step 1 of 2")
    steps.rewrite("pass 1, step 2 of 2", 45)
    steps.tell("pass 1: CIDEr-D 0.400")
    steps.rewrite("pass 2, step 1 of 2", 600)
    steps.end()
    steps.end()
    assert capsys.readouterr().err == (
        "30 captions read\n"
        "\rpass 1, step 1 of 2    \rpass 1, step 2 of 2, 45 s left    \n"
        "pass 1: CIDEr-D 0.400\n"
        "\rpass 2, step 1 of 2, 10 min left    \n"
    )


def test_an_error_is_told_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    steps.rewrite("pass 1, step 1 of 2")
    with pytest.raises(OSError, match="full"), steps:
        raise OSError("the disk is full")
    assert capsys.readouterr().err.endswith("of 2    \n")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (91, "2 min"), (9000, "2.5 h")]
)
def test_time_left_is_said_in_the_unit_that_tells_most(
    capsys: pytest.CaptureFixture[str], seconds: float, words: str
) -> None:
    Steps().rewrite("step", seconds)
    assert capsys.readouterr().err == f"\rstep, {words} left    "
