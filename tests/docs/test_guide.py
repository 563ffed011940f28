"""Every example of the guide does what the page says, in its order, on a real embedded stack."""

import io
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from jobs.codes import CODES
from jobs.settings import Settings
from jobs.store.s3 import connect
from tests.docs.hosts import PHOTO, Hosts, hosts
from tests.docs.pages import Example, examples
from tests.docs.shell import Shell, shell
from tests.system.pictures import jpeg
from tests.system.service import serving, settings_for

GUIDE = Path(__file__).parents[2] / "docs/guide.md"
EXAMPLE_SECONDS = 60.0


@dataclass
class Reader:
    """Somebody who tries every example; `real` says what the names of the page are here."""

    shell: Shell
    hosts: Hosts
    real: Mapping[str, str]
    names: dict[str, Any] = field(default_factory=dict)

    def try_out(self, example: Example) -> str | None:
        """What is wrong with the page's output, if anything is."""
        code = self._here(example.code)
        run = self._run_bash if example.language == "bash" else self._run_python
        try:
            printed = run(code)
        except Exception as error:
            raise AssertionError(f"{GUIDE.name}, line {example.line}: {error!r}") from error
        return example.mistake(self._there(printed))

    def _run_bash(self, code: str) -> str:
        return self.shell.run(code, EXAMPLE_SECONDS)

    def _run_python(self, code: str) -> str:
        if "body, headers" in code:
            self.names["headers"], self.names["body"] = self.hosts.told.get(timeout=EXAMPLE_SECONDS)
        if "KEY" in code:
            self.names["KEY"] = self.shell.run('printf %s "$KEY"', EXAMPLE_SECONDS)
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, GUIDE.name, "exec"), self.names)
        return printed.getvalue()

    def _here(self, text: str) -> str:
        for name, address in self.real.items():
            text = text.replace(name, address)
        return text

    def _there(self, text: str) -> str:
        for name, address in self.real.items():
            text = text.replace(address, name)
        return text


@pytest.fixture
def curl() -> None:
    for program in ("curl", "bash"):
        if not shutil.which(program):
            pytest.fail(f"The guide's examples need {program}, which is not installed here.")


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of somebody's photos, at a service that the environment names."""
    name, query = urlsplit(s3_url).netloc, dict(parse_qsl(urlsplit(s3_url).query))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", query["endpoint"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", query["region"])
    with closing(connect(None, None)) as client:
        client.put_object(Bucket=name, Key="2024/harbour.jpg", Body=jpeg("blue-1"))
    return name


@pytest.fixture
def reader(
    curl: None,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Reader]:
    folder = tmp_path / "reader"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(PHOTO)
    monkeypatch.chdir(folder)
    settings = settings_for(
        tmp_path / "home",
        s3_allow=bucket,
        read_seconds=60,
        fetch_seconds=60,
    )
    with (
        hosts() as picture_host,
        serving(settings) as service,
        shell(folder, environment(tmp_path, service.stack.settings)) as bash,
    ):
        real = {
            "http://127.0.0.1:8000": service.stack.url,
            "https://hooks.example/captions": f"{picture_host.url}/hooks",
            "https://images.example": picture_host.url,
            "s3://photos": f"s3://{bucket}",
        }
        somebody = Reader(bash, picture_host, real)
        yield somebody
        if client := somebody.names.get("client"):
            client.close()


def environment(folder: Path, settings: Settings) -> dict[str, str]:
    """That of a shell in which `captions` is found, and serves the stack of the test."""
    programs = folder / "bin"
    programs.mkdir()
    captions = programs / "captions"
    root = GUIDE.parents[1]
    captions.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m cli "$@"\n')
    captions.chmod(0o755)
    path = os.pathsep.join((str(programs), os.environ.get("PATH", "")))
    return {"PATH": path, "CAPTIONS_HOME": str(settings.home), "LC_ALL": "C.UTF-8"}


def test_every_example_of_the_guide_does_what_it_shows(reader: Reader) -> None:
    mistakes = [mistake for example in examples(GUIDE) if (mistake := reader.try_out(example))]
    assert not mistakes, "\n".join(mistakes)


def test_the_guide_names_every_code_with_its_sentence() -> None:
    text = GUIDE.read_text()
    for name, code in CODES.items():
        mark = " ↻" if code.transient else ""
        assert f"| `{name}`{mark} | {code.sentence} |" in text
