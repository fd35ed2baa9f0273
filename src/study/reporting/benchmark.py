"""What the six-table benchmark reports: values as tables, as texts, in its page's prose, and as figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from study.evaluation.replicates import summarise
from study.reporting.ablation_and_calibration import ablation, calibration
from study.reporting.benchmark_tables import Constants, protocol_table, summary_table
from study.reporting.critical_difference import critical_differences
from study.reporting.forest_plot import forest
from study.reporting.headline_figure import errors
from study.reporting.headline_tables import LEVEL, RMSE, Measure, calibration_tables, headline
from study.reporting.learnt_columns import Learnt, learnt_processes
from study.reporting.methods import DEFAULT, RIVAL
from study.reporting.missing_rate_figure import missing_rate
from study.reporting.names import EVERY_DATASET
from study.reporting.published_verdicts import RULE, counts, verdict_table, verdicts, with_recipes
from study.reporting.result_files import averaged
from study.reporting.significance import equal_or_less, paired, paired_table, ranking

_MASK_ACCURACY = Measure("mask_accuracy", "Mask accuracy", lambda value: -value)
_SIDE_BY_SIDE = 3
"""So many data sets, each with the published values beside ours, fit into a page's width."""
_PRINTED = 2
"""Digits of the published values."""


@dataclass(frozen=True)
class Inputs:
    """What the stages before have made.

    Attributes:
        datasets: Data sets in the order of the tables.
        baselines: Methods that aren't models.
        replicates: Rows dataset, method, metric, replicate, value.
        errors: Rows dataset, method, replicate, row, cells, squared_error.
        published: Rows dataset, method, metric, mean, se.
        variants: Names of the ablation's variants, the unchanged method first.
        ablation: Rows dataset, setting, method, metric, mean, se, replicates.
        missing_rate: Rows with the same columns; setting is the threshold's offset.
        shares: Share of the columns' values that goes missing, by data set and offset.
        learnt: Panels on what the default method learnt of the missing process.
        constants: Errors of constants by data set.
    """

    datasets: Sequence[str]
    baselines: Sequence[str]
    replicates: pd.DataFrame
    errors: pd.DataFrame
    published: pd.DataFrame
    variants: Sequence[str]
    ablation: pd.DataFrame
    missing_rate: pd.DataFrame
    shares: Mapping[tuple[str, float], float]
    learnt: Sequence[Learnt]
    constants: Mapping[str, Constants]


@dataclass(frozen=True)
class Findings:
    """The values that follow from the inputs.

    Attributes:
        results: Rows dataset, method, metric, mean, se, replicates.
        published: Published values, also under the names of methods that follow a published recipe.
        verdicts: Rows as `published_verdicts.verdicts` returns them.
        paired: Rows as `significance.paired` returns them.
        ranking: Rows as `significance.ranking` returns them.
    """

    results: pd.DataFrame
    published: pd.DataFrame
    verdicts: pd.DataFrame
    paired: pd.DataFrame
    ranking: pd.DataFrame


def compute_findings(inputs: Inputs) -> Findings:
    """Compute everything that is reported, once."""
    results = summarise(inputs.replicates)
    published = with_recipes(inputs.published, results["method"].unique().tolist())
    return Findings(
        results,
        published,
        verdicts(results, published),
        paired(inputs.replicates, inputs.errors, inputs.baselines, RIVAL),
        ranking(results),
    )


def tables(inputs: Inputs, findings: Findings) -> dict[str, pd.DataFrame]:
    """Return what the CSV files of `reports/` hold, by name."""
    return {
        "replicates.csv": inputs.replicates,
        "results.csv": findings.results,
        "agreement.csv": findings.verdicts,
        "paired.csv": findings.paired,
        "ranks.csv": findings.ranking,
    }


def texts(inputs: Inputs, findings: Findings) -> dict[str, str]:
    """Write the Markdown files of `reports/` by name, without their suffix."""
    data, results, published = inputs.datasets, findings.results, findings.published
    parts = [data[at : at + _SIDE_BY_SIDE] for at in range(0, len(data), _SIDE_BY_SIDE)]
    parts.append([EVERY_DATASET])
    ours, theirs = (
        pd.concat([rows, averaged(rows, data)], ignore_index=True) for rows in (results, published)
    )

    def beside(measure: Measure) -> str:
        return "\n".join(headline(ours, theirs, part, measure, _PRINTED) for part in parts)

    return {
        "summary": summary_table(results, inputs.published, data, inputs.baselines),
        "table": beside(RMSE),
        "protocol": protocol_table(results, inputs.constants, data),
        "agreement": f"{RULE}\n\n{verdict_table(findings.verdicts, data)}",
        "calibration": calibration_tables(results, data),
        "mask_accuracy": beside(_MASK_ACCURACY),
        "paired": paired_table(findings.paired, DEFAULT, data),
        "ablation": headline(inputs.ablation, None, _present(data, inputs.ablation), named=str),
    }


def figures(inputs: Inputs, findings: Findings) -> dict[str, Figure]:
    """Draw the figures of `reports/figures/` by name, without their suffix."""
    data, results, published = inputs.datasets, findings.results, findings.published
    return {
        "rmse": errors(results, published, data, columns=_SIDE_BY_SIDE, line=0.215),
        "forest": forest(findings.paired, DEFAULT, data),
        "ranks": critical_differences(findings.ranking),
        "ablation": ablation(inputs.ablation, _present(data, inputs.ablation), inputs.variants),
        "missing_rate": missing_rate(inputs.missing_rate, inputs.shares, _present(data, inputs.missing_rate)),
        "calibration": calibration(results, data, LEVEL),
        "missing_process": learnt_processes(inputs.learnt),
    }


def values_in_prose(inputs: Inputs, findings: Findings) -> dict[str, str]:
    """Print single values that the page may name.

    Such as `rmse.breast.mice`, `published.rmse.breast.mice`, `agreement.rmse.lower`, `friedman_p.all`.
    """
    data = inputs.datasets
    named: dict[str, str] = {}
    for prefix, rows, decimals in (("", findings.results, 3), ("published.", inputs.published, _PRINTED)):
        for row in pd.concat([rows, averaged(rows, data)]).to_dict("records"):
            named[f"{prefix}{row['metric']}.{row['dataset']}.{row['method']}"] = f"{row['mean']:.{decimals}f}"
    for metric in ("rmse", "mask_accuracy"):
        for name, count in counts(findings.verdicts, metric).items():
            named[f"agreement.{metric}.{name}"] = str(count)
    for row in findings.ranking.to_dict("records"):
        show = equal_or_less if row["metric"] == "friedman_p" else "{:.3g}".format
        named[f"{row['metric']}.{row['method']}"] = show(row["mean"])
    return named


def _present(datasets: Iterable[str], rows: pd.DataFrame) -> list[str]:
    return [dataset for dataset in datasets if (rows["dataset"] == dataset).any()]
