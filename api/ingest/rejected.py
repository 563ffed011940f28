"""Lines that became no image: the first hundred to be shown, all of them in a file."""

import csv
from pathlib import Path
from typing import Literal, Self

from api import submissions
from api.errors import Fault
from api.ingest.check import as_fault
from api.ingest.rows import BadLine
from api.problems import SHOWN_FAULTS
from jobs.results import neutral
from jobs.store import Store


def rejected_key(job_id: str) -> str:
    return f"results/{job_id}/rejected.csv"


class Rejected:
    """on_invalid: `reject` refuses the stream for one bad line; `skip` keeps a list of them."""

    def __init__(self, path: Path, on_invalid: Literal["reject", "skip"]) -> None:
        self._path = path
        self._strict = on_invalid == "reject"
        self._shown: list[Fault] = []
        self._count = 0
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(("line", "field", "message"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def refuses(self) -> bool:
        """Whether the stream will come to nothing: no use in storing what still comes."""
        return self._strict and self._count > 0

    def add(self, bad: BadLine) -> None:
        self._count += 1
        if len(self._shown) < SHOWN_FAULTS:
            self._shown.append(as_fault(bad))
        if not self._strict:
            self._writer.writerow((bad.line, neutral(bad.field), neutral(bad.message)))
        elif self._count == SHOWN_FAULTS:
            raise submissions.invalid(self._shown)

    def check(self, taken: int) -> None:
        """Raise Invalid where bad lines refuse the stream, or nothing else was in it."""
        if self._count and (self._strict or not taken):
            raise submissions.invalid(self._shown)

    def keep(self, store: Store, job_id: str) -> int:
        """Put the list beside the job's results; how many lines it names."""
        self._file.flush()
        if self._count:
            store.put_file(rejected_key(job_id), self._path)
        return self._count
