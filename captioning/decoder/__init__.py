"""Grid of vectors → sentence: two decoders that a search and a trainer use alike."""

from typing import Any

from captioning.decoder.config import DecoderConfig


def make_decoder(config: DecoderConfig, cells: int, policy: str = "float32") -> Any:
    """A decoder of the configured kind with fresh weights, built for grids of so many cells.

    policy: Keras's name of the number format of its weights and of what it computes.

    Both kinds offer look(grid), begin(scene, sentences), step(scene, state, words) and settle()
    to the search, and teach(grid, captions), say(vectors) to the trainer.
    """
    import keras

    from captioning.decoder.attend import AttendDecoder
    from captioning.decoder.merge import MergeDecoder

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)  # a layer's inner layers do not take its own
    try:
        decoder: Any = AttendDecoder(config) if config.kind == "attend" else MergeDecoder(config)
        decoder.build((None, cells, config.channels))
    finally:
        keras.config.set_dtype_policy(before)
    return decoder
