"""`notmiwae simulate`: make values of a complete table go missing, for trials of imputation."""

import argparse
from pathlib import Path
from typing import Any

from notmiwae.cli import options, parsers
from notmiwae.errors import DataError, ParameterError

WORDS = ("high", "low", "extreme", "middle", "mcar")
_SLOPE = 4.0
"""Of the logit in the score's standard deviations: soft, but clearly dependent on the value."""
_EXAMPLES = """\
  notmiwae simulate complete.csv -o masked.csv --mechanism high
  notmiwae simulate complete.csv -o masked.csv --mechanism extreme --columns income,age --rate 0.2 --seed 1
  notmiwae simulate complete.csv -o masked.csv --censor lead=20%: mercury=0.5:8

mechanisms: each value's own, so that nothing that is seen tells of it, but for mcar
  high, low   the higher (lower) a value, the likelier it goes missing
  extreme     the farther from the column's mean; middle: the nearer
  mcar        all values alike
The probability is logistic in the value, and its mean over rows is the rate in each column."""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = parsers.add_parser(
        subparsers, "simulate", "Make values of a complete table go missing.", _EXAMPLES
    )
    parser.add_argument("input", type=Path, help="the table, complete in the columns that lose values")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the table with missing values")
    parser.add_argument("--mechanism", metavar="WORD", help=", ".join(WORDS))
    parsers.add_many(
        parser,
        "--censor",
        "COLUMN=LOWEST:HIGHEST",
        "values below LOWEST, or above HIGHEST, are written as <LOWEST or >HIGHEST: numbers, or quantiles as "
        "20%%; one of the two may be left out; alone, or beside a mechanism",
    )
    parsers.add_many(
        parser, "--columns", "COLUMN", "which lose values (default: the first half of those with numbers)"
    )
    parser.add_argument("--rate", type=float, default=0.3, help="the share that goes missing (default: 0.3)")
    parser.add_argument("--seed", type=options.seed, default=0, help="of the draw (default: 0)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parsers.add_reading(parser)
    parser.set_defaults(run=run)


def run(typed: argparse.Namespace) -> int:
    """Read, draw a mask, write."""
    from notmiwae.cli.censored_cells import censor, spans

    if not (typed.mechanism or typed.censor):
        raise ParameterError("--mechanism: is absent; accepted: " + ", ".join(WORDS) + ", or --censor")
    if typed.mechanism:
        options.known("--mechanism", "word", typed.mechanism, WORDS)
    asked = spans(typed.censor)
    if not 0 < typed.rate < 1:
        raise ParameterError(f"--rate: found {typed.rate:g}; accepted: above 0 and below 1")
    options.check_outputs([typed.output], [typed.input], typed.output)
    import numpy as np

    from notmiwae.cli.table_input import is_parquet, is_stata, read
    from notmiwae.cli.table_output import check_stata, table_writer, write_all

    table = read(typed.input, typed)
    check_stata(typed.output, table)
    names = _columns(typed, table) if typed.mechanism else []
    generator = np.random.default_rng(typed.seed)
    masked = table.frame.copy()
    for name in names:
        probability = _probability(typed, masked[name])
        missing = generator.random(len(masked)) < probability
        if missing.all():
            raise DataError(f"{table.path}: column {name!r}: all {len(masked)} values would go; lower --rate")
        column = masked[name]
        whole = column.dtype.kind in "iu"
        masked[name] = (column.astype("Int64") if whole else column).mask(missing)
    if asked and (is_parquet(typed.output) or is_stata(typed.output)):
        accepted = "accepted: .csv, .csv.gz, .tsv, .xlsx"
        raise DataError(f"{typed.output}: has no room for texts as <0.5 among numbers; {accepted}")
    if names:
        counts = ", ".join(f"{name} {masked[name].isna().mean():.1%}" for name in names)
        options.say(f"missing by {typed.mechanism}: {counts}", typed.quiet)
    for name, count in censor(table, masked, asked).items():
        options.say(f"censored: {name} {count / len(masked):.1%}", typed.quiet)
    write_all({typed.output: table_writer(typed.output, masked, table)})
    options.say(f"wrote {typed.output}", typed.quiet)
    empty = int(masked.drop(columns=list(table.carried)).isna().all(axis=1).sum())
    if empty:
        options.say(f"notice: {empty} rows have no value left", typed.quiet)
    return 0


def _columns(typed: argparse.Namespace, table: Any) -> list[str]:
    """List the columns that lose values, complete and of numbers."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    modelled = table.modelled
    numeric = [
        name for name in modelled if is_numeric_dtype(modelled[name]) and not is_bool_dtype(modelled[name])
    ]
    if not typed.columns:
        names = numeric[: max(1, len(numeric) // 2)]
        if not names:
            raise DataError(f"{table.path}: no column has numbers")
    else:
        names = list(typed.columns)
        options.check_columns("--columns", names, table.path, modelled.columns)
    for name in names:
        if name not in numeric:
            found = modelled[name].dropna().astype(str)
            shown = repr(found.iloc[0]) if len(found) else "nothing"
            raise DataError(f"{table.path}: column {name!r} holds {shown}; accepted: columns of numbers")
        gaps = modelled[name].isna()
        if gaps.any():
            where = table.place(name, int(gaps.to_numpy().argmax()))
            raise DataError(f"{table.path}: column {name!r}: nothing in {where}; accepted: a complete column")
    return names


def _probability(typed: argparse.Namespace, column: Any) -> Any:
    """Compute each value's probability to go missing."""
    import numpy as np

    from notmiwae.mechanisms.calibration import calibrated, standardised

    if typed.mechanism == "mcar":
        return np.full(len(column), typed.rate)
    what = f"{typed.input}: column {column.name!r}"
    values = standardised(column.to_numpy(dtype=np.float64), what)
    if typed.mechanism in ("extreme", "middle"):
        values = standardised(np.abs(values), f"{what}: the distance from its mean")
    sign = 1 if typed.mechanism in ("high", "extreme") else -1
    return calibrated(sign * _SLOPE * values, typed.rate)
