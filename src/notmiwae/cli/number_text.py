"""Numbers as people write them: thousands apart, currencies, percent signs, the typographer's minus."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
"""A number as Python reads it, but for infinities."""
_LONGEST = 100
"""Characters of a number that isn't written plainly, at most."""
_NUMBER = re.compile(NUMBER)
_PLAIN = {mark: re.compile(NUMBER.replace(r"\.", re.escape(mark))) for mark in ".,"}
"""The same with either decimal mark."""
_MINUS = "\N{MINUS SIGN}"
_GROUPED = {
    mark: re.compile(rf"([+-]?\d{{1,3}})(?:([{groups}])\d{{3}})(?:\2\d{{3}})*(?:{re.escape(mark)}\d*)?")
    for mark, groups in ((".", ",'’ \u00a0\u202f"), (",", ".'’ \u00a0\u202f"))
}
"""Thousands apart, all by the same mark, by the decimal mark."""
_CODES = (
    "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|INR|JPY|KRW|MXN|NOK|NZD|PLN|RUB|SEK|SGD|TRY|USD|ZAR"
    "|US\\$|kr|Fr\\.|zł"
)
_UNIT = rf"[$€£¥₹₩₽]|{_CODES}"
_AFFIXED = re.compile(
    rf"([+-]?)\s*((?:(?:{_UNIT})\s*)?)([+-]?[^$€£¥₹₩₽%\s]?[^$€£¥₹₩₽%]*?)((?:\s*(?:{_UNIT}|%))?)"
)
_NEGATIVE = re.compile(r"\(([^()+-]*)\)|([^()+-]*\d)\s?-")
"""Negative numbers as bookkeepers and SAP write them: (12) and 12-."""
_FORTRAN = re.compile(r"([+-]?(?:\d+\.\d*|\.\d+))[Dd]([+-]\d+)")


@dataclass(frozen=True)
class Affixes:
    """What stands before and behind all numbers of a column."""

    before: str = ""
    behind: str = ""


def as_number(text: str, decimal: str) -> str:
    """Write a number as Python reads it; a text that is none comes back as it is, but for the decimal mark.

    Arguments:
        text: The text, without blanks around it.
        decimal: Decimal mark of the file, a point or a comma.
    """
    if is_plain(text, decimal):
        return text.replace(decimal, ".")
    if len(text) > _LONGEST:
        return text
    bare = text.replace(_MINUS, "-")
    fortran = _FORTRAN.fullmatch(bare)
    if fortran:
        return f"{fortran[1]}e{fortran[2]}"
    negative = _NEGATIVE.fullmatch(bare)
    if negative:
        number = as_number((negative[1] or negative[2] or "").strip(), decimal)
        return f"-{number}" if _NUMBER.fullmatch(number) else text
    affixed = _AFFIXED.fullmatch(bare)
    if affixed and (affixed[2] or affixed[4].strip()) and not (affixed[1] and affixed[3][:1] in "+-"):
        bare = (affixed[1] + affixed[3]).strip()
    grouped = _GROUPED[decimal].fullmatch(bare)
    if grouped:
        return bare.replace(grouped[2], "").replace(decimal, ".")
    # In a file with decimal commas a point isn't one.
    return bare if decimal == "." else bare.replace(".", " ").replace(",", ".")


def affixes(texts: Sequence[str]) -> Affixes:
    """Find what stands before and behind all of some numbers."""
    found = set()
    for text in texts:
        affixed = _AFFIXED.fullmatch(text.replace(_MINUS, "-")) if len(text) <= _LONGEST else None
        found.add(Affixes(affixed[2], affixed[4]) if affixed else Affixes())
    return found.pop() if len(found) == 1 else Affixes()


def is_plain(text: str, decimal: str) -> bool:
    """Tell whether a number is written as Python does, but for its decimal mark."""
    # In a file with decimal commas a point stands between thousands.
    return _PLAIN[decimal].fullmatch(text) is not None
