"""A job of 200 images, ten of them bad in ten ways, from POST to captions.jsonl."""

from pathlib import Path

from cli.answers import Job
from tests.system.pictures import COLOURS, Pictures, closed_port
from tests.system.service import LIMITS, Service, serving, settings_for


def bad(pictures: Pictures) -> dict[str, str]:
    """URL → the code that it must end with."""
    return {
        f"{pictures.url}/gone/1": "http_404",
        f"{pictures.url}/html/1": "not_a_picture",
        f"{pictures.url}/cut/1": "truncated",
        f"{pictures.url}/huge/1": "too_many_pixels",
        f"{pictures.url}/large/1": "too_large",
        f"{pictures.url}/empty/1": "empty",
        f"{pictures.url}/loop/1": "too_many_redirects",
        f"{pictures.url}/inside/1": "address_not_allowed",
        f"{pictures.url}/slow/1": "timeout",
        f"http://127.0.0.1:{closed_port()}/1.jpg": "connection_failed",
    }


def mixed(pictures: Pictures) -> tuple[list[str], dict[str, str]]:
    """190 good pictures with the ten bad ones among them, and what those must end with."""
    expected = bad(pictures)
    urls = pictures.good(190)
    for place, url in enumerate(expected):
        urls.insert(20 * place + 7, url)
    return urls, expected


def test_every_image_of_a_job_ends_with_its_caption_or_its_code(
    tmp_path: Path, pictures: Pictures
) -> None:
    # Given good pictures with ten bad ones among them
    urls, expected = mixed(pictures)

    # When they go through the real processes
    with serving(settings_for(tmp_path, **LIMITS)) as service:
        job = service.ended(service.submit(urls))

        # Then each row is in its place, with the caption of its own picture or its code
        assert_as_expected(service, job, urls, expected)


def assert_as_expected(
    service: Service, job: Job, urls: list[str], expected: dict[str, str]
) -> None:
    rows = service.rows(job.id)
    assert [row.url for row in rows] == urls
    assert {row.url: row.code for row in rows if row.state == "failed"} == expected
    good = [row for row in rows if row.state == "succeeded"]
    assert len(good) == len(urls) - len(expected)
    assert all(row.caption == f"a mostly {colour_of(row.url)} picture" for row in good)
    assert all(row.message for row in rows if row.state == "failed")
    assert (job.state, job.succeeded, job.failed) == ("succeeded", len(good), len(expected))


def colour_of(url: str) -> str:
    return next(colour for colour in COLOURS if f"/{colour}-" in url)
