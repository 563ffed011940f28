"""Logs."""

import logging

import pytest

from jobs import logs
from jobs.logs import LineFormatter, Log, context

LOG = Log("fetch")


def written(caplog: pytest.LogCaptureFixture) -> str:
    """The one line that was logged, without its time."""
    (line,) = (LineFormatter().format(record) for record in caplog.records)
    return line.split(" ", 1)[1]


def test_an_event_is_one_line_of_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    LOG.info("batch_fetched", job="job_1", batch=7, seconds=1.23456789, error=None)

    assert written(caplog) == "INFO fetch batch_fetched job=job_1 batch=7 seconds=1.23457"


def test_what_holds_spaces_or_lines_is_quoted(caplog: pytest.LogCaptureFixture) -> None:
    LOG.warning("odd", text='two words\nand "more"', empty="")

    assert written(caplog) == r'WARNING fetch odd text="two words\nand \"more\"" empty=""'


def test_lines_inside_a_context_carry_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    with context(job="job_1", attempt=1), context(attempt=2):
        LOG.error("broken")

    assert written(caplog) == "ERROR fetch broken job=job_1 attempt=2"


def test_a_trace_stays_on_the_line(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("http://p/x.jpg?token=secret")
    except ValueError:
        LOG.exception("broken")

    line = written(caplog)
    assert "ValueError" in line
    assert "\n" not in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GET https://p/x.jpg?token=s&a=b done", "GET https://p/x.jpg?… done"),
        ("url='http://p/x#part'", "url='http://p/x?…"),
        ("http://p/x.jpg?a=(b)&token='s'&more=t done", "http://p/x.jpg?… done"),
        ('http://p/l\'été"1".jpg?token=s', 'http://p/l\'été"1".jpg?…'),
        ("redis://:word@host:6379/0", "redis://…@host:6379/0"),
        ("redis://:wo@rd@host:6379/0", "redis://…@host:6379/0"),
        ("postgresql://me:word@host/db", "postgresql://…@host/db"),
        ("what? nothing", "what? nothing"),
    ],
)
def test_what_urls_hide_is_cut_out(line: str, expected: str) -> None:
    assert logs.redacted(line) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("one\rtwo", r'"one\rtwo"'),
        ("one\x85two\u2028three", r'"one\x85two\u2028three"'),
        ("\x9b31mred\x7f", r"\x9b31mred\x7f"),
        ("Бык", "Бык"),
    ],
)
def test_nothing_in_a_line_commands_the_terminal_or_begins_another_line(
    caplog: pytest.LogCaptureFixture, text: str, shown: str
) -> None:
    LOG.warning("odd", path=text)

    assert written(caplog) == f"WARNING fetch odd path={shown}"


def test_a_librarys_line_stays_one(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("some.library").warning("one\r\ntwo\x1b[0m")

    assert written(caplog) == r"WARNING some.library one two\x1b[0m"


def test_a_url_among_other_fields_is_cut_alone(caplog: pytest.LogCaptureFixture) -> None:
    LOG.warning("odd", url="http://p/x?token=s", next=1)

    assert written(caplog) == "WARNING fetch odd url=http://p/x?… next=1"


def test_lines_of_libraries_take_the_same_form(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("some.library").warning("went to %s\nand back", "http://p/?q=secret")

    assert written(caplog) == "WARNING some.library went to http://p/?… and back"
