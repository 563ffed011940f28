"""The house itself: what the pages say is there, and what is there is on the pages."""

import re
import subprocess
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import bench.__main__
from cli.grammar import build_parser
from jobs.settings import Settings

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"]


def tracked(pattern: str = "") -> list[Path]:
    """Files of the project, whether committed yet or not."""
    command = [
        "git",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        pattern or ".",
    ]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.splitlines() if (ROOT / name).is_file()]


PAGES = [path for path in tracked() if path.suffix == ".md"]


def commands(parser: ArgumentParser, words: str = "captions") -> Iterator[str]:
    """Every command as it is typed."""
    if parser.get_default("handler"):
        yield words
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for name, command in action.choices.items():
                yield from commands(command, f"{words} {name}")


def test_every_command_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [command for command in commands(build_parser()) if f"`{command}" not in readme]
    assert not missing


def test_the_readmes_tree_is_the_real_tree() -> None:
    # Given the tree of the README
    tree = re.search(r"```tree\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert tree
    listed = {line.split("/")[0] for line in tree[1].splitlines()}
    # Then its folders are those that the project has, dotted ones left out
    folders = {path.relative_to(ROOT).parts[0] for path in tracked() if path.parent != ROOT}
    assert listed == {name for name in folders if not name.startswith(".")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_resolve(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{target} does not exist"
        if anchor:
            assert anchor in anchors(path), f"{target}: no such heading"


def anchors(page: Path) -> set[str]:
    """Headings as a browser of the repository names them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_the_drawn_arrows_are_those_that_are_checked() -> None:
    # Given the arrows of the architecture page
    page = (ROOT / "docs/architecture.md").read_text()
    drawn_block = re.search(r"```arrows\n(.*?)```", page, re.DOTALL)
    assert drawn_block
    drawn = {}
    for line in drawn_block[1].splitlines():
        package, targets = line.split(" → ")
        drawn[package] = set(targets.split(", ")) - {"nothing"}
    # Then they are what the contracts of import-linter leave
    layers, *forbidden = PROJECT["tool"]["importlinter"]["contracts"]
    allowed: dict[str, set[str]] = {}
    below: set[str] = set()
    for layer in reversed(layers["layers"]):
        names = set(layer.split(" | "))
        allowed |= {name: set(below) for name in names}
        below |= names
    for contract in forbidden:
        for source in contract["source_modules"]:
            allowed.get(source, set()).difference_update(contract["forbidden_modules"])
    assert drawn == allowed


def test_requirements_name_no_address_of_an_index() -> None:
    for path in (ROOT / "requirements").iterdir():
        assert "://" not in path.read_text(), path.name


def test_each_group_is_locked_with_hashes() -> None:
    locked = {path.stem for path in (ROOT / "requirements").iterdir()}
    assert locked == set(GROUPS) | {"uv"}
    for name in locked:
        lines = (ROOT / f"requirements/{name}.txt").read_text()
        assert lines.count("==") >= 1
        assert "--hash=sha256:" in lines


@pytest.mark.parametrize("group", GROUPS)
def test_each_lock_holds_what_its_group_asks_for(group: str) -> None:
    locked = locked_packages(group)
    for requirement in direct(group):
        name = re.split(r"[\[<>=; ]", requirement)[0]
        assert name in locked, f"{requirement} is not in requirements/{group}.txt: make lock"
        floor = re.search(r">=([\d.]+)", requirement)
        if floor:
            assert all(at_least(version, floor[1]) for version in locked[name]), requirement


@pytest.mark.parametrize(
    "group", sorted(set(GROUPS) - {"demo-photos", "tensorflow-cuda", "caption-cuda"})
)
def test_what_is_tested_is_what_a_role_installs(group: str) -> None:
    tested = locked_packages("dev")
    for name, versions in locked_packages(group).items():
        assert versions <= tested.get(name, versions), name


def direct(group: str) -> Iterator[str]:
    for entry in GROUPS[group]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from direct(entry["include-group"])


def locked_packages(group: str) -> dict[str, set[str]]:
    """Name → versions: more than one where they depend on the version of Python."""
    found: dict[str, set[str]] = {}
    text = (ROOT / f"requirements/{group}.txt").read_text()
    for name, version in re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^\s;]+)", text, re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def at_least(version: str, floor: str) -> bool:
    numbers = [int(part) for part in re.findall(r"\d+", version)]
    return numbers >= [int(part) for part in floor.split(".")]


def test_each_group_of_packages_has_a_page() -> None:
    pages = (ROOT / "docs/decisions").glob("packages-*.md")
    titles = ", ".join(
        page.read_text().splitlines()[0].removeprefix("# Packages: ") for page in pages
    )
    roles = set(GROUPS) - {
        "caption-cpu",
        "caption-cuda",
        "caption-huggingface",
    }  # only sums of other groups
    assert set(titles.split(", ")) == roles


def test_each_decision_is_listed() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text()
    for page in (ROOT / "docs/decisions").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in listed, page.name


def test_every_setting_that_a_page_names_exists() -> None:
    known = {f"CAPTIONS_{name.upper()}" for name in Settings.model_fields}
    known |= {"CAPTIONS_SERVER", "CAPTIONS_KEY"}  # of the command line
    files = [*PAGES, ROOT / ".env.example", ROOT / "docker-compose.yml", *tracked("infra")]
    for path in files:
        for name in re.findall(r"CAPTIONS_[A-Z][A-Z_]*[A-Z]", path.read_text()):
            assert name in known, f"{path.relative_to(ROOT)} names {name}"


def test_every_test_that_a_page_names_exists() -> None:
    known = set()
    for path in tracked("tests"):
        if path.suffix == ".py":
            known |= set(re.findall(r"def (test_\w+)", path.read_text()))
    for page in PAGES:
        for name in re.findall(r"`(test_\w+)`", page.read_text()):
            assert name in known, f"{page.relative_to(ROOT)} names {name}"


@pytest.mark.parametrize("name", bench.__main__.BENCHES)
def test_every_measurement_that_is_offered_exists(name: str) -> None:
    module = bench.__main__.BENCHES[name].split(":")[0]
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()


def test_every_measurement_that_a_page_names_is_offered() -> None:
    for page in PAGES:
        for name in re.findall(r"make bench NAME=(\w+)", page.read_text()):
            assert name in bench.__main__.BENCHES, f"{page.relative_to(ROOT)} names {name}"


def test_pictures_of_pages_are_small() -> None:
    for path in tracked("docs"):
        if path.suffix == ".png":
            assert path.stat().st_size <= 200_000, path.relative_to(ROOT)


def test_no_module_is_longer_than_a_few_screens() -> None:
    packages = {"api", "bench", "captioning", "cli", "jobs", "worker"}
    for path in tracked():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in packages:
            assert len(path.read_text().splitlines()) <= 400, path.relative_to(ROOT)


def test_no_line_is_left_for_later() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX)\b")
    for path in tracked():
        if path.suffix == ".py" and path != Path(__file__):
            assert not words.search(path.read_text()), path.relative_to(ROOT)


def test_the_changelog_has_its_versions_in_order() -> None:
    titles = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert all(at_least(newer, older) for newer, older in pairwise(titles[1:]))
