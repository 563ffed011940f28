"""What the CPU can do, asked without loading a network library."""

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


def multiplies_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU has instructions for bfloat16; without them it is slower than float32."""
    return not _BFLOAT16_FLAGS.isdisjoint(_flags(cpuinfo))


def multiplies_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU sums products of 8-bit integers in one instruction."""
    return not _INT8_FLAGS.isdisjoint(_flags(cpuinfo))


def _flags(cpuinfo: Path) -> list[str]:
    """None where the machine does not tell."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return next((line.split() for line in lines if line.startswith("flags")), [])
