"""Commands of the operator, on the record itself."""

from pathlib import Path

import pytest

from cli.__main__ import main
from jobs import webhooks
from jobs.database import Database
from jobs.settings import load_settings
from jobs.store import open_store, results_key
from tests.jobs.acts import submit, work


@pytest.fixture
def record(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("CAPTIONS_HOME", str(tmp_path))
    monkeypatch.setenv("CAPTIONS_DATABASE_URL", sqlite_url)
    return Database(sqlite_url)


def test_a_key_is_shown_once_and_then_only_by_its_name_and_limits(
    record: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = ["--max-waiting-images", "5000", "--requests-per-second", "2.5"]
    assert main(["keys", "create", "library", *limits]) == 0
    secret = capsys.readouterr().out.strip()
    assert secret.startswith("captions_")

    main(["keys", "list"])
    listed = capsys.readouterr().out
    assert "library (at most 5,000 images waiting, 2.5 requests per second)" in listed
    assert secret not in listed

    main(["keys", "revoke", listed.split()[0]])
    main(["keys", "list"])
    assert " revoked " in capsys.readouterr().out


@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf", "many"])
def test_a_limit_is_a_number_above_zero(
    record: Database, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["keys", "create", "library", "--requests-per-second", number])
    assert f"{number} is not a number above 0" in capsys.readouterr().err


def test_a_delivery_that_was_given_up_is_listed_and_told_once_more(
    record: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a delivery that its target did not want
    job = submit(record, 1, webhook_url="https://hooks.example/captions")
    work(record)
    (delivery,) = webhooks.due(record, 10, 60.0)
    webhooks.gone(record, delivery)

    # Then it is listed, by itself and among the job's
    main(["webhooks", "list"])
    listed = capsys.readouterr().out
    assert listed.split()[0] == delivery.id
    assert "disabled" in listed
    assert "1 attempt, last answer 410" in listed
    main(["webhooks", "list", job.id])
    assert capsys.readouterr().out == listed

    # When it is replayed, then it is in line again, under its id
    assert main(["webhooks", "replay", delivery.id]) == 0
    said = "job.succeeded will be told to https://hooks.example/captions\n"
    assert capsys.readouterr().out == said
    assert [again.id for again in webhooks.due(record, 10, 60.0)] == [delivery.id]
    main(["webhooks", "list"])
    assert capsys.readouterr().out == ""


def test_a_delivery_that_is_not_there_is_a_sentence(
    record: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["webhooks", "replay", "msg_nobody"]) == 1
    assert capsys.readouterr().err == "captions: There is no such delivery.\n"


def test_what_belongs_to_nothing_is_listed_and_removed_on_demand(
    record: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given an object of a job, and one that a worker left behind
    settings = load_settings()
    store = open_store(settings.store_url, settings)
    kept = results_key(submit(record, 1).id, "csv")
    for key in (kept, "prepared/job_of_nobody/0-1.tar"):
        store.put(key, b"bytes")

    # Then only the second is named, and it goes when that is wanted
    assert main(["store", "check"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == ["prepared/job_of_nobody/0-1.tar", "1 objects belong to nothing"]
    assert main(["store", "check", "--delete"]) == 0
    assert list(store.list("prepared")) == []
    assert store.exists(kept)
    capsys.readouterr()
    assert main(["store", "check"]) == 0
    assert capsys.readouterr().out == "0 objects belong to nothing\n"


def test_the_doctor_names_what_is_wrong(
    record: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPTIONS_CHECKPOINT", "no-such-network")
    monkeypatch.setenv("CAPTIONS_SECRET", "not-to-be-shown")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "no-such-network" in said.splitlines()[-1]
    assert "not-to-be-shown" not in said
    assert said.splitlines()[-4].split() == ["database", "well"]
