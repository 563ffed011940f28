"""The Dockerfile, walked through without an engine: does each image have what it starts?

For every target: the packages that its RUN lines install are resolved in a clean environment;
and what it starts is imported with only those packages and only the folders that it copies.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools/bin/uv"
TARGETS = ("api", "fetch", "dispatch", "caption-cpu", "caption-cuda", "caption-huggingface")
# What `python -m …` of a target imports once it runs.
STARTS = {
    "api": (
        "api.__main__",
        "cli.__main__",
        "cli.doctor",
        "cli.keys",
        "cli.migrate",
        "cli.store",
        "cli.webhooks",
        "migrations.run",
    ),
    "fetch": ("worker.__main__", "worker.fetch.process"),
    "dispatch": ("worker.__main__", "worker.dispatch.process"),
}
# Installing TensorFlow or PyTorch would take minutes: these are resolved only.
HEAVY = ("caption-cpu", "caption-cuda", "caption-huggingface")


@dataclass
class Stage:
    """A stage of the Dockerfile with what its parents did before it."""

    name: str
    runs: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    user: str = ""
    packages: str = ""


def stages() -> dict[str, Stage]:
    text = (ROOT / "infra/Dockerfile").read_text().replace("\\\n", " ")
    found: dict[str, Stage] = {}
    stage = Stage("")
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            parent, _, name = rest.partition(" AS ")
            base = found.get(parent, Stage(""))
            stage = Stage(name, list(base.runs), list(base.copied), base.user)
            found[name] = stage
        elif word == "RUN":
            stage.runs.append(rest)
        elif word == "USER":
            stage.user = rest
        elif word == "COPY" and rest.startswith("--from="):
            stage.packages = rest.removeprefix("--from=").split()[0]
        elif word == "COPY":
            stage.copied += rest.split()[:-1]
    return found


def installed_from(target: str) -> list[str]:
    """The requirement files that a target's RUN lines install, that for traces last."""
    all_stages = stages()
    runs = all_stages[all_stages[target].packages].runs
    return [name for run in runs for name in re.findall(r"-r ([\w./-]+)", run) if "uv" not in name]


def uv(*words: str | Path) -> None:
    done = subprocess.run([UV, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", HEAVY)
def test_the_packages_of_an_image_resolve_in_a_clean_environment(
    target: str, tmp_path: Path
) -> None:
    requirements, extra = installed_from(target)
    uv("venv", "--quiet", "--python", sys.executable, tmp_path / "clean")
    uv(
        "pip", "install", "--dry-run", "--quiet", "--python", tmp_path / "clean/bin/python",
        "--only-binary", ":all:", "--require-hashes", "-r", requirements, "-r", extra,
    )  # fmt: skip


@pytest.mark.parametrize("target", [target for target in TARGETS if target not in HEAVY])
def test_an_image_can_import_what_it_starts(target: str, tmp_path: Path) -> None:
    # Given only the packages and folders of the image
    requirements, extra = installed_from(target)
    python = tmp_path / "clean/bin/python"
    uv("venv", "--quiet", "--python", sys.executable, tmp_path / "clean")
    uv(
        "pip", "install", "--quiet", "--python", python,
        "--only-binary", ":all:", "--require-hashes", "-r", requirements,
    )  # fmt: skip
    code = copy_folders(target, tmp_path / "srv")
    # Then what it starts can be imported, and no network came with it
    script = "import sys, importlib\n"
    script += f"for name in {STARTS[target]!r}: importlib.import_module(name)\n"
    script += "assert not {'tensorflow', 'keras', 'torch'} & set(sys.modules)\n"
    assert_runs([python, "-c", script], code)
    # And what sends traces fits to it
    uv(
        "pip", "install", "--quiet", "--dry-run", "--python", python,
        "--only-binary", ":all:", "--require-hashes", "-r", requirements, "-r", extra,
    )  # fmt: skip


def test_the_caption_images_have_the_folders_that_they_start(tmp_path: Path) -> None:
    cpu, *others = (stages()[target].copied for target in HEAVY)
    assert all(copied == cpu for copied in others)
    code = copy_folders("caption-cpu", tmp_path / "srv")
    assert_runs([sys.executable, "-c", "import worker.__main__, worker.caption.process"], code)


def copy_folders(target: str, to: Path) -> Path:
    for name in stages()[target].copied:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__", "checkpoints")
        shutil.copytree(source, to / source.name, ignore=ignored, dirs_exist_ok=True)
    return to


def assert_runs(command: list[str | Path], code: Path) -> None:
    # Safe path: not the checkout that .venv knows, but the folders of the image come first.
    environment = {"PYTHONPATH": str(code), "PATH": "/usr/bin:/bin", "HOME": str(code)}
    done = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_commands_that_the_pages_run_in_the_api_image_are_there() -> None:
    # Given the commands that operators are told to run in the container
    pages = (ROOT / "docker-compose.yml", ROOT / "docs/runbook.md")
    told = {
        word
        for page in pages
        for word in re.findall(r"run --rm api captions (\w+)", page.read_text())
    }
    assert told == {"keys", "doctor"}
    # Then the image has that program, and a test above imports what each of them needs
    runs = stages()[stages()["api"].packages].runs
    script = next(run for run in runs if "> /opt/captions/bin/captions" in run)
    assert "python -m cli" in script
    assert {f"cli.{word}" for word in told} <= set(STARTS["api"])


@pytest.mark.parametrize("target", TARGETS)
def test_no_image_runs_as_root(target: str) -> None:
    assert stages()[target].user == "10001"


def test_images_are_built_from_what_is_committed() -> None:
    for stage in stages().values():
        for name in stage.copied:
            assert (ROOT / name).exists(), f"{stage.name} copies {name}"
