"""Pictures with what was said about them, as one HTML file that needs no other."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

THUMBNAIL = 224

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; }}
article {{ display: flex; gap: 1rem; border-top: 1px solid #ccc; padding: 1rem 0; }}
strong {{ display: block; }} small {{ color: #555; }} ul {{ margin: .3rem 0; }}
</style>
<h1>{title}</h1>
{entries}
</html>
"""
ENTRY = """<article><img src="data:image/jpeg;base64,{image}" alt="{caption}">
<div><strong>{caption}</strong><small>{note}</small><ul>{references}</ul></div></article>"""


@dataclass(frozen=True)
class Entry:
    """picture: its file's bytes; note: whatever stands small below the caption."""

    picture: bytes
    caption: str
    references: Sequence[str]
    note: str


def write_sheet(path: Path, title: str, entries: Sequence[Entry]) -> None:
    """One row per entry: picture, caption, references."""
    rows = "\n".join(
        ENTRY.format(
            image=_thumbnail(entry.picture),
            caption=escape(entry.caption),
            note=escape(entry.note),
            references="".join(f"<li>{escape(text)}</li>" for text in entry.references),
        )
        for entry in entries
    )
    path.write_text(PAGE.format(title=escape(title), entries=rows), encoding="utf-8")


def _thumbnail(picture: bytes) -> str:
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB")
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    jpeg = io.BytesIO()
    small.save(jpeg, "JPEG", quality=80)
    return base64.b64encode(jpeg.getvalue()).decode()
