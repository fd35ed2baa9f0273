"""What subcommands that train check before they do: options, paths, the table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from notmiwae.cli import options
from notmiwae.errors import DataError, NotMIWAEError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from notmiwae.cli.table_input import Table
    from notmiwae.estimators.assumptions import Assumption

JOBS = -1
"""Processes that train: one for each core."""
_OF_TRAINING = (
    *("missing_process", "given", "at_random", "one_curve", "group", "kind", "limits", "censored"),
    *("shapes", "steps", "members", "bootstrap", "seed", "model_out"),
)
"""Options that a saved model has no use for."""


def settings(
    typed: argparse.Namespace, kinds: Mapping[str, str], limits: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what an imputer is given of the options of `parsers.add_training` and `add_columns`."""
    return {
        **models(typed),
        "shapes": typed.shapes,
        "n_samples": typed.samples or 200,
        "kinds": kinds,
        "limits": limits,
        "censored": options.censored(typed.censored),
        "n_jobs": JOBS,
        "verbose": options.verbose(typed),
    }


def models(typed: argparse.Namespace) -> dict[str, Any]:
    """Return what an imputer is given of the options of `parsers.add_models` and `add_threads`."""
    return {
        "steps": typed.steps,
        "members": typed.members or 5,
        "bootstrap": bool(typed.bootstrap),
        "random_state": typed.seed or 0,
        "n_threads": typed.threads or 1,
    }


def groups(typed: argparse.Namespace) -> Mapping[str, list[str]] | None:
    """Return what `--group` says; None: nothing was said."""
    return typed.group if isinstance(typed.group, dict) else None


def said(typed: argparse.Namespace) -> Any:
    """Return what the options of `parsers.add_assumption` say of the table, or by column; None: nothing.

    Raises:
        ParameterError: an unknown word; nothing says why a column's values are missing, or its word takes no
            more.
    """
    return _with_details(typed, _assumption(typed.missing_process))


def _assumption(typed: list[str]) -> str | dict[str, str] | None:
    if not typed:
        return None
    if len(typed) == 1 and "=" not in typed[0]:
        options.known("--missing-process", "word", typed[0], options.WORDS)
        return typed[0]
    for each in typed:
        if "=" not in each:
            raise ParameterError(
                f"--missing-process: found {each!r} beside others; accepted: one word, or COLUMN=WORD each"
            )
    return options.pairs("--missing-process", typed, options.WORDS)


def _with_details(typed: argparse.Namespace, said: str | dict[str, str] | None) -> Any:
    given = dict(typed.given)
    if not given and not typed.at_random and not typed.one_curve:
        return said
    from notmiwae.estimators.missing import DIRECTIONS, DRIVERS, Missing

    words = dict(said) if isinstance(said, dict) else {}
    found: dict[str, Any] = dict(words)
    named = {"--given": given, "--at-random": typed.at_random, "--one-curve": typed.one_curve}
    for option, names in named.items():
        for name in names:
            if name not in words:
                beside = f"accepted: --missing-process {name}=low, or another word, beside it"
                raise ParameterError(f"{option}: {name}: nothing says why its values are missing; {beside}")
            options.known(option, "more is said of the word", words[name], DIRECTIONS, f" ({name})")
    for name in {*given, *typed.at_random, *typed.one_curve}:
        drivers = given.get(name, ["perhaps"])
        of_table = drivers[0] if len(drivers) == 1 and drivers[0] in DRIVERS else drivers
        found[name] = Missing(words[name], of_table, name in typed.at_random, name in typed.one_curve)
    return found


def paths(typed: argparse.Namespace) -> None:
    """Raise if options contradict each other, or if what they name can't be written."""
    if typed.draws and not typed.draws_out:
        raise ParameterError("--draws: nothing says where they go; accepted: --draws-out FILE beside it")
    if typed.model:
        for name in _OF_TRAINING:
            if getattr(typed, name) not in (None, []):
                option = name.replace("_", "-")
                raise ParameterError(f"--{option}: is of training; accepted without --model {typed.model}")
    options.check_outputs([typed.output, *filter(None, [typed.draws_out])], [typed.input], typed.output)
    folder = typed.model_out
    if folder:
        options.check_folder(folder)
        empty = folder.is_dir() and not any(folder.iterdir())
        if folder.exists() and not empty and not (folder / "imputer.json").is_file():
            raise DataError(f"{folder}: is there already and holds no model; accepted: a new folder")


def read_rows(
    typed: argparse.Namespace,
    kinds: Mapping[str, str],
    limits: Mapping[str, Any],
    assumption: Assumption | None,
    rows: Sequence[int] | None = None,
) -> Table:
    """Read the table, and check it for what training can't use.

    Arguments:
        typed: Options of the command.
        kinds: Kinds of columns, by name.
        limits: Limits of imputed numbers, by column.
        assumption: Assumption on why values are missing.
        rows: Numbers of the rows in the file that this one is a sample of; None: it's none.
    """
    from notmiwae.cli.table_input import read
    from notmiwae.estimators.assumptions import missing_process
    from notmiwae.estimators.column_kinds import MOST_CATEGORIES
    from notmiwae.estimators.known_values import described
    from notmiwae.estimators.missing import DRIVERS

    table = read(typed.input, typed, kinds, typed.ignore, rows)
    options.check_columns("--ignore", typed.ignore, table.path, table.frame.columns)
    modelled = table.modelled
    by_column = assumption if isinstance(assumption, Mapping) else {}
    by_group = groups(typed)
    drivers = [each for names in dict(typed.given).values() for each in names]
    censored = options.censored(typed.censored)
    of_rows = [end for ends in censored.values() for end in ends if isinstance(end, str)]
    grouped = [each for names in (by_group or {}).values() for each in names]
    for option, named in (
        ("--kind", kinds),
        ("--limits", limits),
        ("--censored", [*censored, *of_rows]),
        ("--missing-process", by_column),
        ("--given", [each for each in drivers if each not in DRIVERS]),
        ("--group", grouped),
    ):
        options.check_columns(option, named, table.path, modelled.columns)
    if not modelled.shape[1]:
        raise DataError(f"{table.path}: no column is left to look at")
    if len(modelled) == 1:
        raise DataError(f"{table.path}: has one row; accepted: two or more to train on")
    for name in modelled:
        if modelled[name].isna().all() and name not in table.intervals:
            raise DataError(
                f"{table.path}: column {name!r}: no value at all; accepted: some values, or --ignore {name}"
            )
        if modelled[name].dtype == "category" and modelled[name].nunique() > MOST_CATEGORIES:
            raise DataError(
                f"{table.path}: column {name!r}: {modelled[name].nunique()} different texts, as "
                f"{modelled[name].dropna().iloc[0]!r}; accepted: {MOST_CATEGORIES} at most, "
                f"or --ignore {name}"
            )
        if kinds.get(str(name), "continuous") == "continuous" and _whole(modelled[name], kinds):
            table.frame[name] = table.frame[name].astype(float)
    # What training would refuse, before anything is said.
    try:
        _, columns, _, _ = described(table.told, kinds, limits, censored)
        missing_process("mar" if assumption is None else assumption, columns, by_group)
    except NotMIWAEError as error:
        raise type(error)(f"{table.path}: {error}") from None
    return table


def _whole(column: pd.Series, kinds: Mapping[str, str]) -> bool:
    """Tell whether a column is whole and its imputed values needn't be: it was said, or some are negative."""
    if column.dtype.kind not in "iu":
        return False
    return column.name in kinds or bool((column.dropna() < 0).any())
