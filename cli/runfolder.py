"""What a run keeps beside its output, so that a second call can go on after a kill.

`<output>.captions-job/` is the home of the run's own stack (database, store, logs). While
a run is unfinished it also holds two files: `pictures.jsonl`, the list as it was expanded
at the first call, and `run.json`, which is written last and removed first.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from cli.errors import OtherRun, OutputError
from cli.files import replacing
from cli.sources import Picture, find_pictures

SUFFIX = ".captions-job"


@dataclass(frozen=True)
class Wish:
    """What the command line asks for. checkpoint: empty for the default one."""

    sources: tuple[str, ...]
    options: dict[str, Any]
    checkpoint: str


@dataclass(frozen=True)
class Run:
    """A run under way. id: marks its jobs. folders: those that hold its local pictures."""

    id: str
    output: Path
    wish: Wish
    folders: tuple[Path, ...]
    pictures: tuple[Picture, ...]
    resumed: bool

    @classmethod
    def begin(cls, output: Path, wish: Wish) -> Self:
        """Take up the unfinished run of this output, or begin one.

        Raises OtherRun where the unfinished one has other sources or options.
        """
        folder = folder_of(output)
        if (folder / "run.json").exists():
            return cls._resume(output, wish)
        if not output.parent.is_dir():
            raise OutputError(output, "its folder does not exist")
        sources = find_pictures(wish.sources)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(output, f"cannot be written: {error.strerror}") from error
        run = cls(uuid4().hex, output, wish, sources.folders, sources.pictures, resumed=False)
        run._keep()
        return run

    @classmethod
    def _resume(cls, output: Path, wish: Wish) -> Self:
        folder = folder_of(output)
        kept = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if kept["wish"] != json.loads(json.dumps(asdict(wish))):
            raise OtherRun(output, folder)
        lines = (folder / "pictures.jsonl").read_text(encoding="utf-8").splitlines()
        pictures = tuple(Picture(*json.loads(line)) for line in lines)
        folders = tuple(Path(name) for name in kept["folders"])
        return cls(kept["id"], output, wish, folders, pictures, resumed=True)

    @property
    def home(self) -> Path:
        return folder_of(self.output)

    def chunks(self, size: int) -> list[Sequence[Picture]]:
        """The pictures in order, `size` at a time."""
        starts = range(0, len(self.pictures), size)
        return [self.pictures[start : start + size] for start in starts]

    def forget(self) -> None:
        """The output is written: the next call begins anew."""
        (self.home / "run.json").unlink()
        (self.home / "pictures.jsonl").unlink()

    def _keep(self) -> None:
        lines = (json.dumps([picture.source, picture.url]) + "\n" for picture in self.pictures)
        with replacing(self.home / "pictures.jsonl") as file:
            file.writelines(lines)
        content = {
            "id": self.id,
            "wish": asdict(self.wish),
            "folders": [str(folder) for folder in self.folders],
        }
        with replacing(self.home / "run.json") as file:
            json.dump(content, file, indent=2)


def folder_of(output: Path) -> Path:
    return output.with_name(output.name + SUFFIX)
