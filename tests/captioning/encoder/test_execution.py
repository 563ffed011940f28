import numpy as np
import pytest

from captioning.buckets import BUCKETS
from captioning.encoder.cpu import multiplies_bfloat16, multiplies_int8
from captioning.encoder.execution import compile_encoder, fastest_runtime
from captioning.encoder.graph import Graph
from captioning.encoder.int8 import Rounding
from captioning.encoder.openvino_int8 import measure
from captioning.errors import WeightsError
from tests.captioning.drawing import drawn_picture
from tests.captioning.encoder.tiny import TinyEncoder

# bfloat16 keeps eight bits of a number; where a CPU lacks it, the frozen graph stays float32.
TOLERANCE = {
    "tensorflow": 1e-5,
    "tensorflow-bfloat16": 3e-2,
    "openvino": 3e-2,
    "openvino-int8": 3e-2,
}


@pytest.fixture(scope="module")
def rounding():
    pictures = [np.roll(drawn_picture(64), shift, axis=1) for shift in range(0, 64, 8)]
    return measure(Graph(TinyEncoder()), pictures)


@pytest.mark.parametrize("runtime", TOLERANCE)
def test_every_runtime_gives_the_grid_that_keras_gives(runtime, rounding):
    encoder = TinyEncoder()
    pictures = np.stack([np.roll(drawn_picture(64), shift, axis=0) for shift in range(4)])
    expected = np.asarray(encoder.build()(pictures, training=False)).reshape(4, 4, 8)

    grid = compile_encoder(encoder, runtime, rounding)(pictures)

    assert grid.dtype == np.float32
    np.testing.assert_allclose(grid, expected, atol=TOLERANCE[runtime])


@pytest.mark.parametrize("runtime", TOLERANCE)
def test_nothing_is_traced_again_once_compiled(runtime, rounding):
    compiled = compile_encoder(TinyEncoder(), runtime, rounding)
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


def test_a_rounding_comes_back_as_it_was_saved(rounding, tmp_path):
    rounding.save(tmp_path / "int8.safetensors", {"name": "tiny"})

    loaded = Rounding.load(tmp_path / "int8.safetensors", {"name": "tiny"})

    np.testing.assert_array_equal(loaded.low, rounding.low)
    np.testing.assert_array_equal(loaded.high, rounding.high)
    for there, here in zip(loaded.shift, rounding.shift, strict=True):
        np.testing.assert_array_equal(there, here)


def test_a_rounding_for_another_encoder_is_refused(rounding, tmp_path):
    rounding.save(tmp_path / "int8.safetensors", {"name": "tiny"})
    with pytest.raises(WeightsError, match=r"int8\.safetensors: it is for another encoder"):
        Rounding.load(tmp_path / "int8.safetensors", {"name": "large"})


def test_a_rounding_that_is_no_safetensors_is_refused(tmp_path):
    (tmp_path / "int8.safetensors").write_bytes(b"no tensors")
    remedy = "run captions quantize on the checkpoint again, or delete the file"
    with pytest.raises(WeightsError, match=rf"int8\.safetensors: is damaged, .*; {remedy}"):
        Rounding.load(tmp_path / "int8.safetensors", {"name": "tiny"})


def test_a_rounding_of_other_convolutions_is_refused(rounding):
    with pytest.raises(WeightsError, match="other convolutions"):
        compile_encoder(TinyEncoder(channels=4), "openvino-int8", rounding)


def test_integers_are_asked_for_with_a_rounding_only():
    with pytest.raises(WeightsError, match="captions quantize"):
        compile_encoder(TinyEncoder(), "openvino-int8")


def test_integers_are_the_default_where_the_cpu_and_the_checkpoint_have_them():
    assert fastest_runtime(may_round=False) == "openvino"
    assert (fastest_runtime(may_round=True) == "openvino-int8") is multiplies_int8()


def test_a_cpu_multiplies_integers_where_its_flags_say_so(tmp_path):
    for flags, expected in (("avx2 avx512f", False), ("avx512_vnni", True), ("avx_vnni", True)):
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text(f"model name\t: a\nflags\t\t: {flags}\n")
        assert multiplies_int8(cpuinfo) is expected
