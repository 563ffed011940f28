"""No web page gets at a server that asks for no key."""

import pytest
from starlette.datastructures import Headers

from api import guard
from api.errors import NotAllowedHere

HERE = "127.0.0.1:8000"


def check(headers, *, method="POST", path="/v1/jobs", allowed=()):
    guard.check(method, path, "http", Headers({"host": HERE} | headers), allowed)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:8000"},
        {"host": "[::1]:8000"},
        {"host": "127.9.9.9"},
        {"origin": f"http://{HERE}", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_this_machines_own_user_is_let_in(headers):
    check(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},  # DNS rebinding
        {"host": "evil.example:8000"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "192.168.1.4"},
        {"host": ""},
        {"host": "[::1"},
        {"host": "evil@127.0.0.1", "origin": "http://127.0.0.1"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": f"https://{HERE}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_web_pages_are_turned_away(headers):
    with pytest.raises(NotAllowedHere):
        check(headers)


def test_two_hosts_are_turned_away():
    doubled = Headers(raw=[(b"host", HERE.encode()), (b"host", b"evil.example")])
    with pytest.raises(NotAllowedHere):
        guard.check("GET", "/", "http", doubled, ())


def test_a_name_that_the_operator_adds_is_let_in():
    check({"host": "captions.internal"}, allowed=("captions.internal",))


def test_a_link_elsewhere_may_open_the_page_and_nothing_else():
    link = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    check(link, method="GET", path="/")
    with pytest.raises(NotAllowedHere):
        check(link, method="POST", path="/v1/jobs")
    with pytest.raises(NotAllowedHere):
        check(link | {"sec-fetch-dest": "iframe"}, method="GET", path="/")
