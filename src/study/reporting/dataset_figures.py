"""Which figures a data set gets, by the kind of its source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmiwae.arrays import Floats
from notmiwae.plot_style import save
from notmiwae.training.fitted_model import FittedModel, missing_probability
from study.data.datasets import DatasetSpec
from study.data.sources.gaussian import GaussianSource
from study.data.sources.mnist import MnistSource
from study.data.sources.ring import RingSource
from study.data.tables import ImputedCells, as_numbers, categories, has_kinds, missing_cells
from study.reporting.column_densities import column_densities
from study.reporting.image_figures import error_maps, first_of_each, imputations
from study.reporting.imputed_against_true import imputed_against_true
from study.reporting.learnt_columns import learnt_columns, learnt_processes
from study.reporting.methods import method_name
from study.reporting.plane_scatter import Panel, reconstruction
from study.reporting.process_heatmaps import mechanism_probability, missing_process

_UNITS = (("mean", 0.0), ("std", 1.0))
"""What columns are standardised by, and what leaves them as they are."""
_DRAWS = 6
"""So many of an image's draws are shown."""


@dataclass(frozen=True)
class Replicate:
    """One replicate of a data set and what the models made of it.

    Attributes:
        dataset: Source and mechanism of the table.
        complete: The complete table, N × D, NaN where the truth is unknown.
        masked: The same table with NaN where missing, as it's stored.
        limit: The Bayes-optimal completion `[N, D]`, if known.
        imputed: Imputed cells by the model's name.
        baselines: Imputed cells by the baseline's name.
        fitted: Members of each model by its name.
    """

    dataset: DatasetSpec
    complete: pd.DataFrame
    masked: pd.DataFrame
    limit: Floats | None
    imputed: Mapping[str, ImputedCells]
    baselines: Mapping[str, ImputedCells]
    fitted: Mapping[str, Sequence[FittedModel]]

    def completions(self) -> list[Panel]:
        """Complete the table by each model's mean, and by its first draw if there are any."""
        panels = []
        for model, cells in self.imputed.items():
            name = method_name(model)
            panels.append(Panel(f"{name}: means", cells.fill(self.masked)))
            if cells.draws.shape[1]:
                panels.append(Panel(f"{name}: draws", cells.fill(self.masked, cells.draws[:, 0])))
        return panels


def draw_figures(replicate: Replicate, folder: Path) -> None:
    """Write a data set's figures into an existing folder.

    Raises:
        DataError: the figures don't suit the data.
    """
    source = replicate.dataset.source
    if isinstance(source, MnistSource):
        draw_images(replicate, source.read_labels(), folder)
    elif isinstance(source, GaussianSource | RingSource) and len(replicate.complete.columns) == 2:
        draw_plane(replicate, folder)
    else:
        draw_table(replicate, folder)


def draw_plane(replicate: Replicate, folder: Path) -> None:
    """Draw a table of two columns: `reconstruction.png` and `missing_process.png`."""
    complete, masked = replicate.complete, replicate.masked
    limit = None if replicate.limit is None else Panel("Bayes-optimal: means", replicate.limit)
    save(reconstruction(complete, masked, limit, replicate.completions()), folder / "reconstruction.png")
    maps = [("True mechanism", mechanism_probability(replicate.dataset.mechanism, complete))]
    maps += [
        (f"Learnt by {method_name(name)}", partial(missing_probability, members))
        for name, members in replicate.fitted.items()
        if not members[0].ignorable
    ]
    save(missing_process(complete, masked, maps), folder / "missing_process.png")


def draw_images(replicate: Replicate, labels: npt.NDArray[np.integer], folder: Path) -> None:
    """Draw labelled images: `imputations.png`, `draws.png`, `errors.png`, and a learnt `missing_process.png`.

    Of each label the first image is shown, imputed by all methods, and drawn by the first model alone; errors
    are those of all images, pixel by pixel.
    """
    mechanism = replicate.dataset.mechanism
    truth, masked = (table.to_numpy(dtype=np.float64) for table in (replicate.complete, replicate.masked))
    shown = first_of_each(labels)
    given = [("original", truth[shown]), ("masked\n(orange)", masked[shown])]
    imputed = {**replicate.imputed, **replicate.baselines}
    means = {method_name(method): cells.fill(replicate.masked) for method, cells in imputed.items()}
    lines = [(name, mean[shown]) for name, mean in means.items()]
    save(imputations([*given, *lines], mechanism), folder / "imputations.png")
    first = next(iter(replicate.imputed.values()))
    draws = [first.fill(replicate.masked, draw)[shown] for draw in first.draws[:, :_DRAWS].T]
    numbered = [(f"draw {m + 1}", draw) for m, draw in enumerate(draws)]
    save(imputations([*given, ("mean", lines[0][1]), *numbered], mechanism), folder / "draws.png")
    save(error_maps(means, truth, np.isnan(masked)), folder / "errors.png")
    often = int(np.isnan(masked).sum(axis=0).argmax())
    tables = (replicate.complete, replicate.masked, mechanism)
    learnt = [
        replace(panel, column=f"{method_name(model)}, pixel {often}")
        for model, members in replicate.fitted.items()
        if not members[0].ignorable
        for panel in learnt_columns("", *tables, [members], columns=[often])
    ]
    if learnt:
        save(learnt_processes(learnt), folder / "missing_process.png")


def draw_table(replicate: Replicate, folder: Path) -> None:
    """Draw any table: `agreement.png` of numbers whose truth is known, `columns.png` if that isn't all.

    Numbers of a table with kinds are of different units: they are standardised by what was seen.
    """
    masked, words = as_numbers(replicate.masked), categories(replicate.masked)
    row, column = missing_cells(masked)
    truth = replicate.complete.to_numpy(dtype=np.float64)[row, column]
    known = np.isfinite(truth)
    judged = known & ~masked.columns.isin(list(words))[column]
    if judged.any():
        own = has_kinds(replicate.masked)
        among = column[judged]
        mean, unit = (masked.agg(each).to_numpy()[among] if own else none for each, none in _UNITS)
        panels = [
            (method_name(model), (cells.mean[judged] - mean) / unit)
            for model, cells in replicate.imputed.items()
        ]
        of_what = "value, standardised" if own else "value"
        save(imputed_against_true((truth[judged] - mean) / unit, panels, of_what), folder / "agreement.png")
    if not known.all():
        drawn = column_densities(masked, replicate.imputed, replicate.fitted, words)
        save(drawn, folder / "columns.png")
