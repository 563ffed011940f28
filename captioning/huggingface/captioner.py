"""A captioner with BLIP (https://arxiv.org/abs/2201.12086), or a network of its class.

pictures → squashed and normalised → vision transformer → beam search over word pieces → Caption
"""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Before Hugging Face's packages are imported: no process of ours reports to anybody.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from safetensors import SafetensorError

from captioning.captioner import Alternative, Caption, CaptionOptions, Picture
from captioning.errors import CheckpointError
from captioning.huggingface.files import find_folder, hash_folder
from captioning.pictures import pixels_of

transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()


class HuggingFaceCaptioner:
    """Loads once, then captions any number of pictures from one thread.

    On a GPU it computes in float16. On a CPU it stays with float32: bfloat16 rounds logits
    around ten to steps of a sixteenth, and the log-probabilities with them.
    """

    def __init__(self, folder: Path, name: str, *, batch_size: int, device: str) -> None:
        self._name, self._batch_size, self._device = name, batch_size, device
        self._sha256 = hash_folder(folder)
        self._dtype = torch.float16 if device == "cuda" else torch.float32
        self._network = _load_network(folder, self._dtype).to(device)
        self._words = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._preparation = transformers.AutoImageProcessor.from_pretrained(
            folder, local_files_only=True
        )
        self._size = _input_size(self._preparation, folder)

    @classmethod
    def load(
        cls, place: str, *, batch_size: int, device: str | None = None
    ) -> "HuggingFaceCaptioner":
        """place: a folder, or a name at Hugging Face; device: cuda or cpu, by default cuda
        where there is one. Raises CheckpointError."""
        folder = find_folder(place)
        name = folder.name if Path(place).is_dir() else place
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(folder, name, batch_size=batch_size, device=device)

    @property
    def name(self) -> str:
        return self._name

    @property
    def sha256(self) -> str:
        return self._sha256

    def prepare(self, picture: bytes) -> Picture:
        return pixels_of(picture, self._size)

    def caption(self, pictures: Sequence[Picture], options: CaptionOptions) -> list[Caption]:
        """max_length is counted in word pieces here: a sentence never has more words."""
        return [
            caption
            for batch in _batches(pictures, self._batch_size)
            for caption in self._caption(batch, options)
        ]

    def warm_up(self, options: Sequence[CaptionOptions] = (CaptionOptions(),)) -> None:
        """Nothing is compiled; a full batch shows early whether it fits into the memory."""
        black = np.zeros((self._size, self._size, 3), np.uint8)
        for choice in options:
            self.caption([black] * self._batch_size, choice)

    def _caption(self, batch: Sequence[Picture], options: CaptionOptions) -> Iterator[Caption]:
        width = options.beam_width
        with torch.inference_mode():
            found = self._network.generate(
                pixel_values=self._normalised(batch),
                num_beams=width,
                num_return_sequences=width,
                max_new_tokens=options.max_length + 1,  # the end mark
                # The scores are log-probabilities only without these.
                do_sample=False,
                length_penalty=1.0,
                repetition_penalty=1.0,
                return_dict_in_generate=True,
                output_scores=True,
            )
        pieces = found.sequences[:, 1:].cpu().numpy()  # (B·W, T), without the begin mark
        lengths = _lengths(pieces, self._network.config.text_config.sep_token_id)
        chances = self._log_probabilities(found, lengths)
        texts = self._words.batch_decode(pieces, skip_special_tokens=True)
        for first in range(0, len(texts), width):
            sentences = [
                Alternative(texts[row].strip(), float(chances[row]))
                for row in range(first, first + width)
            ]
            yield _caption_of(sentences, int(lengths[first]))

    def _normalised(self, batch: Sequence[Picture]) -> Any:
        """Pictures (S, S, 3) → (B, 3, S, S) on the device."""
        values = self._preparation(images=list(batch), do_resize=False, return_tensors="pt")
        return values["pixel_values"].to(self._device, self._dtype)

    def _log_probabilities(self, found: Any, lengths: NDArray[np.int64]) -> NDArray[np.float64]:
        """Natural logarithms, summed over the pieces and the end mark: (B·W,)."""
        if "sequences_scores" in found:  # of a beam: means over the pieces
            means: NDArray[np.float64] = found.sequences_scores.double().cpu().numpy()
            return means * lengths
        steps = self._network.text_decoder.compute_transition_scores(
            found.sequences, found.scores, normalize_logits=True
        )
        steps = steps.double().cpu().numpy()
        said = np.arange(steps.shape[1]) < lengths[:, np.newaxis]
        return np.asarray(np.where(said, steps, 0.0).sum(axis=1))


def _load_network(folder: Path, dtype: Any) -> Any:
    try:
        network, report = transformers.BlipForConditionalGeneration.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        raise CheckpointError(folder, f"cannot be loaded: {error}") from error
    # Tensors that a file lacks would be filled with random numbers.
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(folder, f"lacks {missing[0]} and {len(missing) - 1} more tensors")
    for name, weight in network.named_parameters():
        if not torch.isfinite(weight).all():
            raise CheckpointError(folder, f"{name} holds values that are no numbers")
    return network.eval()


def _input_size(preparation: Any, folder: Path) -> int:
    size = preparation.size
    if not size.height or size.height != size.width:
        raise CheckpointError(folder, "is for pictures that are not squashed to a square")
    return int(size.height)


def _lengths(pieces: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """How many pieces each sentence has, its end mark included: (B·W, T) → (B·W,)."""
    ended = pieces == end
    first = ended.argmax(axis=1) + 1
    return np.asarray(np.where(ended.any(axis=1), first, pieces.shape[1]))


def _caption_of(sentences: Sequence[Alternative], length: int) -> Caption:
    """Confidence: nobody calibrated it; it is the geometric mean of the pieces' probabilities."""
    best, *others = sentences
    return Caption(
        best.text, best.log_probability, math.exp(best.log_probability / length), tuple(others)
    )


def _batches(pictures: Sequence[Picture], size: int) -> Iterator[Sequence[Picture]]:
    for start in range(0, len(pictures), size):
        yield pictures[start : start + size]
