"""Examples of a page: the fenced blocks that can be run, each with the output shown after it.

A block of `bash` or `python` is run; a block of another language that follows it shows what it
prints. `…` stands for any text, and in JSON `"…": "…"` for fields that were left out.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("bash", "python")
ANY = "…"


@dataclass(frozen=True, slots=True)
class Example:
    """language: `bash` or `python`. shown: language and text of what it prints; None if nothing."""

    page: Path
    line: int
    language: str
    code: str
    shown: tuple[str, str] | None

    def mistake(self, printed: str) -> str | None:
        """Both texts, where `printed` is not what the page shows."""
        language, text = self.shown or ("text", "")
        if fits(language, text, printed):
            return None
        return f"{self.page.name}, line {self.line}\n\nshown:\n{text}\nprinted:\n{printed}"


def examples(page: Path) -> Iterator[Example]:
    """What can be run, in the order of the page."""
    text = page.read_text()
    blocks = list(BLOCK.finditer(text))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] in RUN:
            shown = None
            if following and following[1] not in RUN:
                between = text[block.end() : following.start()]
                shown = None if between.strip() else (following[1], following[2])
            line = text.count("\n", 0, block.start()) + 1
            yield Example(page, line, block[1], block[2], shown)


def fits(language: str, shown: str, printed: str) -> bool:
    if language != "json":
        return fits_text(shown.strip(), printed.strip())
    try:
        return fits_json(json.loads(shown), json.loads(printed))
    except json.JSONDecodeError:
        return False


def fits_text(shown: str, printed: str) -> bool:
    """`…` stands for anything within its line."""
    pattern = ".*".join(map(re.escape, shown.split(ANY)))
    return bool(re.fullmatch(pattern, printed.replace("\r\n", "\n")))


def fits_json(shown: Any, printed: Any) -> bool:
    match shown, printed:
        case str(), _ if ANY in shown:
            return shown == ANY or (isinstance(printed, str) and fits_text(shown, printed))
        case dict(), dict():
            names = set(shown) - {ANY}
            enough = names <= set(printed) if ANY in shown else names == set(printed)
            return enough and all(fits_json(shown[name], printed[name]) for name in names)
        case list(), list():
            return len(shown) == len(printed) and all(map(fits_json, shown, printed))
    return bool(shown == printed)
