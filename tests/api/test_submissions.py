"""A JSON document becomes images, or a list of what is wrong with it."""

import pytest

from api import submissions, terms
from api.errors import Invalid
from api.urls import UrlRule
from jobs.values import NewImage, Options

URL = "http://example.org/a.jpg"


def faults(document, max_images=10_000):
    with pytest.raises(Invalid) as caught:
        submissions.validate(document, UrlRule(), max_images)
    return [(fault.field, fault.message, fault.position) for fault in caught.value.faults]


def test_images_and_options_come_through_unchanged():
    document = {
        "images": [{"url": URL, "key": "a", "metadata": {"shelf": [1, {"x": None}]}}, {"url": URL}],
        "options": {"beam_width": 5, "max_length": 12, "reuse": False},
    }
    submission = submissions.validate(document, UrlRule(), 10)
    assert submissions.images_of(submission) == [
        NewImage(URL, "a", {"shelf": [1, {"x": None}]}),
        NewImage(URL),
    ]
    assert terms.options_of(submission) == Options(5, 12, reuse=False)


@pytest.mark.parametrize(
    ("document", "field", "message", "position"),
    [
        ([], "body", "must be an object", None),
        ({}, "images", "is needed", None),
        ({"images": []}, "images", "must hold at least one", None),
        ({"images": "x"}, "images", "must be a list", None),
        ({"images": [URL]}, "images[0]", "must be an object", 0),
        ({"images": [{}]}, "images[0].url", "is needed", 0),
        ({"images": [{"url": 3}]}, "images[0].url", "must be text", 0),
        ({"images": [{"url": ""}]}, "images[0].url", "must not be empty", 0),
        ({"images": [{"url": URL, "uri": 1}]}, "images[0].uri", "is not a known field", 0),
        ({"images": [{"url": URL, "key": ""}]}, "images[0].key", "must not be empty", 0),
        (
            {"images": [{"url": URL, "key": "k" * 513}]},
            "images[0].key",
            "has more than 512 characters",
            0,
        ),
        (
            {"images": [{"url": URL, "key": "a\nb"}]},
            "images[0].key",
            "holds a control character",
            0,
        ),
        (
            {"images": [{"url": URL}, {"url": "ftp://x/"}]},
            "images[1].url",
            "must begin with http:// or https://",
            1,
        ),
        (
            {"images": [{"url": URL, "key": "a"}, {"url": URL}, {"url": URL, "key": "a"}]},
            "images[2].key",
            "is also the key of image 0",
            2,
        ),
        (
            {"images": [{"url": URL, "metadata": {"a": ["\0"]}}]},
            "images[0].metadata",
            "holds a NUL character",
            0,
        ),
        (
            {"images": [{"url": URL, "metadata": {"a": "x" * 16384}}]},
            "images[0].metadata",
            "has 16,392 bytes as JSON; 16,384 are allowed",
            0,
        ),
        ({"images": [{"url": URL, "metadata": 1}]}, "images[0].metadata", "must be an object", 0),
        (
            {"images": [{"url": URL}], "metadata": {"\0": 1}},
            "metadata",
            "holds a NUL character",
            None,
        ),
        ({"images": [{"url": URL}], "colour": 1}, "colour", "is not a known field", None),
        (
            {"images": [{"url": URL}], "options": {"beam": 3}},
            "options.beam",
            "is not a known field",
            None,
        ),
        *(
            (
                {"images": [{"url": URL}], "options": {"beam_width": wrong}},
                "options.beam_width",
                message,
                None,
            )
            for wrong, message in (
                (2, "must be one of 1, 3 or 5"),
                (0, "must be one of 1, 3 or 5"),
                ("3", "must be a whole number"),
                (3.5, "must be a whole number"),
                (True, "must be a whole number"),
                (None, "must be a whole number"),
            )
        ),
        (
            {"images": [{"url": URL}], "options": {"max_length": 33}},
            "options.max_length",
            "must be at most 32",
            None,
        ),
        (
            {"images": [{"url": URL}], "options": {"max_length": True}},
            "options.max_length",
            "must be a whole number",
            None,
        ),
    ],
)
def test_what_is_wrong_is_named_with_field_and_position(document, field, message, position):
    assert faults(document) == [(field, message, position)]


def test_every_fault_of_a_kind_is_named():
    bad = [{"url": "x"} for _ in range(150)]
    assert [position for _, _, position in faults({"images": bad})] == list(range(150))


def test_more_images_than_a_document_may_hold_are_refused_before_they_are_read():
    ((field, message, _),) = faults({"images": [{"nonsense": 1}] * 11}, max_images=10)
    assert field == "images"
    assert message.startswith("holds 11 images; 10 fit into a JSON document: send")


def test_a_backslash_before_u0000_is_not_a_nul():
    metadata = {"a": "\\u0000"}
    document = {"images": [{"url": URL, "metadata": metadata}]}
    submission = submissions.validate(document, UrlRule(), 10)
    assert submission.images[0].metadata == metadata
