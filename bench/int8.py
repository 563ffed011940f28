"""What 8-bit integers bring to the encoder of the default checkpoint, and what they cost.

Both sides run in OpenVINO, one in bfloat16 where the CPU has it. `int8.speed`: images/s of the
encoder. `int8.bleu4_loss`: what BLEU-4 on the data set's dev split loses, beam 3.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.dataset import Judged, missing
from bench.measure import Measurement, in_turn, rate, ratio
from bench.networks import some_pictures
from captioning.buckets import BUCKETS
from captioning.checkpoint import Checkpoint
from captioning.encoder.cpu import multiplies_bfloat16, multiplies_int8
from captioning.encoder.encoder import from_config
from captioning.encoder.execution import Runtime, compile_encoder
from captioning.network import NetworkCaptioner
from jobs.settings import Settings

ROUNDS = 9
SPEED_GOAL = 1.3
LOSS_GOAL = 0.005
RUNTIMES: dict[str, Runtime] = {"bfloat16": "openvino", "int8": "openvino-int8"}


def int8(dataset: Path | None) -> Iterator[Measurement]:
    """`int8.speed`, and `int8.bleu4_loss` where there is a data set."""
    checkpoint = Checkpoint.open(Settings().checkpoint)
    lacking = _lacking(checkpoint)
    if lacking:
        yield Measurement("int8.speed", None, SPEED_GOAL, "×", detail={"missing": lacking})
        yield Measurement("int8.bleu4_loss", None, LOSS_GOAL, "", False, {"missing": lacking})
        return
    yield _speed(checkpoint)
    if dataset is None:
        yield from missing(["int8.bleu4_loss"], LOSS_GOAL, "", higher_is_better=False)
    else:
        yield _loss(checkpoint, Judged.of(dataset))


def _lacking(checkpoint: Checkpoint) -> str | None:
    if not find_spec("openvino"):
        return "OpenVINO (requirements/openvino.txt)"
    if checkpoint.load_rounding() is None:
        return "a rounding in the checkpoint (captions quantize CHECKPOINT DATASET)"
    return None


def _speed(checkpoint: Checkpoint) -> Measurement:
    encoder = from_config(checkpoint.config.encoder, checkpoint.folder)
    rounding = checkpoint.load_rounding()
    pictures = some_pictures(BUCKETS[-1], encoder.input_size)
    compiled = {
        name: compile_encoder(encoder, runtime, rounding) for name, runtime in RUNTIMES.items()
    }
    seconds = in_turn(
        {name: lambda run=run: run(pictures) for name, run in compiled.items()},  # type: ignore[misc]
        ROUNDS,
    )
    detail: dict[str, Any] = {
        "encoder": encoder.name,
        "images_per_second": {name: rate(len(pictures), s) for name, s in seconds.items()},
        "cpu_multiplies": {"bfloat16": multiplies_bfloat16(), "int8": multiplies_int8()},
        "rounds": ROUNDS,
    }
    figure = ratio(seconds["bfloat16"], seconds["int8"])
    return Measurement("int8.speed", figure, SPEED_GOAL, "×", detail=detail)


def _loss(checkpoint: Checkpoint, judged: Judged) -> Measurement:
    found = {
        name: judged.metrics(NetworkCaptioner(checkpoint, batch_size=32, runtime=runtime))
        for name, runtime in RUNTIMES.items()
    }
    loss = round(found["bfloat16"]["BLEU-4"] - found["int8"]["BLEU-4"], 4)
    detail = {"pictures": len(judged), **found}
    return Measurement("int8.bleu4_loss", loss, LOSS_GOAL, "", False, detail)
