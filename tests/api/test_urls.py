"""Which URLs a job may name."""

import pytest

from api.urls import UrlRule

PLAIN = UrlRule()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://example.org/a.jpg?size=2#x",
        "https://example.org:8443/ä.jpg",
        "http://127.0.0.1:9000/a",
        "http://[::1]:80/a",
        "https://bücher.example/bild.png",
        "HTTPS://EXAMPLE.ORG/A.JPG",
        "upload:upl_01hzy3k4m5n6p7q8r9s0t1v2w3",
        "http://example.org/" + "a" * 2029,
    ],
)
def test_urls_of_the_web_and_uploads_are_taken(url):
    assert PLAIN.fault(url) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org/" + "a" * 2030, "2,049 characters"),
        ("ftp://example.org/a", "must begin with"),
        ("example.org/a.jpg", "must begin with"),
        ("javascript:alert(1)", "must begin with"),
        ("upload:x", "must begin with"),
        ("http://", "names no host"),
        ("http:///a.jpg", "names no host"),
        ("https://:443/", "names no host"),
        ("http://example.org:99999/", "is not a URL"),
        ("http://example.org:0/", "port 0"),
        ("http://[::1/", "is not a URL"),
        ("http://user:word@example.org/", "user name"),
        ("http://example.org/a b", "blank"),
        ("http://example.org/\x00", "control"),
        ("http://example.org/\n", "control"),
        ("file:///etc/passwd", "must begin with"),
        ("s3://bucket/a.jpg", "names a bucket"),
    ],
)
def test_other_urls_are_refused_with_a_reason(url, reason):
    assert reason in PLAIN.fault(url)


def test_files_and_buckets_are_taken_where_the_operator_allows_them():
    rule = UrlRule(files=True, buckets=frozenset({"photos"}))
    assert rule.fault("file:///photos/a.jpg") is None
    assert rule.fault("file://host/photos/a.jpg") == "must be file:///folder/picture"
    assert rule.fault("s3://photos/a.jpg") is None
    assert rule.fault("s3://photos/") == "names no object in the bucket"
    assert "names a bucket" in rule.fault("s3://others/a.jpg")
