import numpy as np
import pytest

from captioning.buckets import BUCKETS
from captioning.encoder.cpu import multiplies_bfloat16
from captioning.encoder.execution import compile_encoder
from tests.captioning.drawing import drawn_picture
from tests.captioning.encoder.tiny import TinyEncoder

# bfloat16 keeps eight bits of a number; where a CPU lacks it, the frozen graph stays float32.
TOLERANCE = {"tensorflow": 1e-5, "tensorflow-bfloat16": 3e-2, "openvino": 3e-2}


@pytest.mark.parametrize("runtime", TOLERANCE)
def test_every_runtime_gives_the_grid_that_keras_gives(runtime):
    encoder = TinyEncoder()
    pictures = np.stack([np.roll(drawn_picture(64), shift, axis=0) for shift in range(4)])
    expected = np.asarray(encoder.build()(pictures, training=False)).reshape(4, 4, 8)

    grid = compile_encoder(encoder, runtime)(pictures)

    assert grid.dtype == np.float32
    np.testing.assert_allclose(grid, expected, atol=TOLERANCE[runtime])


@pytest.mark.parametrize("runtime", TOLERANCE)
def test_nothing_is_traced_again_once_compiled(runtime):
    compiled = compile_encoder(TinyEncoder(), runtime)
    before = compiled.traces

    for _ in range(2):
        for bucket in BUCKETS:
            compiled(np.zeros((bucket, 64, 64, 3), np.uint8))

    assert compiled.traces == before <= len(BUCKETS)


def test_a_cpu_multiplies_bfloat16_where_its_flags_say_so(tmp_path):
    for flags, expected in (("fma avx2", False), ("avx2 avx512_bf16", True), ("amx_bf16", True)):
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text(f"model name\t: a\nflags\t\t: {flags}\n")
        assert multiplies_bfloat16(cpuinfo) is expected


def test_a_machine_that_does_not_tell_its_flags_is_taken_as_one_without(tmp_path):
    assert multiplies_bfloat16(tmp_path / "none") is False


def test_low_precision_is_not_lost_after_the_first_run():
    pictures = np.stack([drawn_picture(64)])
    exact = compile_encoder(TinyEncoder(), "tensorflow")(pictures)
    low = compile_encoder(TinyEncoder(), "tensorflow-bfloat16")

    for _ in range(2):
        assert (low(pictures) != exact).any() == multiplies_bfloat16()
