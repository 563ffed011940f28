"""What the CPU can do, asked without loading a network library."""

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def multiplies_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU has instructions for bfloat16; without them it is slower than float32."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not _BFLOAT16_FLAGS.isdisjoint(flags.split())
