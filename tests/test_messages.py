"""Messages: one line, of a length that is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.errors import flat


@given(st.text(), st.none() | st.integers(0, 40))
def test_any_text_is_one_line_of_at_most_so_many_characters(text, longest):
    line = flat(text, longest)
    assert len(line.splitlines()) <= 1
    assert longest is None or len(line) <= longest
    assert line == " ".join(text.split())[:longest]


@pytest.mark.parametrize(
    ("error", "said"),
    [(MemoryError(), "MemoryError"), (ValueError(" \n"), "ValueError"), (ValueError("a\n  b"), "a b")],
)
def test_an_error_that_says_nothing_is_called_by_its_kind(error, said):
    assert flat(error) == said
    assert flat(error, 3) == said[:3]
