"""What a run keeps beside its output, and how a second call takes it up."""

from pathlib import Path

import pytest

from cli.errors import OtherRun, OutputError
from cli.runfolder import Run, Wish


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (folder / name).write_bytes(b"")
    return folder


def wish(photos: Path, beam_width: int = 3) -> Wish:
    return Wish((str(photos),), {"beam_width": beam_width, "max_length": 20}, "")


def test_a_second_call_goes_on_with_the_list_of_the_first(tmp_path: Path, photos: Path) -> None:
    # Given a run that was killed, and a folder that has one more picture since
    output = tmp_path / "captions.csv"
    first = Run.begin(output, wish(photos))
    (photos / "d.jpg").write_bytes(b"")
    # When the same command is given again
    second = Run.begin(output, wish(photos))
    # Then it is the same run over the same pictures
    assert second.resumed
    assert (second.id, second.pictures, second.folders) == (
        first.id,
        first.pictures,
        first.folders,
    )


def test_a_call_after_the_end_begins_anew(tmp_path: Path, photos: Path) -> None:
    output = tmp_path / "captions.csv"
    first = Run.begin(output, wish(photos))
    first.forget()
    (photos / "d.jpg").write_bytes(b"")
    second = Run.begin(output, wish(photos))
    assert not second.resumed
    assert second.id != first.id
    assert len(second.pictures) == 4


def test_another_wish_over_an_unfinished_run_is_refused(tmp_path: Path, photos: Path) -> None:
    output = tmp_path / "captions.csv"
    Run.begin(output, wish(photos))
    with pytest.raises(OtherRun, match=r"captions\.csv was begun with other sources"):
        Run.begin(output, wish(photos, beam_width=5))


def test_an_output_in_a_folder_that_does_not_exist_is_refused(photos: Path) -> None:
    with pytest.raises(OutputError, match="its folder does not exist"):
        Run.begin(photos / "missing" / "captions.csv", wish(photos))


def test_an_output_where_nothing_can_be_made_is_refused(photos: Path) -> None:
    with pytest.raises(OutputError, match=r"/proc/captions\.csv: cannot be written: "):
        Run.begin(Path("/proc/captions.csv"), wish(photos))


def test_pictures_are_cut_into_jobs_in_order(tmp_path: Path, photos: Path) -> None:
    run = Run.begin(tmp_path / "captions.csv", wish(photos))
    assert [len(chunk) for chunk in run.chunks(2)] == [2, 1]
