"""file:// reads what lies in the named folders, and nothing that a link or a path leads to."""

import asyncio
import os
from pathlib import Path

import pytest

from worker.errors import ImageRefused
from worker.fetch.fetched import Fetched
from worker.fetch.files import FileSource
from worker.fetch.places import Places

MOST_BYTES = 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that may be read, beside one that may not."""
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a picture.jpg").write_bytes(name.encode())
    return tmp_path / "open"


def read(folder: Path, url: str) -> Fetched:
    async def run() -> Fetched:
        async with FileSource([folder], MOST_BYTES, Places(1, 1)).open(url, {}) as fetched:
            return fetched

    return asyncio.run(run())


def code(folder: Path, url: str) -> str:
    with pytest.raises(ImageRefused) as refused:
        read(folder, url)
    return refused.value.code


@pytest.mark.parametrize("form", ["file://{}/a%20picture.jpg", "file://localhost{}/a picture.jpg"])
def test_a_file_in_the_folder_is_read(folder: Path, form: str) -> None:
    assert read(folder, form.format(folder)).data == b"open"


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "link.jpg").symlink_to(folder / "a picture.jpg")
    assert read(folder, f"file://{folder}/deep/link.jpg").data == b"open"


@pytest.mark.parametrize("path", ["../closed/a%20picture.jpg", "%2e%2e/closed/a%20picture.jpg", ""])
def test_nothing_outside_the_folder_is_read(folder: Path, path: str) -> None:
    assert code(folder, f"file://{folder}/{path}") == "file_not_allowed"


def test_a_folder_whose_name_only_begins_alike_is_outside(folder: Path) -> None:
    beside = folder.with_name("opened")
    beside.mkdir()
    (beside / "a.jpg").write_bytes(b"opened")
    assert code(folder, f"file://{beside}/a.jpg") == "file_not_allowed"


def test_a_link_that_leads_out_is_not_followed(folder: Path) -> None:
    (folder / "link.jpg").symlink_to(folder.parent / "closed" / "a picture.jpg")
    (folder / "linked").symlink_to(folder.parent / "closed")
    assert code(folder, f"file://{folder}/link.jpg") == "file_not_allowed"
    assert code(folder, f"file://{folder}/linked/a%20picture.jpg") == "file_not_allowed"


def test_without_folders_nothing_is_read(folder: Path) -> None:
    async def run() -> None:
        source = FileSource([], MOST_BYTES, Places(1, 1))
        async with source.open(f"file://{folder}/a%20picture.jpg", {}):
            pass

    with pytest.raises(ImageRefused) as refused:
        asyncio.run(run())
    assert refused.value.code == "file_not_allowed"


def test_a_missing_file_has_its_code(folder: Path) -> None:
    assert code(folder, f"file://{folder}/none.jpg") == "file_missing"
    assert code(folder, f"file://{folder}/a%20picture.jpg/none.jpg") == "file_missing"


def test_an_empty_and_a_large_file_have_their_codes(folder: Path) -> None:
    (folder / "empty.jpg").touch()
    (folder / "large.jpg").write_bytes(bytes(MOST_BYTES + 1))
    assert code(folder, f"file://{folder}/empty.jpg") == "empty"
    assert code(folder, f"file://{folder}/large.jpg") == "too_large"


def test_a_pipe_and_a_folder_are_no_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    (folder / "folder.jpg").mkdir()
    assert code(folder, f"file://{folder}/pipe.jpg") == "file_unreadable"
    assert code(folder, f"file://{folder}/folder.jpg") == "file_unreadable"


@pytest.mark.parametrize("url", ["file://elsewhere/a.jpg", "file:a.jpg", "file:///a%00.jpg"])
def test_a_url_that_names_no_path_here_is_not_valid(folder: Path, url: str) -> None:
    assert code(folder, url) == "url_not_valid"


def test_a_name_that_is_not_utf_8_is_a_name_all_the_same(folder: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.jpg"))
    path.write_bytes(b"latin")

    assert read(folder, path.as_uri()).data == b"latin"
