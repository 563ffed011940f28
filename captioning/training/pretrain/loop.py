"""Pretraining: config → run folder with the best encoder so far.

encoder.safetensors, encoder.json   what `captions encode --weights` takes
metrics.json, log.jsonl             figures on dev, of the kept encoder and of every pass
curves.png                          the log as a picture
state.safetensors                   where a run that is called again goes on
train.refused.json, dev.…           captions and pictures that could not be used, and why
targets/                            crops and what the teacher made of them
"""

from pathlib import Path

import keras

from captioning.training.captioned import read_pictures
from captioning.training.config_files import names_its_config, require_batch
from captioning.training.datasets import Tell, report_captions
from captioning.training.pretrain.batches import Plan
from captioning.training.pretrain.config import PretrainConfig
from captioning.training.pretrain.learning import Learning, make_network, number_format
from captioning.training.pretrain.material import Material, Report
from captioning.training.pretrain.run_folder import claim_run


@names_its_config
def pretrain(config_path: Path, run: Path, report: Report, tell: Tell) -> None:
    """Train as configured, or go on where a run in this folder stopped.

    tell: is told what was read and refused, and what each pass has reached. Raises
    TrainingError, DatasetError or WeightsError, DivergedError when the loss is no number, and
    OSError or FeaturesError that names a file which cannot be written.
    """
    config = PretrainConfig.load(config_path)
    claim_run(run, config)
    keras.utils.set_random_seed(config.seed)
    train, dev = (read_pictures(config.data.dataset, split) for split in ("train", "dev"))
    report_captions(run, "train", train.captions, tell)
    report_captions(run, "dev", dev.captions, tell)
    for number, each in enumerate(config.rounds, start=1):
        require_batch(f"[[rounds]] {number}, batch", each.batch, len(train))
    plan = Plan(config.rounds, len(train))
    # First what may be refused; the teacher takes its time.
    network = make_network(config.student, number_format(config.learning.precision))
    material = Material(config, train, dev, run / "targets", report)
    Learning(config, run, network, plan, material, report, tell).go_on()
