"""The scaling page counts right, and with the settings that the code has."""

import re
from pathlib import Path

import yaml

from jobs.settings import Settings
from jobs.tables import images

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scaling.md").read_text()
PER_SECOND = 1e9 / (30 * 24 * 3600)
BATCH = Settings.model_fields["batch_images"].default


def figure(pattern: str) -> float:
    """The number that the page gives where the pattern has its group."""
    found = re.search(pattern, PAGE)
    assert found, pattern
    return float(found[1].replace(",", ""))


def about(value: float) -> tuple[float, float]:
    return value * 0.95, value * 1.05


def test_a_billion_in_thirty_days_is_what_the_page_says_it_is() -> None:
    for pattern, value in {
        r"\*\*([\d.]+) images/s\*\*": PER_SECOND,
        r"(\d+) batches/s, 116": PER_SECOND / BATCH,
        r"(\d+) MB/s of downloads": PER_SECOND * 0.3,
        r"\(([\d.]+) Gbit/s\)": PER_SECOND * 0.3 * 8 / 1000,
        r"([\d.]+) cores at work": PER_SECOND * 0.007,
        r"([\d.]+) MB/s in and out": PER_SECOND * 0.02,
        r"(\d+) PUT/s and GET/s": 2 * PER_SECOND / BATCH,
        r"waiting images is (\d+) GB": 100_000 * 20_000 / 1e9,
        r"(\d+) GPU-hours": 1e9 / 1500 / 3600,
        r"(\d+) transactions/s": 6 * PER_SECOND / BATCH,
        r"(\d+) row updates/s": 2 * PER_SECOND,
        r"\| (\d+) GB \| see below": 1e9 * 600 / 1e9,
        r"\| (\d+) GB \| S3": 1e9 * (150 + 120) / 1e9,
        r"about (\d+)\s+a\s+month": 600 * 0.12 + 270 * 0.023,
        r"submit (\d+) jobs": 1e9 / Settings.model_fields["max_ingest_images"].default,
    }.items():
        low, high = about(value)
        assert low <= figure(pattern) <= high, (pattern, value)


def test_the_page_names_the_settings_that_there_are() -> None:
    assert figure(r"`fillfactor` (\d+)") == float(
        images.dialect_options["postgresql"]["with"]["fillfactor"]
    )
    eight = re.search(r"(\w+) connections to each per fetch process", PAGE)
    assert (eight or [""])[1] == "Eight"
    assert Settings.model_fields["connections_per_host"].default == 8


def test_a_device_is_added_for_some_ten_seconds_of_its_work() -> None:
    text = (ROOT / "infra/kubernetes/caption.yaml").read_text()
    (scaled,) = [d for d in yaml.safe_load_all(text) if d["kind"] == "ScaledObject"]
    metadata = scaled["spec"]["triggers"][0]["metadata"]
    assert f"SELECT {BATCH} * COUNT(*)" in metadata["query"]
    assert 5 < int(metadata["targetQueryValue"]) / 1500 < 20
