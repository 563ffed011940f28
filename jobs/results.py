"""Result rows, one for each image in order: JSON Lines and CSV.

The API streams them while a job runs, the closing step writes them to the store
when it has ended: both through these functions.
"""

import csv
import io
from collections.abc import Iterable, Iterator

import orjson

from jobs.records import Image

ROW = ("position", "key", "url", "state", "caption", "confidence", "code", "message")
#: A cell that starts with one of these is a formula to a spreadsheet.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def jsonl_row(image: Image) -> bytes:
    """The image as one line of JSON, its line feed included."""
    row = {name: getattr(image, name) for name in ROW}
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def csv_rows(images: Iterable[Image]) -> Iterator[bytes]:
    """A header line and a line for each image (RFC 4180, UTF-8).

    Cells that a spreadsheet would run as a formula start with an apostrophe
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)

    def line(cells: Iterable[object]) -> bytes:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(cells)
        return buffer.getvalue().encode()

    yield line(ROW)
    for image in images:
        yield line(neutral(getattr(image, name)) for name in ROW)


def neutral(cell: object) -> object:
    """The cell, harmless in a spreadsheet."""
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return cell
