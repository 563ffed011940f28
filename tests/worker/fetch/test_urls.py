"""Which URLs are fetched at all."""

import pytest
from yarl import URL

from worker.errors import ImageRefused
from worker.fetch.urls import join, parse, same_party


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://example.com/a.jpg", "example.com"),
        ("HTTP://EXAMPLE.com:8080/a b.jpg".replace(" ", "%20"), "example.com"),
        ("https://bücher.example/ä.jpg", "xn--bcher-kva.example"),
        ("http://93.184.216.34/a.jpg", "93.184.216.34"),
        ("http://[2606:4700::1111]/a.jpg", "2606:4700::1111"),
        ("http://1.2.3.4.example/", "1.2.3.4.example"),
        ("https://example.com/a\\b.jpg?to=me@example.com", "example.com"),
    ],
)
def test_plain_urls_are_read(text: str, host: str) -> None:
    assert parse(text).raw_host == host


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "scheme_not_allowed"),
        ("ftp://example.com/a.jpg", "scheme_not_allowed"),
        ("gopher://example.com/", "scheme_not_allowed"),
        ("file:///etc/passwd", "scheme_not_allowed"),
        ("javascript:alert(1)", "scheme_not_allowed"),
        ("//example.com/a.jpg", "scheme_not_allowed"),
        ("http://", "url_not_valid"),
        ("http:///a.jpg", "url_not_valid"),
        ("http://user@example.com/", "url_not_valid"),
        ("http://user:secret@example.com/", "url_not_valid"),
        ("http://example.com\\@127.0.0.1/", "url_not_valid"),
        ("http://exa mple.com/", "url_not_valid"),
        ("http://example.com/\r\nHost: other", "url_not_valid"),
        ("http://example.com/\x00", "url_not_valid"),
        ("http://example.com:99999/", "url_not_valid"),
        ("http://[::1/", "url_not_valid"),
        (f"http://example.com/{'a' * 2048}", "url_not_valid"),
        ("http://example.com:25/", "address_not_allowed"),
        ("http://example.com:0/", "address_not_allowed"),
        ("http://0x7f.1/", "address_not_allowed"),
        ("http://2130706433/", "address_not_allowed"),
        ("http://0177.0.0.1/", "address_not_allowed"),
        ("http://127.1/", "address_not_allowed"),
        ("http://0x7f000001/", "address_not_allowed"),
        ("http://127.0.0.1./", "address_not_allowed"),
    ],
)
def test_others_are_refused_with_a_code(text: str, code: str) -> None:
    with pytest.raises(ImageRefused) as refused:
        parse(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b.jpg", "http://example.com/b.jpg"),
        ("b.jpg?x=1", "http://example.com/folder/b.jpg?x=1"),
        ("//other.example/b.jpg", "http://other.example/b.jpg"),
        ("https://other.example/b c.jpg", "https://other.example/b%20c.jpg"),
    ],
)
def test_a_redirect_is_read_from_where_it_came(location: str, target: str) -> None:
    assert str(join(URL("http://example.com/folder/a.jpg"), location)) == target


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.com/", "http://a@b/"])
def test_a_redirect_keeps_the_rules(location: str) -> None:
    with pytest.raises(ImageRefused):
        join(URL("http://example.com/"), location)


@pytest.mark.parametrize(
    ("first", "later", "same"),
    [
        ("https://a.example/x", "https://a.example/y", True),
        ("http://a.example/x", "https://a.example/x", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("https://a.example/x", "https://b.example/x", False),
        ("https://a.example/x", "https://a.example:8443/x", False),
        ("http://a.example:8080/x", "https://a.example/x", False),
    ],
)
def test_headers_stay_with_the_host_that_they_are_meant_for(
    first: str, later: str, same: bool
) -> None:
    assert same_party(URL(first), URL(later)) is same
