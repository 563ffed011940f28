"""A BLIP of a few thousand random weights, made on the spot: 26 words, pictures of 32 pixels."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessorPil,
)

SIZE = 32
END = 3
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *"abcdefghijklmnopqrstuvwxyz"]
MARKS = [0, 1, 2, 4, 5]
LAYERS = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 8,
    # Spread out, so that pictures differ and sentences end at different words.
    "initializer_range": 1.0,
}


def make_tiny(folder: Path, *, seed: int = 0) -> Path:
    """A folder as `save_pretrained` leaves it."""
    torch.manual_seed(seed)
    config = BlipConfig(
        text_config={
            **LAYERS,
            "vocab_size": len(WORDS),
            "encoder_hidden_size": 16,
            "max_position_embeddings": 64,
            "bos_token_id": WORDS.index("[DEC]"),
            "eos_token_id": END,
            "sep_token_id": END,
            "pad_token_id": 0,
        },
        vision_config={**LAYERS, "image_size": SIZE, "patch_size": 8},
        projection_dim=8,
    )
    network: Any = BlipForConditionalGeneration(config)
    # Marks are not words: unsaid, a sentence's text tells which pieces it has.
    with torch.no_grad():
        network.text_decoder.cls.predictions.bias[MARKS] = -1e4
    network.save_pretrained(folder)
    numbers = {word: number for number, word in enumerate(WORDS)}
    BertTokenizer(numbers, bos_token="[DEC]").save_pretrained(folder)
    BlipImageProcessorPil(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
    return folder
