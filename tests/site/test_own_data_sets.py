"""A run on data sets of one's own: a chapter for them, pages as they were; all is written or nothing."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from notmiwae.errors import DataError
from study.reporting.headline_tables import tables
from study.reporting.names import dataset_name
from study.site.__main__ import main
from study.site.build_page import filled, page
from study.site.chapters import FILLED, IMAGES, PAGE, PAPER, STUDY, SUMMARY

ROOT = Path(__file__).parents[2]
WAGES = [
    ("wages", "notmiwae", "shift", -0.4321, 0.012, 3),
    ("wages", "notmiwae", "bound", -21.5, 0.2, 3),
    ("wages", "miwae", "shift", 0.0567, 0.003, 3),
    ("wages", "mean", "shift", 0.0, 0.0, 1),
]


def reported(root, rows, names):
    """Leave what the report stage does of these rows of results."""
    results = pd.DataFrame(rows, columns=["dataset", "method", "metric", "mean", "se", "replicates"])
    results.to_csv(root / "reports/results.csv", index=False)
    published = pd.read_csv(root / "reports/published.csv")
    (root / "reports/table.md").write_text(tables(results, published, names))


def with_wages(root, others=STUDY.datasets):
    """Leave what a run of the wages of docs/own_table.md does, beside others."""
    found = pd.read_csv(root / "reports/results.csv")
    rows = [*found[found["dataset"].isin(others)].itertuples(index=False, name=None), *WAGES]
    reported(root, rows, [*others, "wages"])
    (root / "reports/figures/wages").mkdir()
    for method in ("miwae", "notmiwae"):
        (root / f"reports/learnt/{method}").mkdir(parents=True)
        (root / f"reports/learnt/{method}/wages.md").write_text(f"Assumed: what {method} assumes.\n")
    for name in ("columns", "something_else"):
        (root / f"reports/figures/wages/{name}.png").write_bytes(
            (root / "reports/figures/rmse.png").read_bytes()
        )


def contents(root, but=()):
    files = [
        path
        for name in ("README.md", "docs", "reports", "images", "ladder", "paper", "benchmarks")
        for path in ([root / name] if (root / name).is_file() else sorted((root / name).rglob("*")))
    ]
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in files
        if path.is_file() and str(path.relative_to(root)) not in but
    }


def chapter(html, name):
    return html.split(f'<section aria-labelledby="{name}">')[1].split("</section>")[0]


@pytest.mark.parametrize("others", [STUDY.datasets, ()], ids=["beside the study's", "instead of them"])
def test_they_get_a_chapter_and_leave_the_pages_alone(copied, monkeypatch, capsys, others):
    with_wages(copied, others)
    monkeypatch.chdir(copied)
    before = contents(copied, but=(PAGE, SUMMARY))
    assert main([]) == 0
    assert contents(copied, but=(PAGE, SUMMARY)) == before
    assert "reports/results.csv has wages" in capsys.readouterr().out
    own = chapter((copied / PAGE).read_text(), "your-data-sets")
    assert "-0.432 ± 0.012" in own
    assert "-21.500 ± 0.200" in own
    assert own.index("what notmiwae assumes") < own.index("what miwae assumes")
    assert ">reports/results.csv</code>" in own
    for picture in ("wages/columns", "wages/something_else", "rmse", "curves"):
        assert f"reports/figures/{picture}.png</code>" in own
    assert '<a href="#your-data-sets-wages">wages</a>' in (copied / PAGE).read_text()
    assert "## The published study, RMSE\n\nreports/results.csv has wages" in (copied / SUMMARY).read_text()


def test_a_page_shows_no_figure_of_other_data_sets_as_its_own(copied):
    with_wages(copied)
    study = chapter(page(copied), "the-published-study")
    assert "reports/figures/ring/reconstruction.png" in study
    assert 'The figure <code>reports/figures/rmse.png</code> shows <a href="#your-data-sets">' in study


def test_without_the_studys_results_the_opening_claims_nothing_of_it(copied):
    with_wages(copied, others=())
    html = page(copied)
    assert "two mistakes" not in html.split("<main")[0]
    assert 'class="chart"' not in html.split("<main")[0]
    assert '<a href="#your-data-sets">data sets of your own</a>' in html.split("<main")[0]


def test_a_run_of_fewer_data_sets_leaves_the_pages_alone(copied, monkeypatch, capsys):
    found = pd.read_csv(copied / "reports/results.csv")
    reported(
        copied, found[found["dataset"] != "mnist"].itertuples(index=False, name=None), ["gaussian", "ring"]
    )
    monkeypatch.chdir(copied)
    before = contents(copied, but=(PAGE, SUMMARY))
    assert main([]) == 0
    assert contents(copied, but=(PAGE, SUMMARY)) == before
    assert (
        "reports/results.csv lacks mnist: README.md and docs/ keep the tables they have\n"
        in capsys.readouterr().out
    )


def test_the_studys_own_values_go_into_the_pages(copied, monkeypatch):
    found = pd.read_csv(copied / "reports/results.csv")
    chosen = (found["dataset"] == "gaussian") & (found["method"] == "notmiwae") & (found["metric"] == "rmse")
    found.loc[chosen, "mean"] = 0.4777
    reported(copied, found.itertuples(index=False, name=None), STUDY.datasets)
    monkeypatch.chdir(copied)
    assert main([]) == 0
    for path in ("README.md", "docs/study.md"):
        assert "**0.478 ± 0.007**" in (copied / path).read_text()
    opening = (copied / PAGE).read_text().split("<main")[0]
    assert "<strong>0.478</strong>" in opening
    assert "not-MIWAE 0.478 (published 1.152)" in opening
    assert "0.467" not in opening


def stale(root):
    """Change a table, so that pages would be written anew."""
    table = root / "reports/table.md"
    table.write_text(table.read_text().replace("0.467", "0.477"))
    assert any(filled(root, path) != (root / path).read_text() for path in FILLED)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: (root / "reports/figures/ring/reconstruction.png").unlink(), "no such picture"),
        (lambda root: (root / "reports/figures/rmse.png").write_bytes(b"no"), "can't be read as a picture"),
        (lambda root: (root / "paper/reports/results.csv").unlink(), "no such file; run the stage report"),
        (
            lambda root: (root / "images/reports/environment.json").write_text("["),
            "environment.json: can't be read",
        ),
        (lambda root: (root / "params.yaml").write_text("a: [b"), "params.yaml: not valid YAML"),
        (
            lambda root: (root / "benchmarks/results/step.md").unlink(),
            "there is no benchmarks/results/step.md",
        ),
        (lambda root: (root / "dvc.lock").unlink(), "dvc.lock: can't be read"),
    ],
    ids=["a picture", "a blank", "results", "versions", "dials", "a table", "a lock"],
)
def test_after_an_error_every_file_is_as_it_was(copied, monkeypatch, capsys, spoil, said):
    stale(copied)
    spoil(copied)
    monkeypatch.chdir(copied)
    before = contents(copied)
    assert main([]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert said in printed
    assert printed.count("\n") == 1
    assert contents(copied) == before


def test_after_a_full_disk_every_file_is_as_it_was(copied, monkeypatch, capsys):
    stale(copied)
    monkeypatch.chdir(copied)
    before = contents(copied)
    write_text = Path.write_text

    def full(path, text, **options):
        if "index.html" in path.name:
            write_text(path, text[:1000], **options)
            raise OSError(28, "No space left on device", str(path))
        return write_text(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    assert main([]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert contents(copied) == before


def test_help_does_nothing_else(tmp_path):
    said = subprocess.run(
        [sys.executable, "-m", "study.site", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("usage: python -m study.site")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_an_option_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["reports"])
    assert stopped.value.code == 2
    assert "unrecognized arguments: reports" in capsys.readouterr().err


def test_a_picture_of_a_data_set_that_was_not_run_is_an_error(copied):
    (copied / "reports/figures/wages").mkdir()
    (copied / "reports/figures/wages/columns.png").write_bytes(
        (copied / "reports/figures/rmse.png").read_bytes()
    )
    with pytest.raises(DataError, match=r"reports/figures/wages/columns.png: no page of the report shows it"):
        page(copied)


@pytest.mark.parametrize("pipeline", [STUDY, PAPER], ids=lambda pipeline: pipeline.folder)
def test_the_studys_data_sets_are_those_with_published_values(pipeline):
    published = pd.read_csv(ROOT / pipeline.reports / "published.csv")
    assert set(published["dataset"]) == set(pipeline.datasets)


@pytest.mark.parametrize(
    ("path", "pipeline"),
    [("docs/study.md", STUDY), ("docs/images.md", IMAGES)],
    ids=lambda value: str(value)[:14],
)
def test_the_studys_data_sets_are_those_that_its_page_has_a_table_of(path, pipeline):
    text = (ROOT / path).read_text(encoding="utf-8")
    heading = text.split(f"<!-- {pipeline.reports}/table.md -->")[1].strip().splitlines()[0]
    names = [cell.strip() for cell in heading.strip("|").split("|")[1:] if cell.strip() != "published"]
    assert names == [dataset_name(name) for name in pipeline.datasets]
