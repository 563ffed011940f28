"""What the machine can do, so that nothing is assumed about it."""

from pathlib import Path

import tensorflow as tf

_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def has_gpu() -> bool:
    """Whether TensorFlow sees one. Must be asked before TensorFlow's first operation.

    It takes a whole GPU's memory unless growth is switched on, and that cannot be done later.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return bool(gpus)


def multiplies_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU has instructions for bfloat16; without them it is slower than float32."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not _BFLOAT16_FLAGS.isdisjoint(flags.split())
