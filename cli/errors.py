"""What the command line refuses, as one tree.

CliError
├── NothingToCaption    the sources hold no picture
├── SourceError         a source that cannot be read: which, and why
├── OutputError         an output that cannot be written
├── OtherRun            the output belongs to a run over other sources
└── ServerError         what a server said, or that none answered
    ├── Unreachable     no answer
    └── Refused         a problem document
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class CliError(Exception):
    """The command cannot be carried out."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class NothingToCaption(CliError):
    """There is no picture in what was named."""

    def __init__(self, sources: Sequence[str], suffixes: Sequence[str]) -> None:
        super().__init__(
            f"There is no picture in {', '.join(sources)}; looked for {', '.join(suffixes)}."
        )


class SourceError(CliError):
    """The source cannot be read."""

    def __init__(self, source: str | Path, reason: str, line: int | None = None) -> None:
        place = str(source) if line is None else f"{source}, line {line}"
        super().__init__(f"{place}: {reason}")


class OutputError(CliError):
    """The output cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class OtherRun(CliError):
    """The output belongs to another run."""

    def __init__(self, output: Path, folder: Path) -> None:
        super().__init__(
            f"{output} was begun with other sources or options and is not finished. Repeat that "
            f"command to go on with it, remove {folder} to forget it, or choose another output."
        )


class ServerError(CliError):
    """The server did not do what was asked."""


class Unreachable(ServerError):
    """No server answers."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"No captioning server answers at {url} ({reason}). Is it running?")


class Refused(ServerError):
    """The server refused, with a problem document (RFC 9457).

    status: of HTTP. name: the last part of the problem's type, such as `invalid-request`.
    faults: `{"field", "message", …}` for each thing that is wrong. retry_after: seconds.
    """

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None) -> None:
        self.status = status
        self.name = str(problem.get("type", "")).rstrip("/").rpartition("/")[2]
        self.faults: list[dict[str, Any]] = problem.get("errors", [])
        self.retry_after = retry_after
        said = problem.get("detail") or problem.get("title") or "no reason given"
        lines = [f"{said} (HTTP {status})"]
        lines += [f"  {fault.get('field')}: {fault.get('message')}" for fault in self.faults]
        super().__init__("\n".join(lines))
