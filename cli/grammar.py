"""Every command with its arguments, and which function carries it out.

Nothing but argparse is imported here: `captions --help` must answer at once.
"""

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Gives every picture of a large library a sentence.

  captions run photos/ -o captions.csv    caption a folder, a list of URLs, anything
  captions up                             the service on this machine, with an HTTP API
  captions caption picture.jpg            one picture, no service at all
"""
LOCAL_SERVER = "http://127.0.0.1:8000"
LENGTHS = range(4, 33)
RECIPES = "captioning/training/recipes"


def build_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="captions",
        description=DESCRIPTION,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_local(commands)
    _add_remote(commands)
    _add_training(commands)
    _add_upkeep(commands)
    return parser


def _add_local(commands: Any) -> None:
    up = _add(commands, "up", "run the whole service in the foreground", "cli.up:up")
    up.add_argument("--port", type=int, help="of the API (default: CAPTIONS_API_PORT, 8000)")

    run = _add(commands, "run", "caption pictures into a file, in one go", "cli.run:run")
    _add_sources(run)
    run.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="captions.csv or .jsonl"
    )
    run.add_argument("--checkpoint", metavar="NAME|PATH", help="default: CAPTIONS_CHECKPOINT")
    _add_options(run)

    caption = _add(
        commands, "caption", "caption pictures right here, no service", "cli.network:caption"
    )
    caption.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    caption.add_argument("--checkpoint", metavar="NAME|PATH", help="default: CAPTIONS_CHECKPOINT")
    _add_options(caption)

    demo = _add(commands, "demo", "caption some photographs through everything", "cli.demo:demo")
    demo.add_argument("--photos", type=Path, metavar="FOLDER", help="yours instead of ours")


def _add_remote(commands: Any) -> None:
    submit = _add_remote_command(commands, "submit", "send a job to a server")
    _add_sources(submit)
    _add_options(submit)
    submit.add_argument("--wait", action="store_true", help="until the job has ended")

    status = _add_remote_command(commands, "status", "how a job is doing, or all jobs")
    status.add_argument("job", nargs="?", metavar="JOB")
    status.add_argument("--wait", action="store_true", help="until the job has ended")

    results = _add_remote_command(commands, "results", "the captions of a job")
    results.add_argument("job", metavar="JOB")
    results.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="captions.csv or .jsonl (default: print)"
    )

    cancel = _add_remote_command(commands, "cancel", "end a job, keeping what is captioned")
    cancel.add_argument("job", metavar="JOB")

    retry = _add_remote_command(commands, "retry", "try a job's failed images again")
    retry.add_argument("job", metavar="JOB")
    retry.add_argument(
        "--code", action="append", default=[], metavar="CODE", help="only these, such as timeout"
    )

    delete = _add_remote_command(commands, "delete", "remove a job and all that belongs to it")
    delete.add_argument("job", metavar="JOB")


def _add_training(commands: Any) -> None:
    encode = _add(commands, "encode", "features of a data set, once", "cli.training:encode")
    _add_dataset(encode)
    _add_output(encode, "FOLDER", "features and pickles; called again, it goes on")
    encode.add_argument(
        "--encoder",
        default="efficientnet-lite2",
        metavar="NAME",
        help="efficientnet-lite0, efficientnet-lite2 or resnet50 (default: efficientnet-lite2)",
    )
    encode.add_argument(
        "--weights", type=Path, metavar="FILE", help="your own .safetensors, or Keras's .h5"
    )
    encode.add_argument(
        "--input-size", type=int, metavar="PIXELS", help="default: what was published"
    )
    encode.add_argument(
        "--scaling", choices=("caffe", "centred"), help="of resnet50's pixels; follows --weights"
    )
    encode.add_argument(
        "--views",
        nargs="+",
        choices=("whole", "flip", "crop"),
        default=["whole", "flip"],
        help="of each train picture (default: whole flip)",
    )

    pretrain = _add(
        commands, "pretrain", "train an encoder from nothing", "cli.pretraining:pretrain"
    )
    _add_config(pretrain, "docs/pretraining.md has one, and says what each setting does")

    train = _add(commands, "train", "train a decoder", "cli.training:train")
    _add_config(train, f"{RECIPES} has those of the shipped checkpoints, and the order")
    train.add_argument(
        "--tensorboard", action="store_true", help="event files in RUN_FOLDER/tensorboard"
    )

    tune = _add(
        commands, "finetune", "train encoder and decoder together", "cli.training:fine_tune"
    )
    _add_config(tune, f"{RECIPES} has those of the shipped checkpoints, and the order")

    evaluate = _add(commands, "evaluate", "metrics of a checkpoint", "cli.judging:evaluate")
    _add_checkpoint(evaluate)
    _add_dataset(evaluate)
    evaluate.add_argument("--split", default="dev", metavar="NAME", help="default: dev")
    evaluate.add_argument("--beam-width", type=int, choices=(1, 3, 5), default=3, help="default: 3")
    evaluate.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="scores, sheets, reliability plot"
    )

    quantize = _add(
        commands, "quantize", "let an encoder run in 8-bit integers", "cli.training:quantize"
    )
    _add_checkpoint(quantize)
    _add_dataset(quantize)

    explain = _add(commands, "explain", "where the network looked", "cli.judging:explain")
    explain.add_argument("picture", type=Path, metavar="PICTURE")
    _add_output(explain, "FILE.png", "the picture once for each word, and the beam's sentences")
    explain.add_argument("--checkpoint", metavar="NAME|PATH", help="default: CAPTIONS_CHECKPOINT")

    plot = _add(commands, "plot", "draw a checkpoint's network, layer by layer", "cli.judging:plot")
    _add_checkpoint(plot)
    _add_output(plot, "FILE.png", "the drawing")


def _add_dataset(parser: ArgumentParser) -> None:
    parser.add_argument(
        "dataset",
        type=Path,
        metavar="DATASET",
        help="folder with pictures (or a tar of them) and captions: Flickr8k's files, Kaggle's "
        "captions.txt, Karpathy's or COCO's JSON, or train.tsv and dev.tsv",
    )


def _add_config(parser: ArgumentParser, where: str) -> None:
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help=where)
    _add_output(
        parser, "RUN_FOLDER", "checkpoint, log and curves; called again after a kill, it goes on"
    )


def _add_output(parser: ArgumentParser, what: str, meaning: str) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar=what, help=meaning)


def _add_checkpoint(parser: ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="a folder, such as RUN_FOLDER/best/NAME, or the name of one that is shipped",
    )


def _add_upkeep(commands: Any) -> None:
    _add(commands, "doctor", "settings in words, and what is wrong", "cli.doctor:doctor")

    _add(commands, "migrate", "bring the database to the present form", "cli.migrate:migrate")

    keys = _add_group(commands, "keys", "who may use the service")
    create = _add(keys, "create", "a new key; it is shown once", "cli.keys:create")
    create.add_argument("name", metavar="NAME")
    create.add_argument(
        "--max-waiting-images",
        type=positive(int),
        metavar="N",
        help="that have not ended, over all its jobs (default: any number)",
    )
    create.add_argument(
        "--requests-per-second",
        type=positive(float),
        metavar="N",
        help="that each API process answers (default: any number)",
    )
    _add(keys, "list", "every key, without its secret", "cli.keys:show")
    revoke = _add(keys, "revoke", "end a key", "cli.keys:revoke")
    revoke.add_argument("key", metavar="KEY_ID")

    webhooks = _add_group(commands, "webhooks", "what webhooks were told")
    told = _add(
        webhooks, "list", "a job's deliveries, or all that were given up", "cli.webhooks:show"
    )
    told.add_argument("job", nargs="?", metavar="JOB")
    replay = _add(webhooks, "replay", "tell a webhook once more", "cli.webhooks:replay")
    replay.add_argument(
        "deliveries", nargs="+", metavar="DELIVERY_ID", help="from the list, or the job's log"
    )

    store = _add_group(commands, "store", "the object store")
    check = _add(store, "check", "objects that belong to no job", "cli.store:check")
    check.add_argument("--delete", action="store_true", help="and remove them")


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """For argparse: a number above zero."""

    def number(word: str) -> float:
        try:
            value = kind(word)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise ArgumentTypeError(f"{word} is not a number above 0")
        return value

    return number


def _add(commands: Any, name: str, summary: str, handler: str) -> ArgumentParser:
    parser: ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
    )
    parser.set_defaults(handler=handler)
    return parser


def _add_group(commands: Any, name: str, summary: str) -> Any:
    group = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _add_remote_command(commands: Any, name: str, summary: str) -> ArgumentParser:
    parser = _add(commands, name, summary, f"cli.remote:{name}")
    server = os.environ.get("CAPTIONS_SERVER", LOCAL_SERVER)
    parser.add_argument(
        "--server", default=server, metavar="URL", help=f"CAPTIONS_SERVER; now {server}"
    )
    return parser


def _add_sources(parser: ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a picture, a folder, a pattern, a URL, or a text file with one of these on each line",
    )


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--beam-width", type=int, choices=(1, 3, 5), default=3, help="1 is fastest (default: 3)"
    )
    parser.add_argument(
        "--max-length",
        type=_length,
        default=20,
        metavar="WORDS",
        help="longest sentence, 4 to 32 (default: 20)",
    )


def _length(word: str) -> int:
    if not word.isdecimal() or int(word) not in LENGTHS:
        raise ArgumentTypeError(f"{word} is not a number of words from 4 to 32")
    return int(word)


def options(arguments: Namespace) -> dict[str, Any]:
    """The options of a job, as `_add_options` reads them."""
    return {"beam_width": arguments.beam_width, "max_length": arguments.max_length}
