"""What people name, and which pictures they mean by it."""

from pathlib import Path

import pytest

from cli.errors import NothingToCaption, SourceError
from cli.sources import find_pictures


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def named(*sources: str | Path) -> list[str]:
    return [picture.source for picture in find_pictures([str(s) for s in sources]).pictures]


def test_a_folder_means_all_pictures_below_it_in_order(tmp_path: Path) -> None:
    # Given a folder with pictures, a hidden one, and other files
    touch(tmp_path, "b.JPG", "a.png", "sub/c.webp", ".hidden.jpg", "notes.txt", ".git/d.png")
    # Then only the visible pictures are meant
    assert named(tmp_path) == [str(tmp_path / name) for name in ("a.png", "b.JPG", "sub/c.webp")]


def test_sources_keep_the_order_in_which_they_were_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "z.jpg")
    url = "https://example.org/m.jpg"
    assert named(tmp_path / "z.jpg", url, tmp_path / "a.jpg") == [
        str(tmp_path / "z.jpg"),
        url,
        str(tmp_path / "a.jpg"),
    ]


def test_a_pattern_means_the_pictures_that_match(tmp_path: Path) -> None:
    touch(tmp_path, "a1.jpg", "a2.jpg", "b1.jpg", "a3.txt")
    assert named(tmp_path / "a*") == [str(tmp_path / "a1.jpg"), str(tmp_path / "a2.jpg")]


def test_a_text_file_lists_urls_and_paths_that_start_at_it(tmp_path: Path) -> None:
    # Given a list with a comment, an empty line, CRLF and a byte order mark
    touch(tmp_path, "pictures/a.jpg")
    (tmp_path / "list.txt").write_bytes(
        "\ufeff# mine\r\nhttp://example.org/1.jpg\r\n\r\npictures/a.jpg\r\n".encode()
    )
    # Then its two pictures are meant
    assert named(tmp_path / "list.txt") == [
        "http://example.org/1.jpg",
        str(tmp_path / "pictures/a.jpg"),
    ]


def test_a_wrong_line_of_a_list_is_named_by_its_number(tmp_path: Path) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text("http://example.org/1.jpg\nno-such-file.jpg\n")
    with pytest.raises(SourceError, match=r"list\.txt, line 2: no-such-file\.jpg is neither"):
        named(listing)


def test_a_url_that_no_job_takes_is_refused_before_anything_starts(tmp_path: Path) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text("http://example.org/" + "x" * 2_048)
    with pytest.raises(SourceError, match=r"line 1: .*longer than 2,048 characters"):
        named(listing)


def test_a_file_that_is_no_picture_and_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(SourceError, match="neither a picture"):
        named(tmp_path / "archive.zip")


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        named(tmp_path / "missing")


def test_a_folder_without_pictures_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(NothingToCaption, match=r"no picture in .*looked for \.avif"):
        named(tmp_path)


def test_local_pictures_become_file_urls_with_links_followed(tmp_path: Path) -> None:
    # Given a link from one folder to a picture in another
    touch(tmp_path, "there/a b.jpg")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/link.jpg").symlink_to(tmp_path / "there/a b.jpg")
    # When the first folder is named
    sources = find_pictures([str(tmp_path / "here")])
    # Then the picture keeps its name, and its URL and folder are the real ones
    (picture,) = sources.pictures
    assert picture.source == str(tmp_path / "here/link.jpg")
    assert picture.url == (tmp_path / "there/a b.jpg").resolve().as_uri()
    assert sources.folders == ((tmp_path / "there").resolve(),)


def test_one_folder_stands_for_all_pictures_of_a_source(tmp_path: Path) -> None:
    touch(tmp_path, "one/1/a.jpg", "one/2/b.jpg", "two/c.jpg")
    sources = find_pictures([str(tmp_path / "one"), str(tmp_path / "two/c.jpg")])
    assert sources.folders == ((tmp_path / "one").resolve(), (tmp_path / "two").resolve())


@pytest.mark.parametrize("url", ["HTTPS://example.org/1.jpg", "S3://bucket/1.jpg"])
def test_schemes_are_known_however_they_are_written(url: str) -> None:
    assert named(url) == [url]


@pytest.mark.parametrize("url", ["ftp://example.org/1.jpg", "file:///etc/passwd"])
def test_a_url_of_another_scheme_is_said_to_be_one(url: str) -> None:
    with pytest.raises(SourceError, match="a URL must begin with one of http://, https://, s3://"):
        find_pictures([url])


def test_a_list_may_name_files_with_whatever_unicode_takes_for_the_end_of_a_line(
    tmp_path: Path,
) -> None:
    touch(tmp_path, "a\u2028b.jpg", "c\x85d.jpg")
    (tmp_path / "list.txt").write_text("a\u2028b.jpg\nc\x85d.jpg\n", encoding="utf-8")
    assert named(tmp_path / "list.txt") == [
        str(tmp_path / "a\u2028b.jpg"),
        str(tmp_path / "c\x85d.jpg"),
    ]
