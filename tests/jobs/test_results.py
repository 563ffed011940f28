"""Result rows."""

import csv
import io
import json

import pytest

from jobs import lifecycle
from jobs.database import Database
from jobs.results import ROW, csv_rows, jsonl_row, neutral
from jobs.values import NewImage, Options
from tests.jobs.acts import captioned, captioning, fetched, fetching, images_of


@pytest.fixture
def db(sqlite_url: str) -> Database:
    return Database(sqlite_url)


def rows_of_a_job(db: Database) -> list[dict[str, object]]:
    images = [
        NewImage("http://p/1", key='=HYPERLINK("x")'),
        NewImage("http://p/2?a,b", key='with "quotes"\nand a line'),
        NewImage("http://p/3"),
    ]
    job = lifecycle.submit(db, images, Options(), batch_images=2)
    held, _ = fetching(db)
    fetched(db, held, failed={1: "http_404"})
    for batch in captioning(db):
        captioned(db, batch)
    images_now = images_of(db, job)
    lines = [json.loads(jsonl_row(image)) for image in images_now]
    table = b"".join(csv_rows(images_now)).decode()
    assert [dict(zip(ROW, row, strict=True)) for row in csv.reader(io.StringIO(table))][1:] == [
        {name: "" if value is None else str(neutral(value)) for name, value in line.items()}
        for line in lines
    ]
    assert table.startswith(",".join(ROW) + "\r\n")
    return lines


def test_both_forms_have_a_row_for_each_image_in_order(db: Database) -> None:
    first, second, third = rows_of_a_job(db)

    assert first == {
        "position": 0,
        "key": '=HYPERLINK("x")',
        "url": "http://p/1",
        "state": "succeeded",
        "caption": "a picture of http://p/1",
        "confidence": 0.5,
        "code": None,
        "message": None,
    }
    assert (second["state"], second["code"], second["message"]) == (
        "failed",
        "http_404",
        "a sentence",
    )
    assert (third["state"], third["caption"]) == ("queued", None)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["a dog", "", None, -1.5, 3])
def test_other_cells_stay_as_they_are(cell: object) -> None:
    assert neutral(cell) == cell
