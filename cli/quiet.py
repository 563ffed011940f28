"""What TensorFlow notes on standard error while it is imported is not what was asked for.

Its first lines come from compiled code that no setting silences
(https://github.com/tensorflow/tensorflow/issues/100442). Whoever sets TF_CPP_MIN_LOG_LEVEL
sees them all.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_FATAL_ALONE = "3"  # an error that matters comes as an exception
_NOTE = re.compile(
    rb"[IWE]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IWE] |WARNING: All log messages before absl"
    rb"|To enable the following instructions"
)
_STDERR = 2


@contextmanager
def without_notes() -> Iterator[None]:
    """Keep back what is written to standard error meanwhile; then show what is no such note, or
    all of it where an exception ends the work: a note may say why. What an abort of compiled code
    leaves behind is lost."""
    if _LEVEL in os.environ or sys.stderr is None:
        yield
        return
    os.environ[_LEVEL] = _FATAL_ALONE
    with TemporaryFile() as written:
        sys.stderr.flush()
        terminal = os.dup(_STDERR)
        os.dup2(written.fileno(), _STDERR)
        failed = False
        try:
            yield
        except Exception:
            failed = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, _STDERR)
            os.close(terminal)
            written.seek(0)
            for line in written:
                if failed or not _NOTE.match(line):
                    os.write(_STDERR, line)
            if "tensorflow" not in sys.modules:  # the processes of a service keep their notes
                del os.environ[_LEVEL]
