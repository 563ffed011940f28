"""A setting that a training cannot follow: which file, section and name, what was found, and
what to write instead; said in one form, whenever it is found."""

import re
from pathlib import Path

import pytest

from captioning.errors import SettingError, TrainingError
from captioning.training.config import TrainingConfig
from captioning.training.config_files import ConfigFile, naming, require_batch
from captioning.training.finetune_config import FineTuningConfig
from captioning.training.pretrain.config import PretrainConfig
from tests.captioning.training.tiny import CONFIG, make_tiny, train_tiny

FINE_TUNING = """
name = "tuned"
start = "features"
[data]
dataset = "."
train = "train.tsv"
dev = "dev.tsv"
[fine_tune]
passes = 2
batch = 4
"""
PRETRAINING = """
[data]
dataset = "."
[teacher]
views = 2
[student]
width = 8
[[rounds]]
size = 32
passes = 1
[[rounds]]
size = 64
passes = 1
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return make_tiny(tmp_path)


def says(kind: type[ConfigFile], file: Path, text: str, sentence: str) -> None:
    """The sentence begins with the file; `sentence` is how it goes on, to the letter."""
    file.write_text(text)
    with pytest.raises(TrainingError, match=f"^{re.escape(f'{file}: {sentence}')}"):
        kind.load(file)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[cross_entropy]", "[crossentropy]"), "crossentropy: is not known; there are name, da"),
        (("passes = 1", "pases = 2"), "[cross_entropy] pases: is not known; there are passes, "),
        (("[decoder]", "[self_critical]"), "[decoder]: is missing"),
        (('[encoder]\nname = "none"', ""), "[encoder]: is missing"),
        (('train = "train.tsv"', ""), "[data] train: is missing"),
        (('name = "tiny"', 'name = "a"\nmixing = 3'), "mixing = 3: write a section [mixing]"),
        (("batch = 4", "batch ="), "Invalid value (at line 17"),
        (("passes = 1", 'passes = "2"'), '[cross_entropy] passes = "2": write a whole number'),
        (("passes = 1", "passes = true"), "[cross_entropy] passes = true: write a whole number"),
        (("passes = 1", "passes = 0"), "[cross_entropy] passes = 0: choose 1 or more, or a start"),
        (("passes = 1", "clip = -1"), "[cross_entropy] clip = -1: choose a finite number, 0 or"),
        (("passes = 1", "clip = nan"), "[cross_entropy] clip = nan: choose a finite number, 0"),
        (("batch = 4", "batch = 0"), "[cross_entropy] batch = 0: choose 1 or more"),
        (("batch = 4", "patience = 0"), "[cross_entropy] patience = 0: choose 1 or more"),
        (("batch = 4", "average = 2"), "[cross_entropy] average = 2: choose 0 to 1"),
        (("[decoder]", "[self_critical]\nsamples = 1\n[decoder]"), "[self_critical] samples = 1: "),
        (("[decoder]", "[mixing]\nshares = 1\n[decoder]"), "[mixing] shares = 1: write a list"),
        (("[decoder]", "[mixing]\nshares = [2]\n[decoder]"), "[mixing] shares = 2: choose 0 to 1"),
        (('"tiny"', '"tiny"\nrounded = "no"'), 'rounded = "no": write true or false'),
        (('"tiny"', '"../../x"'), 'name = "../../x": choose the plain name of a folder'),
        (('"features"', "3"), "[data] features = 3: write a text in quotes"),
        (("[data]", "[data]\nviews = []"), '[data] views = []: name one, such as ["train"]'),
        (
            ('kind = "merge"', 'kind = "magic"'),
            "[decoder]: kind is one of ('attend', 'merge'), not",
        ),
        (('kind = "merge"', ""), "[decoder] kind: is missing"),
        (("memory = 4", "memory = 0"), "[decoder] memory = 0: choose 1 or more"),
        (("memory = 4", "dropout_said = 7.0"), "[decoder] dropout_said = 7.0: choose 0 to 1"),
        (('[encoder]\nname = "none"', "[encoder]\nweights = 3"), "[encoder] weights = 3: write a"),
        (('name = "none"', 'weights = {source = "file"}'), "[encoder] weights: names no file; wri"),
    ],
)
def test_a_training_refuses_a_setting(work: Path, change: tuple[str, str], sentence: str) -> None:
    says(TrainingConfig, work / "tiny.toml", CONFIG.replace(*change), sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[fine_tune]", "[finetune]"), "finetune: is not known; there are name, start, data, fi"),
        (('start = "features"', ""), "start: is missing"),
        (("passes = 2", "passes = 0"), "[fine_tune] passes = 0: choose 1 or more"),
        (("batch = 4", "batch = 0"), "[fine_tune] batch = 0: choose 1 or more"),
        (("batch = 4", "warm_up = 1.5"), "[fine_tune] warm_up = 1.5: choose 0 to 1"),
        (("batch = 4", 'frozen = "conv1_"'), '[fine_tune] frozen = "conv1_": write a list'),
        (("batch = 4", "frozen = [1]"), "[fine_tune] frozen = 1: write a text in quotes"),
        (("[data]", "[data]\nlongest = 0"), "[data] longest = 0: choose 1 or more"),
        (('"tuned"', '".."'), 'name = "..": choose the plain name of a folder'),
    ],
)
def test_a_fine_tuning_refuses_a_setting(
    work: Path, change: tuple[str, str], sentence: str
) -> None:
    says(FineTuningConfig, work / "tuned.toml", FINE_TUNING.replace(*change), sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[student]", "[studnt]"), "studnt: is not known; there are data, rounds, teacher, stu"),
        (("views = 2", "colour = 2"), "[teacher] colour: is not known; there are encoder, weig"),
        (("views = 2", "views = 0"), "[teacher] views = 0: choose 1 or more"),
        (("views = 2", "batch = 0"), "[teacher] batch = 0: choose 1 or more"),
        (("views = 2", "components = 0"), "[teacher] components = 0: choose 1 or more"),
        (("views = 2", "input_size = 7"), "[teacher] input_size = 7: choose 32 to 1024 pixels"),
        (("views = 2", "area = 0"), "[teacher] area = 0: choose more than 0, at most 1"),
        (("width = 8", "width = 0"), "[student] width = 0: choose 1 or more"),
        (("width = 8", "blocks = [1, 1]"), "[student] blocks = [1, 1]: write four whole numbers"),
        (("width = 8", "blocks = [0, 1, 1, 1]"), "[student] blocks = 0: choose 1 or more"),
        (("size = 64", "size = 65"), "[[rounds]] 2, size = 65: choose 32, 64, 96 or so on"),
        (("passes = 1", "passes = 0"), "[[rounds]] 1, passes = 0: choose 1 or more"),
        (("passes = 1", "batch = 9"), "[[rounds]] 1, passes: is missing"),
        (("[student]", "[learning]\nsave_every = 0\n[student]"), "[learning] save_every = 0: cho"),
        (
            ("[student]", '[learning]\nprecision = "half"\n[student]'),
            '[learning] precision = "half": choose one of auto, float32, mixed_bfloat16',
        ),
    ],
)
def test_a_pretraining_refuses_a_setting(
    work: Path, change: tuple[str, str], sentence: str
) -> None:
    says(PretrainConfig, work / "pre.toml", PRETRAINING.replace(*change, 1), sentence)


def test_a_pretraining_without_rounds_is_told_to_have_some(work: Path) -> None:
    begin = PRETRAINING[: PRETRAINING.index("[[rounds]]")]
    says(PretrainConfig, work / "pre.toml", begin, "[[rounds]]: is missing")
    says(PretrainConfig, work / "pre.toml", f"rounds = 3\n{begin}", "rounds = 3: write sections [[")
    says(
        PretrainConfig, work / "pre.toml", f"rounds = []\n{begin}", "rounds = []: write [[rounds]]"
    )


@pytest.mark.parametrize(
    ("kind", "text", "place"),
    [
        (TrainingConfig, CONFIG.replace('"dev.tsv"', '"gone"'), "[data] dev"),
        (TrainingConfig, 'start = "gone"' + CONFIG, "start"),
        (FineTuningConfig, FINE_TUNING.replace('"features"', '"gone"'), "start"),
        (FineTuningConfig, FINE_TUNING.replace('"train.tsv"', '"gone"'), "[data] train"),
        (PretrainConfig, PRETRAINING.replace("views = 2", 'weights = "gone"'), "[teacher] weights"),
        (PretrainConfig, PRETRAINING.replace("width = 8", 'start = "gone"'), "[student] start"),
    ],
)
def test_what_is_not_there_is_named_by_its_whole_path(
    work: Path, kind: type[ConfigFile], text: str, place: str
) -> None:
    says(kind, work / "any.toml", text, f'{place} = "{work / "gone"}": there is no such')


def test_weights_that_cannot_be_read_are_named(work: Path) -> None:
    text = CONFIG.replace('name = "none"', 'weights = {source = "file", file = "x"}')
    sentence = f'[encoder] weights file = "{work / "x"}": cannot be read: No such file or directory'
    says(TrainingConfig, work / "tiny.toml", text, sentence)


@pytest.mark.parametrize("kind", [TrainingConfig, FineTuningConfig, PretrainConfig])
def test_a_config_that_is_not_utf_8_is_refused_by_line(work: Path, kind: type[ConfigFile]) -> None:
    (work / "any.toml").write_bytes("\n# café".encode("latin-1"))
    with pytest.raises(TrainingError, match=r"any\.toml, line 2: is not in UTF-8; save"):
        kind.load(work / "any.toml")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("batch = 4", "batch = 9"), "[cross_entropy] batch = 9: choose 1 to 8, as there are no m"),
        (("minimum_count = 1", "minimum_count = 9"), "[data] minimum_count = 9: no word stands in"),
    ],
)
def test_a_setting_that_the_data_refuses_is_told_in_the_same_form(
    work: Path, change: tuple[str, str], sentence: str
) -> None:
    file = work / "tiny.toml"
    file.write_text(CONFIG.replace(*change))
    with pytest.raises(SettingError, match=f"^{re.escape(f'{file}: {sentence}')}"):
        train_tiny(work)


def test_the_first_file_that_is_named_stays() -> None:
    with pytest.raises(SettingError) as told, naming(Path("outer")), naming(Path("inner")):
        require_batch("[x] batch", 2, 1)
    assert str(told.value).startswith("inner: [x] batch = 2: choose 1 to 1")
