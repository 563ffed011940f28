"""Identifiers, the clock, codes, sealed headers, firsts."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from jobs import headers
from jobs.clock import now
from jobs.codes import CODES
from jobs.database import Database
from jobs.errors import HeadersSealed
from jobs.firsts import Firsts
from jobs.ids import new_id


def test_identifiers_are_distinct_and_sort_by_time() -> None:
    ids = []
    for _ in range(3):
        ids.append(new_id("job"))
        time.sleep(0.002)

    assert ids == sorted(set(ids))
    assert all(re.fullmatch("job_[0-9a-hjkmnp-tv-z]{26}", each) for each in ids)


def test_the_clock_is_the_databases_and_tells_epoch_seconds(db: Database) -> None:
    before = time.time()
    with db.read() as connection:
        told = connection.execute(select(now())).scalar_one()

    assert before - 0.01 <= told <= time.time() + 0.01


def test_every_code_has_a_sentence() -> None:
    for code, meaning in CODES.items():
        assert re.fullmatch("[a-z]+(_[a-z0-9]+)*", code)
        assert re.fullmatch(r"[A-Z].*\.", meaning.sentence)


def test_sealed_headers_are_opened_by_their_secret_alone() -> None:
    token = headers.seal({"Authorization": "Bearer x"}, "secret")

    assert "Bearer" not in token
    assert headers.unseal(token, "secret") == {"Authorization": "Bearer x"}
    with pytest.raises(HeadersSealed):
        headers.unseal(token, "another")


@given(st.lists(st.sampled_from("abcdefgh") | st.text(max_size=3)), st.integers(0, 50))
def test_firsts_find_what_a_dict_finds(texts: list[str], cut: int) -> None:
    firsts = Firsts()
    found = firsts.add(texts[:cut], 0) | firsts.add(texts[cut:], len(texts[:cut]))

    assert found == {
        at: texts.index(text) for at, text in enumerate(texts) if texts.index(text) < at
    }


def test_firsts_hold_however_many_there_are() -> None:
    firsts = Firsts()
    texts = [str(number) for number in range(20_000)]

    assert firsts.add(texts, 0) == {}
    assert firsts.add(texts, 20_000) == {20_000 + at: at for at in range(20_000)}
