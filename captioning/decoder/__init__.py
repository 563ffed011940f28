"""Grid of vectors → sentence: two decoders that a search and a trainer use alike."""

from typing import Any

from captioning.decoder.config import DecoderConfig


def make_decoder(config: DecoderConfig, cells: int) -> Any:
    """A decoder of the configured kind with fresh weights, built for grids of so many cells.

    Both kinds offer look(grid), begin(scene, sentences), step(scene, state, words) to the
    search, and teach(grid, captions), say(vectors) to the trainer.
    """
    from captioning.decoder.attend import AttendDecoder
    from captioning.decoder.merge import MergeDecoder

    decoder: Any = AttendDecoder(config) if config.kind == "attend" else MergeDecoder(config)
    decoder.build((None, cells, config.channels))
    return decoder
