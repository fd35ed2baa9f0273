"""Write docs/api.md, the reference of what users import, from the docstrings: `make api`.

griffe reads the source and its docstrings; nothing is imported.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/api.md"
PUBLIC = {
    "notmiwae.NotMIWAEImputer": "notmiwae.estimators.not_miwae_imputer.NotMIWAEImputer",
    "notmiwae.MIWAEImputer": "notmiwae.estimators.miwae_imputer.MIWAEImputer",
    "notmiwae.Missing": "notmiwae.estimators.missing.Missing",
    "notmiwae.AssumptionWarning": "notmiwae.errors.AssumptionWarning",
    "notmiwae.estimators.assumptions.ASSUMPTIONS": "notmiwae.estimators.assumptions.ASSUMPTIONS",
    "notmiwae.estimators.columns.Column": "notmiwae.estimators.columns.Column",
    "notmiwae.estimators.sensitivity.sensitivity": "notmiwae.estimators.sensitivity.sensitivity",
    "notmiwae.estimators.sensitivity.Sensitivity": "notmiwae.estimators.sensitivity.Sensitivity",
    "notmiwae.estimators.tipping_point.tipping_point": "notmiwae.estimators.tipping_point.tipping_point",
    "notmiwae.estimators.tipping_point.TippingPoint": "notmiwae.estimators.tipping_point.TippingPoint",
    "notmiwae.estimators.shifted_draws.shifted_draws": "notmiwae.estimators.shifted_draws.shifted_draws",
    "notmiwae.estimators.estimands.MeanDifference": "notmiwae.estimators.estimands.MeanDifference",
    "notmiwae.estimators.estimands.Coefficient": "notmiwae.estimators.estimands.Coefficient",
    "notmiwae.estimators.pooling.pool": "notmiwae.estimators.pooling.pool",
    "notmiwae.estimators.pooling.Pooled": "notmiwae.estimators.pooling.Pooled",
    "notmiwae.estimators.heckman.two_step": "notmiwae.estimators.heckman.two_step",
    "notmiwae.estimators.heckman.maximum_likelihood": "notmiwae.estimators.heckman.maximum_likelihood",
    "notmiwae.estimators.heckman.HeckmanFit": "notmiwae.estimators.heckman.HeckmanFit",
    "notmiwae.estimators.comparison.Comparison": "notmiwae.estimators.comparison.Comparison",
    "notmiwae.estimators.check.Check": "notmiwae.estimators.check.Check",
}
"""Where users import something from, and where it is defined; in the order of the page."""
FIELDS_ONLY = {"Column"}
"""Classes that users read and don't call."""
TITLES = {
    "parameters": "Arguments",
    "attributes": "Attributes",
    "raises": "Raises",
    "returns": "Returns",
    "warns": "Warns",
}
HEAD = """\
# API reference

What a program imports, from its docstrings (`make api` writes this page). How to choose an assumption:
[assumptions](assumptions.md); an analysis from beginning to end: [wages](wages.md). The command line
describes itself: `notmiwae --help`, `notmiwae impute --help`. What isn't on this page may change from one
version to the next without a word in the [changelog](../CHANGELOG.md).
"""


def reference() -> str:
    """Return the page's text."""
    options = {"warnings": False}  # attributes that scikit-learn sets have no annotation
    package = griffe.load(
        "notmiwae",
        search_paths=[ROOT / "src"],
        allow_inspection=False,
        docstring_parser="google",
        docstring_options=options,
    )
    entries = {path: package[defined.removeprefix("notmiwae.")] for path, defined in PUBLIC.items()}
    lines = [HEAD, *(f"- {_link(entry)}: {_summary(entry)}" for entry in entries.values()), ""]
    for path, entry in entries.items():
        lines += _entry(path, entry)
    return "\n".join(lines).rstrip() + "\n"


def _title(entry: Any) -> str:
    # With its kind: `sensitivity` and `Sensitivity` would have one anchor.
    kind = "Constant" if entry.is_attribute else entry.kind.value.capitalize()
    return f"{kind} `{entry.name}`"


def _link(entry: Any) -> str:
    """Return a link to what the page says of something."""
    anchor = _title(entry).lower().replace("`", "").replace(" ", "-")
    return f"[`{entry.name}`](#{anchor})"


def _summary(entry: Any) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join(entry.docstring.value.split("\n\n")[0].split()).rstrip(":.")


def _entry(path: str, entry: Any) -> Iterator[str]:
    """Yield the lines on a class, a function or a constant."""
    module, _, name = path.rpartition(".")
    yield f"## {_title(entry)}\n"
    yield "```python"
    yield f"from {module} import {name}"
    if entry.is_attribute:
        yield f"\n{name} = {{"
        pairs = zip(entry.value.keys, entry.value.values, strict=True)
        yield from (f"    {key}: {value},".replace("'", '"') for key, value in pairs)
        yield "}"
    elif list(entry.parameters):
        yield ""
        yield from _signature(name, entry.parameters, getattr(entry, "returns", None))
    yield "```\n"
    yield from _docstring(entry)
    if not entry.is_class:
        return
    for base in entry.resolved_bases:
        if base.path in PUBLIC.values():
            yield f"Its methods and attributes are those of {_link(base)}.\n"
    if name not in FIELDS_ONLY:
        for member in entry.members.values():
            if not member.name.startswith("_") and member.has_docstring:
                yield from _member(name, member)


def _member(owner: str, member: Any) -> Iterator[str]:
    """Yield the lines on a method or a property."""
    yield f"### `{owner}.{member.name}`\n"
    if member.is_function:
        yield "```python"
        yield from _signature(member.name, member.parameters, member.returns)
        yield "```\n"
    yield from _docstring(member)


def _signature(name: str, parameters: Iterable[Any], returns: Any) -> Iterator[str]:
    """Yield a call: on one line where it fits, else an argument a line."""
    shown = []
    starred = False
    for parameter in parameters:
        if parameter.name == "self":
            continue
        kind = parameter.kind
        if kind is griffe.ParameterKind.keyword_only and not starred:
            shown.append("*")
            starred = True
        stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
        text = stars.get(kind, "") + parameter.name
        text += f": {parameter.annotation}" if parameter.annotation is not None else ""
        bare = parameter.default is None or kind in stars
        shown.append(text if bare else f"{text} = {str(parameter.default).replace(chr(39), chr(34))}")
    after = f" -> {returns}" if returns is not None else ""
    line = f"{name}({', '.join(shown)}){after}"
    if len(line) <= 88:
        yield line
    else:
        yield f"{name}("
        yield from (f"    {each}," for each in shown)
        yield f"){after}"


def _docstring(entry: Any) -> Iterator[str]:
    """Yield a docstring's paragraphs, and its sections as lists."""
    for section in entry.docstring.parsed:
        if section.kind is griffe.DocstringSectionKind.text:
            yield f"{section.value}\n"
            continue
        if section.kind is griffe.DocstringSectionKind.examples:
            code = "\n".join(text for _, text in section.value)
            yield f"**Examples**\n\n```pycon\n{code}\n```\n"
            continue
        yield f"**{TITLES[section.kind.value]}**\n"
        for item in section.value:
            name = getattr(item, "name", "") or str(item.annotation)
            lines = item.description.split("\n")
            yield "\n".join([f"- `{name}`: {lines[0]}", *(f"  {line}".rstrip() for line in lines[1:])])
        yield ""


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
