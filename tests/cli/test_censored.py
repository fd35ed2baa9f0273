"""What is known of missing cells, as tables say it: read, kept to, written, simulated and scored."""

import json

import numpy as np
import pandas as pd
import pytest

from notmiwae.cli.main import main

QUICK = ["--ignore", "id", "--steps", "30", "--members", "1", "--samples", "50"]


@pytest.fixture
def complete(tmp_path):
    rng = np.random.default_rng(0)
    z = rng.normal(size=120)
    table = pd.DataFrame(
        {
            "id": [f"s{row}" for row in range(120)],
            "lead": np.exp(0.5 * z + 0.2 * rng.normal(size=120)).round(3),
            "age": (40 + 8 * z + rng.normal(size=120)).round(1),
            "visits": rng.poisson(3, 120),
        }
    )
    path = tmp_path / "complete.csv"
    table.to_csv(path, index=False)
    return path


def run(*words):
    return main([str(word) for word in words])


def lines(path):
    return path.read_text().splitlines()


def test_cells_are_imputed_where_they_say_and_all_else_stays_byte_for_byte(complete, tmp_path, capsys):
    masked, imputed, draws = (tmp_path / f"{name}.csv" for name in ("masked", "imputed", "draws"))
    assert run("simulate", complete, "-o", masked, "--censor", "lead=30%:", "visits=:5") == 0
    said = capsys.readouterr().err
    assert "censored: lead 30.0%" in said
    limit = float(
        next(cell[1:] for line in lines(masked) for cell in line.split(",") if cell.startswith("<"))
    )
    assert run("impute", masked, "-o", imputed, "--draws", 3, "--draws-out", draws, *QUICK) == 0
    said = capsys.readouterr().err
    assert f"notice: lead: 36 cells, as <{limit:g}, say where their values lie" in said
    for before, after in zip(lines(masked), lines(imputed), strict=True):
        for old, new in zip(before.split(","), after.split(","), strict=True):
            if old.startswith("<"):
                assert float(new) <= limit
            elif old.startswith(">"):
                assert int(new) > 5
            else:
                assert new == old
    drawn = pd.read_csv(draws).query("`.imp` > 0")
    known = [cells.split(",")[1].startswith("<") for cells in lines(masked)[1:]]
    assert (drawn["lead"].astype(float).to_numpy().reshape(3, -1)[:, known] <= limit).all()
    scored = ["--truth", complete, "--masked", masked, "--imputed", imputed, "--draws", draws, "--json"]
    assert run("evaluate", *scored) == 0
    assert '"lead"' in capsys.readouterr().out


def test_a_column_beside_notes_what_was_known(complete, tmp_path):
    table = pd.read_csv(complete)
    table["lod"] = 0.8
    gone = table["lead"] < 0.8
    text = table["lead"].astype(object).mask(gone)
    text[3], table.loc[4, "lod"] = "[1,2]", np.nan
    text[4] = np.nan
    masked, imputed = tmp_path / "masked.csv", tmp_path / "imputed.csv"
    table.assign(lead=text).to_csv(masked, index=False, lineterminator="\r\n")
    asked = ["--censored", "lead=:lod", "--mark-censored"]
    assert run("impute", masked, "-o", imputed, *asked, *QUICK) == 0
    assert b"id,lead,age,visits,lod,lead_censored\r\n" in imputed.read_bytes()
    found = pd.read_csv(imputed)
    marks = found["lead_censored"].fillna("")
    assert (marks[3], marks[4]) == ("[1,2]", "")
    assert 1 <= found["lead"][3] <= 2
    below = gone & ~gone.index.isin([3, 4])
    assert (marks[below] == "≤0.8").all()
    assert found["lead"][below].max() <= 0.8
    assert found["lead"].notna().all()
    assert np.isnan(found["lod"][4])


def test_german_files_and_workbooks_say_it_too(complete, tmp_path):
    masked, german, imputed = (tmp_path / f"{name}.csv" for name in ("masked", "german", "imputed"))
    assert run("simulate", complete, "-o", masked, "--censor", "lead=30%:", "--quiet") == 0
    german.write_text(masked.read_text().replace(",", ";").replace(".", ","))
    assert run("impute", german, "-o", imputed, "--mark-censored", "--quiet", *QUICK) == 0
    found = pd.read_csv(imputed, sep=";", decimal=",")
    marked = found["lead_censored"].notna()
    assert marked.sum() == 36
    limit = float(found["lead_censored"][marked].iloc[0][1:].replace(",", "."))
    assert found["lead"][marked].max() <= limit
    pytest.importorskip("openpyxl")
    book, filled = tmp_path / "masked.xlsx", tmp_path / "imputed.xlsx"
    assert run("simulate", complete, "-o", book, "--censor", f"lead={limit}:", "--quiet") == 0
    assert run("impute", book, "-o", filled, "--mark-censored", "--quiet", *QUICK) == 0
    found = pd.read_excel(filled)
    assert found["lead"].dtype == float
    assert found["lead"][found["lead_censored"] == f"<{limit}"].max() <= limit
    assert (found["lead_censored"] == f"<{limit}").sum() == marked.sum()


