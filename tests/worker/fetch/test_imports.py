"""A fetch process never loads the network, nor Pillow: foreign bytes are the decoder's alone."""

import subprocess
import sys


def test_fetching_loads_neither_tensorflow_nor_pillow() -> None:
    script = (
        "import sys; import worker.fetch.stage; "
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert run.stdout.strip() == b"[]"
