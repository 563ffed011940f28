"""`python -m bench [NAME…]`: take measurements, one JSON line each as soon as it is known."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import Measurement

# Before TensorFlow is imported: its notes on start-up are not what was asked for.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# name → generator of measurements, imported only when it is wanted.
BENCHES = {
    "encode": "bench.encode:encode",
    "beam": "bench.beam:beam",
    "decode_share": "bench.beam:decode_share",
    "int8": "bench.int8:int8",
    "input_size": "bench.input_size:input_size",
    "end_to_end": "bench.end_to_end:end_to_end",
    "decode": "bench.decode:decode",
    "fair": "bench.fair:fair",
    "ingest": "bench.ingest:ingest",
    "orchestration": "bench.orchestration:orchestration",
    "poll": "bench.poll:poll",
}

# These ask for pictures with captions, and say what is missing where there are none.
WITH_DATASET = ("int8", "input_size")


def main() -> int:
    """Exit code: 0 measured, 2 no such name."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--dataset", type=Path, metavar="FOLDER", help="pictures with captions")
    arguments = parser.parse_args()
    names = arguments.names or list(BENCHES)
    if unknown := [name for name in names if name not in BENCHES]:
        print(f"no measurement {', '.join(unknown)}; there are: {', '.join(BENCHES)}")
        return 2
    for name in names:
        bench = find(name)
        found = bench(arguments.dataset) if name in WITH_DATASET else bench()
        for measurement in found:
            print(measurement.to_line(), flush=True)
    return 0


def find(name: str) -> Callable[..., Iterator[Measurement]]:
    """The generator that a name of BENCHES stands for."""
    module, function = BENCHES[name].split(":")
    bench: Callable[..., Iterator[Measurement]] = getattr(importlib.import_module(module), function)
    return bench


if __name__ == "__main__":
    sys.exit(main())
