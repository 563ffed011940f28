"""The folder of a Hugging Face captioner: where it is, what must be in it, its hash.

Nothing of it is code: weights are read from safetensors alone, and a folder that would need
its own Python files to be run is refused. Importing this module loads no network.
"""

import hashlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from captioning.checkpoint import read_json
from captioning.errors import CheckpointError

CONFIG, TOKENIZER = "config.json", "tokenizer_config.json"
PREPARATIONS = ("preprocessor_config.json", "processor_config.json")
"""How pictures are prepared: the newer one says it of words too. Either will do."""
PATTERNS = ("*.json", "*.txt", "*.safetensors")
"""What is downloaded, read and hashed: settings, words and weights."""
MODEL_TYPES = ("blip",)
PACKAGES = ("torch", "transformers")
_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


def find_folder(place: str) -> Path:
    """The checked folder of a path, or of a name at Hugging Face such as
    `Salesforce/blip-image-captioning-base`, with `@revision` to pin it.

    A name is downloaded once, into Hugging Face's own cache. Raises CheckpointError.
    """
    folder = Path(place)
    if not folder.is_dir():
        folder = _download(place)
    check_folder(folder)
    return folder


def check(place: str) -> None:
    """What can be said without loading or downloading anything. Raises CheckpointError."""
    if missing := [package for package in PACKAGES if find_spec(package) is None]:
        raise CheckpointError(
            Path(f"huggingface:{place}"),
            f"needs {' and '.join(missing)}, which `make huggingface` installs",
        )
    if Path(place).is_dir():
        check_folder(Path(place))
    else:
        _parse(place)


def check_folder(folder: Path) -> None:
    """Raises CheckpointError where a file is missing or of another kind of network."""
    config = read_json(folder / CONFIG)
    if (kind := config.get("model_type")) not in MODEL_TYPES:
        raise CheckpointError(
            folder / CONFIG, f"is of a {kind} network; can be used: {', '.join(MODEL_TYPES)}"
        )
    if "auto_map" in config:
        raise CheckpointError(folder / CONFIG, "wants Python files of its own, which are not run")
    read_json(folder / TOKENIZER)
    if not any((folder / name).is_file() for name in PREPARATIONS):
        raise CheckpointError(folder, f"has neither {' nor '.join(PREPARATIONS)}")
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(
            folder, "holds no *.safetensors; weights in other formats can run code and are not read"
        )


def hash_folder(folder: Path) -> str:
    """Over the names and contents of the files that decide what is said."""
    digest = hashlib.sha256()
    for path in _files(folder):
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        digest.update(path.name.encode() + content)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for pattern in PATTERNS for path in folder.glob(pattern))


def _parse(place: str) -> tuple[str, str | None]:
    match = _NAME.fullmatch(place)
    if match is None:
        raise CheckpointError(
            Path(place), "is neither a folder nor a name such as owner/network@revision"
        )
    return match["name"], match["revision"]


def _download(place: str) -> Path:
    name, revision = _parse(place)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(PATTERNS)))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise CheckpointError(
            Path(place), f"is no folder, and cannot be had from Hugging Face: {error}"
        ) from error