def test_a_saved_model_reads_such_cells_in_new_rows(complete, tmp_path):
    masked, imputed, model = tmp_path / "masked.csv", tmp_path / "imputed.csv", tmp_path / "model"
    assert run("simulate", complete, "-o", masked, "--censor", "lead=30%:", "--quiet") == 0
    assert run("impute", masked, "-o", imputed, "--model-out", model, "--quiet", *QUICK) == 0
    new = tmp_path / "new.csv"
    new.write_text("id,lead,age,visits\nx,<0.4,35,>8\ny,0.7,[30;50],1\n")
    assert run("impute", new, "-o", imputed, "--model", model, "--ignore", "id", "--quiet") == 0
    found = pd.read_csv(imputed)
    assert found["lead"][0] < 0.4
    assert found["visits"][0] > 8
    assert 30 <= found["age"][1] <= 50


def test_other_subcommands_take_it(complete, tmp_path, capsys):
    masked = tmp_path / "masked.csv"
    asked = ["--mechanism", "mcar", "--columns", "age", "--censor", "lead=30%:", "--quiet"]
    assert run("simulate", complete, "-o", masked, *asked) == 0
    settings = ["--ignore", "id", "--steps", 10, "--quiet"]
    assert run("compare", masked, "--assumptions", "mar", "low", *settings) == 0
    assert (
        run("sensitivity", masked, "--assumptions", "mar", "--deltas", "0,1", "--members", 1, *settings) == 0
    )
    trial = ["--outcome", "age", "--on", "visits", "--deltas", "age=0,1"]
    assert run("tipping", masked, *trial, *settings) == 0
    assert "lead" in capsys.readouterr().out


def test_names_stay_names(tmp_path, capsys):
    path, imputed = tmp_path / "ages.csv", tmp_path / "imputed.csv"
    rows = [
        f"{group},{value}" for group, value in zip(["<18", "18-64", ">64", ""] * 10, range(40), strict=True)
    ]
    path.write_text("age,x\n" + "\n".join(rows) + "\n")
    assert run("impute", path, "-o", imputed, "--steps", 20, "--members", 1) == 0
    assert "say where" not in capsys.readouterr().err
    assert set(pd.read_csv(imputed)["age"]) == {"<18", "18-64", ">64"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["impute", "--censored", "lead=0.5"], "--censored: found 'lead=0.5'; accepted: COLUMN=LOWER:UPPER"),
        (["impute", "--censored", "lead=:"], "--censored: found 'lead=:'"),
        (["impute", "--censored", "leed=:1"], "--censored: no column 'leed'"),
        (["impute", "--censored", "lead=:lod"], "--censored: no column 'lod'"),
        (["impute", "--censored", "id=:1"], "censored: id: is categorical; accepted: columns of numbers"),
        (["impute", "--censored", "lead=:1", "lead=2:"], "--censored: column 'lead' is named twice"),
        (
            ["simulate", "--censor", "lead=101%:"],
            "--censor: found 'lead=101%:'; accepted: COLUMN=",
        ),
        (["simulate", "--censor", "id=1:"], "column 'id' holds 's0'; accepted: columns of numbers"),
        (
            ["simulate", "--censor", "lead=99:"],
            "column 'lead': no value would be left; accepted",
        ),
        (["simulate"], "--mechanism: is absent; accepted: high, low, extreme, middle, mcar, or --censor"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(words, message, complete, tmp_path, capsys):
    assert run(words[0], complete, "-o", tmp_path / "out.csv", *words[1:]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()


def test_a_report_is_written_where_all_that_is_missing_is_known(complete, tmp_path, capsys):
    masked, page = tmp_path / "masked.csv", tmp_path / "report.html"
    assert run("simulate", complete, "-o", masked, "--censor", "lead=30%:", "--quiet") == 0
    quick = ["--ignore", "id", "--steps", 10, "--members", 1, "--draws", 2, "--quiet"]
    assert run("report", masked, "-o", page, *quick) == 0
    assert "36 cells, as &lt;" in page.read_text()
    assert run("compare", masked, "--ignore", "id", "--steps", 10, "--quiet") == 2
    assert "no value is missing but what is known to lie between two ends" in capsys.readouterr().err


def test_describe_counts_what_is_known_of_missing_cells(tmp_path, capsys):
    (tmp_path / "in.csv").write_text("lead,zinc\n1.5,2\n<0.5,3\n,4\n2.5,\n<0.5,1\n3,2\n")
    assert run("describe", tmp_path / "in.csv", "--json") == 0
    known = {each["name"]: each for each in json.loads(capsys.readouterr().out)["columns"]}
    assert (known["lead"]["missing"], known["lead"]["known_between"]) == (3, 2)
    assert known["zinc"]["known_between"] == 0
    assert run("describe", tmp_path / "in.csv") == 0
    assert "4 missing cells (33.3%, 2 of them known to lie between limits)" in capsys.readouterr().out
