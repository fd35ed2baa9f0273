"""The page of a report: one file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from notmiwae.estimators.columns import Column
from notmiwae.estimators.learnt_process import equal_steps
from notmiwae.estimators.sensitivity import Sensitivity
from notmiwae.plot_style import styled
from notmiwae.report import figures, wording
from notmiwae.report.findings import Findings

_SHOWN = 40
"""Columns with gaps that have panels, the emptiest."""


def render(
    found: Findings,
    title: str,
    settings: Mapping[str, Any],
    notices: Sequence[str],
    carried: Sequence[str],
    command: str,
    version: str,
) -> str:
    """Write the page.

    Arguments:
        found: What was found.
        title: Name of the table.
        settings: `groups`, `missing_process` and `seed` of the imputer.
        notices: What was noticed when the table was read.
        carried: Columns of the file that aren't modelled.
        command: Command that makes this page.
        version: Version of this package.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("notmiwae.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"decimals": wording.decimals, "rounded": wording.rounded}
    gaps = sorted(found.gaps, key=lambda column: -found.rows[column.name].isna().sum())[:_SHOWN]
    missing = found.rows.isna().to_numpy()
    patterns = figures.patterns(missing, [column.name for column in found.imputer.columns_])
    learnt = set(found.imputer.missing_process_["column"])
    words = "Which columns are missing together, and in how many rows"
    return environment.get_template("page.html.j2").render(
        title=title,
        summary=wording.missing_cells(found.rows),
        assumption=wording.assumption(settings["missing_process"], settings["groups"]),
        evidence=wording.evidence(found),
        columns=wording.of_columns(found.imputer, found.rows),
        carried=carried,
        notices=[*notices, *found.warnings],
        patterns=Markup(figures.svg(patterns, words)),
        verdicts=wording.verdicts(found.imputer.assumptions_).to_dict("records"),
        comparison=[] if found.comparison is None else found.comparison.table.to_dict("records"),
        checks=found.checks.words(),
        checks_figure=_checks(found),
        learnt=[_learnt(found, column) for column in gaps if column.name in learnt],
        shaped=any(equal_steps(found.imputer.members_[0], column.name) for column in gaps),
        distributions=[_distribution(found, column) for column in gaps],
        estimates=found.estimates.to_dict("records"),
        dependence=wording.dependence(found),
        sensitivity=[_sensitivity(found.sensitivity, c) for c in gaps if not c.values and found.sensitivity],
        methods=wording.methods(found, settings, version),
        drawn_rows=found.imputer.bootstrap,
        references=wording.references(found.imputer.bootstrap),
        command=command,
        version=version,
        draws=len(found.draws),
    )


def _checks(found: Findings) -> Markup | None:
    if not len(found.checks.table):
        return None
    words = "Numbers of gaps that the table has, against those that the model makes"
    return Markup(figures.svg(styled(found.checks.plot)(), words))


def _learnt(found: Findings, column: Column) -> Markup:
    drawn = styled(found.imputer.plot_missing_process)(found.rows, [column.name])
    return Markup(
        figures.svg(figures.thinned(drawn), f"Learnt probability that a value of {column.name} is missing")
    )


def _distribution(found: Findings, column: Column) -> Markup:
    steps = [equal_steps(member, column.name) for member in found.imputer.members_]
    drawn = figures.distribution(column, found.rows, found.draws, steps)
    return Markup(figures.svg(drawn, f"Values of {column.name}, seen and imputed"))


def _sensitivity(found: Sensitivity, column: Column) -> Markup:
    table, shifts = (part[part["column"] == column.name] for part in (found.table, found.shifts))
    drawn = styled(Sensitivity(table, found.bounds, shifts).plot)()
    return Markup(figures.svg(drawn, f"Mean of {column.name} under each assumption, with 95 % intervals"))
