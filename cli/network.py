"""Commands that use the captioner itself, with no service around it."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from captioning.captioner import Caption, Captioner, CaptionOptions, load_captioner
from cli.checkpoint import local_settings, look_at
from cli.grammar import options
from cli.quiet import without_notes
from jobs.settings import Settings
from worker.decoder.pool import DecoderPool, available_cpus
from worker.decoder.process import Limits
from worker.errors import ImageRefused

SOME_FAILED = 3
TOGETHER = 32  # pictures that are held in memory, and go through the network

Read = bytes | str  # a small upright JPEG, or why there is none


def caption(arguments: Namespace) -> int:
    """A line for each picture: name, caption, confidence. Exit code 3 where one cannot be read."""
    settings = local_settings()
    checkpoint = arguments.checkpoint or settings.checkpoint
    look_at(checkpoint)
    return asyncio.run(
        _caption_all(arguments.pictures, settings, checkpoint, CaptionOptions(**options(arguments)))
    )


async def _caption_all(
    paths: Sequence[Path], settings: Settings, checkpoint: str, how: CaptionOptions
) -> int:
    captioner: Captioner | None = None  # it takes seconds, so not for paths that are wrong
    failed = False
    async with aclosing(_read_some(paths, settings)) as some:
        async for these, read in some:
            jpegs = [each for each in read if isinstance(each, bytes)]
            if jpegs and captioner is None:
                with without_notes():
                    captioner = load_captioner(checkpoint, batch_size=TOGETHER)
            said = _caption(captioner, jpegs, how) if captioner else []
            _tell(these, read, said)
            failed = failed or len(jpegs) < len(read)
    return SOME_FAILED if failed else 0


async def _read_some(
    paths: Sequence[Path], settings: Settings
) -> AsyncGenerator[tuple[Sequence[Path], list[Read]]]:
    """Some pictures at a time, in order, opened in the same sandbox as the service's."""
    processes = settings.decoder_processes or available_cpus()
    pool = DecoderPool(Limits.of(settings), processes)
    opened = asyncio.Semaphore(processes)  # whole files of any size

    async def read(path: Path) -> Read:
        if path.is_dir():
            return "is a folder; captions run takes folders"
        try:
            async with opened:
                return (await pool.decode(path.read_bytes())).jpeg
        except ImageRefused as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)

    try:
        for start in range(0, len(paths), TOGETHER):
            these = paths[start : start + TOGETHER]
            yield these, await asyncio.gather(*map(read, these))
    finally:
        await pool.close()


def _caption(captioner: Captioner, jpegs: Sequence[bytes], how: CaptionOptions) -> list[Caption]:
    return captioner.caption([captioner.prepare(jpeg) for jpeg in jpegs], how)


def _tell(paths: Sequence[Path], read: Sequence[Read], said: Sequence[Caption]) -> None:
    captions = iter(said)
    for path, each in zip(paths, read, strict=True):
        if isinstance(each, str):
            print(f"{path}: {each}", file=sys.stderr)
        else:
            caption = next(captions)
            print(f"{path}\t{caption.text}\t{caption.confidence:.2f}", flush=True)
