"""Lends Keras the program that draws its graphs.

`keras.utils.plot_model` calls Graphviz's `dot`. Where a machine has none, the program of the
package graphviz-pure draws the same, and gets that name for as long as it is needed.
"""

import os
import shlex
import shutil
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

# To learn whether there is a Graphviz, Keras has an empty graph drawn as PostScript, which
# graphviz-pure does not write: it may answer in SVG.
DOT = """\
#!/bin/sh
[ "$1" = -Tps ] && shift && set -- -Tsvg "$@"
exec {program} "$@"
"""


@contextmanager
def dot_on_path() -> Iterator[None]:
    """While it lasts, `dot` is found by name: the machine's own, or else graphviz-pure."""
    path = os.environ.get("PATH", os.defpath)
    places = os.pathsep.join((sysconfig.get_path("scripts"), path))
    program = shutil.which("graphviz-pure", path=places)
    if shutil.which("dot") or not program:
        yield
        return
    with TemporaryDirectory() as folder:
        dot = Path(folder, "dot")
        dot.write_text(DOT.format(program=shlex.quote(program)), encoding="utf-8")
        dot.chmod(0o700)
        os.environ["PATH"] = os.pathsep.join((folder, path))
        try:
            yield
        finally:
            os.environ["PATH"] = path
