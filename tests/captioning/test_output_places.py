"""Folders that an account may not use, as that account sees them: root may use every one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRY = """
import os, sys
from pathlib import Path
from captioning.errors import OutputError
from captioning.output_places import make_folder, require_writable
from cli import errors
from cli.files import form_of
if os.getuid() == 0:  # drops privileges; any other account has none to drop
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
work = {"make": make_folder, "write": require_writable, "form": form_of}[sys.argv[1]]
try:
    work(Path(sys.argv[2]))
except (OutputError, errors.OutputError) as error:
    print(error)
"""


@pytest.mark.parametrize("mode", [0o555, 0o444, 0o000], ids=["read-only", "listed", "sealed"])
@pytest.mark.parametrize("work", ["make", "write", "form"])
def test_a_folder_that_may_not_be_used_is_refused_in_a_sentence(
    tmp_path: Path, work: str, mode: int
) -> None:
    # Given a folder that is another account's, or may not be used by its own
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(0o755)
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(mode)
    # When an account without privileges is to put something into it
    output = folder / "out.csv"
    command = [sys.executable, "-c", TRY, work, str(output)]
    tried = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    folder.chmod(0o755)
    # Then one sentence names it; a name's form alone may be had from a folder that can be entered
    assert tried.stderr == ""
    expected = "" if work == "form" and mode == 0o555 else f"{output}: cannot be written: Permis"
    assert tried.stdout.startswith(expected)
