"""The file that a run writes."""

import io
from contextlib import suppress
from pathlib import Path

import pytest

from cli.errors import OutputError
from cli.files import replacing
from cli.output import Row, write_csv, write_jsonl, writer_for

ROWS = (
    Row("a.jpg", "a dog runs", 0.71828, None, None),
    Row("=b.jpg", None, None, "truncated", "The picture ends too early."),
)


def test_csv_begins_with_source_caption_confidence_and_holds_no_formula() -> None:
    file = io.StringIO(newline="")
    write_csv(ROWS, file)
    assert file.getvalue() == (
        "source,caption,confidence,code,message\r\n"
        "a.jpg,a dog runs,0.718,,\r\n"
        "'=b.jpg,,,truncated,The picture ends too early.\r\n"
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_a_spreadsheet_would_calculate_is_made_text(start: str) -> None:
    file = io.StringIO(newline="")
    write_csv([Row("a.jpg", f"{start}1+1", 0.5, None, None)], file)
    assert f"'{start}1+1" in file.getvalue()


def test_jsonl_holds_an_object_on_each_line() -> None:
    file = io.StringIO()
    write_jsonl(ROWS[:1], file)
    assert file.getvalue() == (
        '{"source": "a.jpg", "caption": "a dog runs", "confidence": 0.71828, '
        '"code": null, "message": null}\n'
    )


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path: Path) -> None:
    # Given an earlier output
    output = tmp_path / "captions.csv"
    output.write_text("earlier")
    # When writing a new one is broken off
    with suppress(RuntimeError), replacing(output) as file:
        file.write("half")
        raise RuntimeError("plug pulled")
    # Then the earlier one stands, alone
    assert output.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [output]


def test_file_names_that_are_not_utf_8_are_written_as_they_are(tmp_path: Path) -> None:
    output = tmp_path / "captions.csv"
    with replacing(output) as file:
        write_csv([Row("caf\udce9.jpg", "a cup", 0.5, None, None)], file)
    assert b"caf\xe9.jpg,a cup" in output.read_bytes()


def test_an_output_of_unknown_form_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"must end in \.csv or \.jsonl"):
        writer_for(tmp_path / "captions.xlsx")


def test_an_output_that_cannot_be_written_is_said_with_its_reason(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "captions.csv"
    with pytest.raises(OutputError, match="No such file or directory"), replacing(missing):
        pass
