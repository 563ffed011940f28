"""The bar says how far it is to people, and nothing to files."""

import pytest

from cli.progress import bar


def test_nothing_is_said_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with bar(10) as line:
        line.say("captioning")
        line.show(5, 0)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_stand_the_count_the_failures_the_rate_and_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")

    with bar(10) as line:
        line.say("captioning")
        for done in range(10):
            line.show(done, 2)

    out, shown = capsys.readouterr()
    assert out == ""
    for part in ("captioning", "9/10", "2 failed", "images/s", "0:00:0"):
        assert part in shown
