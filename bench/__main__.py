"""`python -m bench [NAME…]`: take measurements, one JSON line each as soon as it is known."""

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator

from bench.measure import Measurement

# name → generator of measurements, imported only when it is wanted.
BENCHES = {
    "encode": "bench.encode:encode",
    "beam": "bench.beam:beam",
    "decode_share": "bench.beam:decode_share",
    "end_to_end": "bench.end_to_end:end_to_end",
    "decode": "bench.decode:decode",
    "fair": "bench.fair:fair",
    "ingest": "bench.ingest:ingest",
    "orchestration": "bench.orchestration:orchestration",
    "poll": "bench.poll:poll",
}


def main() -> int:
    """Exit code: 0 measured, 2 no such name."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    names = parser.parse_args().names or list(BENCHES)
    if unknown := [name for name in names if name not in BENCHES]:
        print(f"no measurement {', '.join(unknown)}; there are: {', '.join(BENCHES)}")
        return 2
    for name in names:
        for measurement in find(name)():
            print(measurement.to_line(), flush=True)
    return 0


def find(name: str) -> Callable[[], Iterator[Measurement]]:
    """The generator that a name of BENCHES stands for."""
    module, function = BENCHES[name].split(":")
    bench: Callable[[], Iterator[Measurement]] = getattr(importlib.import_module(module), function)
    return bench


if __name__ == "__main__":
    sys.exit(main())
