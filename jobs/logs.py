"""Logs: one line for each event, `time level name event key=value …`.

    LOG = Log("fetch")
    with context(job=held.job_id, batch=held.batch_id):
        LOG.info("batch_fetched", ready=60, failed=4)

Lines of libraries pass through the same form. Query strings, fragments and
passwords of URLs are cut out of every line, a trace included: they may be
secrets. What a terminal would obey, or what would start a line of its own, is
escaped. Request headers and keys are not given to a log at all.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

# To the next blank, whatever quotes and brackets stand in between: URLs may hold them.
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#]*)[?#]\S+", re.IGNORECASE)
_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#]*@", re.IGNORECASE)
_BARE = re.compile(r"[^\s\"=]+")
_context: ContextVar[Mapping[str, object]] = ContextVar("captions_log_context")


def configure(level: str) -> None:
    """Send everything from `level` up to the standard error stream, in the form above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


@contextmanager
def context(**fields: object) -> Iterator[None]:
    """Fields that every line of this thread or task carries inside the block."""
    token = _context.set({**_context.get({}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class Log:
    """A named source of events."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"captions.{name}")

    def debug(self, event: str, **fields: object) -> None:
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """An error with the trace of the exception that is being handled."""
        self._write(logging.ERROR, event, fields, trace=True)

    def _write(
        self, level: int, event: str, fields: Mapping[str, object], trace: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            carried = {**_context.get({}), **fields}
            self._logger.log(level, event, extra={"fields": carried}, exc_info=trace)


class LineFormatter(logging.Formatter):
    """One line a record, whatever it holds."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = dict(getattr(record, "fields", {}))
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        words = [
            f"{moment}.{int(record.msecs):03}Z",
            record.levelname,
            record.name.removeprefix("captions."),
            _plain(redacted(" ".join(record.getMessage().splitlines()))),
            *(f"{name}={_value(value)}" for name, value in fields.items() if value is not None),
        ]
        return " ".join(words)


def redacted(text: str) -> str:
    """The text without what URLs may hide in them."""
    return _QUERY.sub(r"\1?…", _PASSWORD.sub(r"\1…@", text))


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = redacted(str(value))
    return _plain(text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False))


def _plain(text: str) -> str:
    """The text with its control characters, of whatever alphabet, written out."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
