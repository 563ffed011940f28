"""`python -m worker fetch|caption|dispatch`: one process of one kind, until a signal ends it.

Exit code 78: refused to start, with a sentence on stderr, and would again. 75: left because it
was stuck, and wants to be started anew. Anything else but 0: failed, and may be tried again.
"""

import argparse
import os
import socket
import sys
from importlib import import_module

from jobs import traces
from jobs.errors import CaptionsError, SettingsError
from jobs.logs import configure
from jobs.settings import load_settings
from worker.errors import CheckpointRefused, WorkerError
from worker.stopping import Stop

EXIT_FAILED = 1
EXIT_REFUSED = 78
KINDS = ("fetch", "caption", "dispatch")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    kind = parser.parse_args(arguments).kind
    try:
        return run(kind)
    except (CaptionsError, WorkerError) as error:
        print(f"captions {kind}: {error}", file=sys.stderr)
        refused = isinstance(error, SettingsError | CheckpointRefused)
        return EXIT_REFUSED if refused else EXIT_FAILED


def run(kind: str) -> int:
    """Raises CaptionsError or WorkerError for whatever keeps the process from starting."""
    settings = load_settings()
    configure(settings.log_level)
    traces.configure(kind)
    name = f"{kind}@{socket.gethostname()}-{os.getpid()}"
    # Imported only now: a fetch process must never load the network.
    return int(import_module(f"worker.{kind}.process").run(settings, name, Stop()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
