"""Commands that use the captioner itself, with no service around it."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from captioning.captioner import CaptionOptions, load_captioner
from cli.checkpoint import local_settings
from cli.grammar import options
from jobs.settings import Settings
from worker.decoder.pool import DecoderPool
from worker.decoder.process import Limits
from worker.errors import ImageRefused

SOME_FAILED = 3

Read = bytes | ImageRefused | OSError


def caption(arguments: Namespace) -> int:
    """A line for each picture: name, caption, confidence. Exit code 3 where one cannot be read."""
    settings = local_settings()
    paths: Sequence[Path] = arguments.pictures
    read = asyncio.run(_decode(paths, settings))
    captioner = load_captioner(arguments.checkpoint or settings.checkpoint)
    pictures = [captioner.prepare(jpeg) for jpeg in read if isinstance(jpeg, bytes)]
    captions = iter(captioner.caption(pictures, CaptionOptions(**options(arguments))))
    for path, result in zip(paths, read, strict=True):
        if isinstance(result, bytes):
            said = next(captions)
            print(f"{path}\t{said.text}\t{said.confidence:.2f}")
        else:
            print(f"{path}: {_reason(result)}", file=sys.stderr)
    return SOME_FAILED if len(pictures) < len(paths) else 0


async def _decode(paths: Sequence[Path], settings: Settings) -> list[Read]:
    """Small upright JPEGs, or why not, in order; in the same sandbox as the service's."""
    pool = DecoderPool(Limits.of(settings), settings.decoder_processes)

    async def decode(path: Path) -> Read:
        try:
            return (await pool.decode(path.read_bytes())).jpeg
        except (ImageRefused, OSError) as error:
            return error

    try:
        return await asyncio.gather(*map(decode, paths))
    finally:
        await pool.close()


def _reason(error: ImageRefused | OSError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
