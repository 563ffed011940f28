import io

import pytest
from PIL import Image

from captioning.captioner import CaptionOptions, load_captioner
from captioning.errors import CaptionOptionsError, CheckpointError


def jpeg(colour: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(stream, "JPEG")
    return stream.getvalue()


def test_a_scripted_captioner_names_the_colour_and_its_runners_up() -> None:
    captioner = load_captioner("scripted:size=8")
    picture = captioner.prepare(jpeg("red"))
    (caption,) = captioner.caption([picture], CaptionOptions(beam_width=3))
    assert picture.shape == (8, 8, 3)
    assert caption.text == "a mostly red picture"
    assert len(caption.alternatives) == 2


def test_the_hash_follows_the_script() -> None:
    assert load_captioner("scripted:").sha256 != load_captioner("scripted:size=8").sha256


@pytest.mark.parametrize("script", ["scripted:what=1", "scripted:size", "scripted:crash_on=pink"])
def test_a_script_with_an_unknown_setting_is_refused(script: str) -> None:
    with pytest.raises(CheckpointError):
        load_captioner(script)


@pytest.mark.parametrize("options", [{"beam_width": 2}, {"max_length": 3}, {"max_length": 99}])
def test_options_that_no_captioner_follows_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(CaptionOptionsError):
        CaptionOptions(**options)
