"""What is asked of a Hugging Face folder before a network is loaded, with no package of theirs."""

import json
from pathlib import Path
from typing import Any

import pytest

from captioning.captioner import check_captioner
from captioning.errors import CheckpointError
from captioning.huggingface import files


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages count as installed, whether or not they are."""
    monkeypatch.setattr(files, "find_spec", lambda name: name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "config.json", {"model_type": "blip"})
    write(tmp_path / "preprocessor_config.json", {})
    write(tmp_path / "tokenizer_config.json", {})
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    return tmp_path


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content))


def refusal_of(place: Path | str) -> str:
    with pytest.raises(CheckpointError) as refused:
        check_captioner(f"huggingface:{place}")
    return str(refused.value)


def test_a_whole_folder_and_a_name_are_taken(folder: Path) -> None:
    check_captioner(f"huggingface:{folder}")
    check_captioner("huggingface:owner/network")
    check_captioner("huggingface:owner/network@v1.0")


def test_missing_packages_are_named_with_the_command_that_installs_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    assert "needs torch and transformers, which `make huggingface` installs" in refusal_of(folder)


def test_weights_that_could_run_code_are_not_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "holds no *.safetensors" in refusal_of(folder)


def test_code_that_a_folder_brings_is_not_run(folder: Path) -> None:
    write(folder / "config.json", {"model_type": "blip", "auto_map": {"AutoModel": "own.Code"}})
    assert "wants Python files of its own" in refusal_of(folder)


def test_a_network_of_another_kind_is_refused(folder: Path) -> None:
    write(folder / "config.json", {"model_type": "llama"})
    assert "is of a llama network; can be used: blip" in refusal_of(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_broken_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("{")
    assert f"{folder / name}: cannot be read" in refusal_of(folder)


def test_either_file_may_say_how_pictures_are_prepared(folder: Path) -> None:
    (folder / "preprocessor_config.json").rename(folder / "processor_config.json")
    check_captioner(f"huggingface:{folder}")
    (folder / "processor_config.json").unlink()
    assert "has neither preprocessor_config.json nor processor_config.json" in refusal_of(folder)


@pytest.mark.parametrize("place", ["nothing/that/is/there", "/no/such/folder", "a name"])
def test_what_is_neither_folder_nor_name_is_refused(place: str) -> None:
    assert "is neither a folder nor a name such as owner/network" in refusal_of(place)


def test_the_hash_follows_every_file_that_decides_what_is_said(folder: Path) -> None:
    # Given the hash of a folder
    before = files.hash_folder(folder)
    # When a page is added, nothing changes
    (folder / "README.md").write_text("read me")
    assert files.hash_folder(folder) == before
    # When weights change, it does
    (folder / "model.safetensors").write_bytes(b"others")
    assert files.hash_folder(folder) != before
