"""What an API process never loads."""

import subprocess
import sys

FORBIDDEN = ("worker", "captioning", "cli", "tensorflow", "keras", "numpy", "PIL", "alembic")


def test_the_api_loads_neither_workers_nor_networks():
    # When everything that serves is imported in a process of its own
    program = f"import api.__main__, sys; print([n for n in {FORBIDDEN} if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    # Then none of these came with it
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
