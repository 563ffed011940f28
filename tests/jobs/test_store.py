"""Both stores keep the same promises."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import pytest

from jobs.errors import ObjectMissing, SettingsError, StoreUnavailable
from jobs.settings import Settings
from jobs.store import Store, open_store, prepared_key, results_key, upload_key


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = (
        f"file://{tmp_path}/store"
        if request.param == "folder"
        else request.getfixturevalue("s3_url")
    )
    opened = open_store(url, Settings())
    yield opened
    for folder in ("a/", "b/", "results/"):
        opened.delete(list(opened.list(folder)))


def test_an_object_comes_out_as_it_went_in(store: Store) -> None:
    store.put("a/one", b"bytes")

    assert store.get("a/one") == b"bytes"
    assert store.size("a/one") == 5
    assert store.exists("a/one")
    assert b"".join(store.stream("a/one")) == b"bytes"


def test_an_object_takes_the_place_of_another(store: Store) -> None:
    store.put("a/one", b"before")
    store.put("a/one", b"after")

    assert store.get("a/one") == b"after"


def test_a_file_becomes_an_object(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1_000_000)

    store.put_file("a/file", path)

    assert store.size("a/file") == 1_000_000
    assert b"".join(store.stream("a/file")) == path.read_bytes()
    assert path.exists()


@pytest.mark.parametrize(
    ("start", "length", "expected"), [(0, 3, b"012"), (4, 2, b"45"), (8, 10, b"89")]
)
def test_a_range_of_an_object(store: Store, start: int, length: int, expected: bytes) -> None:
    store.put("a/digits", b"0123456789")

    assert store.get_range("a/digits", start, length) == expected


def test_an_object_that_is_not_there_is_named(store: Store) -> None:
    for read in (
        store.get,
        store.size,
        lambda key: store.get_range(key, 0, 1),
        lambda key: list(store.stream(key)),
    ):
        with pytest.raises(ObjectMissing) as caught:
            read("a/nothing")
        assert caught.value.key == "a/nothing"
    assert not store.exists("a/nothing")


def test_objects_of_a_folder_are_listed_in_order(store: Store) -> None:
    for key in ("a/x/2", "a/x/1", "b/3"):
        store.put(key, b"")

    assert list(store.list("a/")) == ["a/x/1", "a/x/2"]
    assert list(store.list("a/x/")) == ["a/x/1", "a/x/2"]
    assert list(store.list("none/")) == []


def test_removed_objects_are_gone_and_removing_them_again_is_no_error(store: Store) -> None:
    keys = [f"a/{number}" for number in range(5)]
    for key in keys:
        store.put(key, b"")

    store.delete(store.list("a/"))
    store.delete(keys)

    assert list(store.list("a/")) == []


def test_it_says_that_it_works(store: Store) -> None:
    store.check()


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/.hidden", "a/"])
def test_a_key_cannot_lead_elsewhere(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="not an object key"):
        store.put(key, b"")


def test_writers_of_one_key_leave_one_whole_object(store: Store) -> None:
    contents = [bytes([number]) * 100_000 for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: store.put("a/same", data), contents))

    assert store.get("a/same") in contents


def test_a_bucket_gives_out_urls_that_anybody_may_follow(s3_url: str) -> None:
    store = open_store(s3_url, Settings())
    store.put("results/j/captions.csv", b"position,caption\r\n")

    url = store.presign("results/j/captions.csv", 60, "captions.csv", "text/csv")

    assert url is not None
    with urlopen(url) as answer:
        assert answer.read() == b"position,caption\r\n"
        assert answer.headers["Content-Type"] == "text/csv"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="captions.csv"'
    store.delete(["results/j/captions.csv"])


def test_a_folder_gives_out_no_urls(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}", Settings())

    assert store.presign("a/one", 60, "one", "text/plain") is None


def test_a_folder_leaves_no_trace_of_what_was_not_written(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/store", Settings())
    store.put("a/one", b"")

    with pytest.raises(IsADirectoryError):
        store.put_file("a/two", tmp_path)

    assert list((tmp_path / "store" / ".drafts").iterdir()) == []
    assert list(store.list("a/")) == ["a/one"]


def test_a_folder_that_cannot_be_used_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    store = open_store(f"file://{tmp_path}/store", Settings())

    with pytest.raises(StoreUnavailable, match=r"Not a directory|File exists"):
        store.check()


def test_a_bucket_that_does_not_answer_is_an_outage() -> None:
    store = open_store("s3://bucket?endpoint=http://127.0.0.1:1&region=r", Settings())

    with pytest.raises(StoreUnavailable):
        store.get("a/one")


@pytest.mark.parametrize("url", ["ftp://x", "s3://", "/folder"])
def test_what_names_no_store_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="CAPTIONS_STORE_URL"):
        open_store(url, Settings())


def test_what_lies_where() -> None:
    assert prepared_key("job_1", 3, 2) == "prepared/job_1/3-2.tar"
    assert results_key("job_1", "csv") == "results/job_1/captions.csv"
    assert upload_key("upl_1") == "uploads/upl_1"
