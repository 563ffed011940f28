import json
from pathlib import Path

import pytest

from captioning.errors import CheckpointError
from captioning.vocabulary import END, MARKS, UNKNOWN, Vocabulary, sentence_of, words_of


def test_a_sentence_becomes_lower_case_words_without_punctuation() -> None:
    assert words_of("A man's T-shirt , tri-colored !") == [
        "a",
        "man",
        "'s",
        "t-shirt",
        "tri-colored",
    ]


def test_words_become_a_sentence_again() -> None:
    assert sentence_of(["a", "man", "'s", "dog"]) == "a man's dog"


def test_rare_words_are_unknown_and_frequent_ones_come_first() -> None:
    vocabulary = Vocabulary.of([["a", "dog"], ["a", "dog"], ["a", "cat"]], minimum_count=2)
    assert vocabulary.words == (*MARKS, "a", "dog")
    assert vocabulary.encode(["a", "cat"]) == [4, UNKNOWN]


def test_decoding_stops_at_the_end_mark() -> None:
    vocabulary = Vocabulary((*MARKS, "a", "dog"))
    assert vocabulary.decode([4, 5, END, 4]) == ["a", "dog"]


@pytest.mark.parametrize("content", ["{", "{}", '["a"]', json.dumps([*MARKS, "a", "a"])])
def test_a_file_that_is_no_vocabulary_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"vocabulary\.json"):
        Vocabulary.load(path)
