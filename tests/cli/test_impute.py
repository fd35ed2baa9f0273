import shutil

import pandas as pd
import pytest
import torch
from small_tables import QUICK, masked_table

from notmiwae.cli import options
from notmiwae.estimators import workers as jobs
from notmiwae.estimators.assumptions import ASSUMPTIONS, UNKNOWN
from notmiwae.estimators.columns import KINDS
from notmiwae.estimators.miwae_imputer import MIWAEImputer


def test_words_are_those_of_the_estimators():
    assert tuple(ASSUMPTIONS) == options.WORDS
    assert options.KINDS == KINDS


def test_only_missing_cells_change(trained):
    before, after = pd.read_csv(trained / "in.csv"), pd.read_csv(trained / "out.csv")
    assert after.notna().all().all()
    assert list(after) == list(before)
    assert after.where(before.notna()).equals(before)
    assert (after["age"] % 1 == 0).all()


def test_draws_are_long(trained):
    draws, before = pd.read_csv(trained / "draws.csv"), pd.read_csv(trained / "in.csv")
    assert list(draws) == [".imp", ".id", *before]
    assert draws[".imp"].unique().tolist() == [0, 1, 2, 3]
    assert draws[".id"].tolist() == [*range(1, 61)] * 4
    assert draws[draws[".imp"] == 0][list(before)].equals(before)
    assert draws[draws[".imp"] > 0].notna().all().all()


def test_a_saved_model_imputes_the_same(notmiwae, trained, tmp_path):
    before = pd.read_csv(trained / "in.csv")
    before[before.columns[::-1]].to_csv(tmp_path / "in.csv", index=False)
    found = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "o.csv", "--model", trained / "model",
                     "--ignore", "id", "--json")  # fmt: skip
    assert found.status == 0
    assert found.json()["missing_cells"] == int(before.isna().to_numpy().sum())
    assert {row["column"] for row in found.json()["missing_process"]} == {"wage", "age", "region"}
    assert "'auto'" not in found.err, "the saved model has an assumption"
    after = pd.read_csv(tmp_path / "o.csv")
    assert list(after) == list(before.columns[::-1])
    # What was 58 and is 58.0 now leaves so.
    pd.testing.assert_frame_equal(after[before.columns], pd.read_csv(trained / "out.csv"), check_dtype=False)


def test_one_new_row_without_anything_but_a_category(notmiwae, trained, tmp_path):
    (tmp_path / "new.csv").write_text("wage,age,region\nNA,NA,west\nNA,NA,NA\n")
    found = notmiwae("impute", tmp_path / "new.csv", "-o", tmp_path / "o.csv", "--model", trained / "model")
    assert found.status == 0
    assert pd.read_csv(tmp_path / "o.csv").notna().all().all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wage,age,region\n1,2,east\n", "unknown category 'east'; accepted: 'north', 'south', 'west'"),
        ("wage,region\n1,west\n", "column 'age' of"),
        ("wage,age,region,x\n1,2,west,1\n", "column 'x' isn't one of"),
        ("wage,age,region\nlots,2,west\n", "'lots' in row 1 is no number"),
    ],
)
def test_rows_that_do_not_fit_the_model(refused, trained, tmp_path, text, said):
    (tmp_path / "new.csv").write_text(text)
    error = refused("impute", tmp_path / "new.csv", "-o", tmp_path / "o.csv", "--model", trained / "model")
    assert said in error
    assert str(tmp_path / "new.csv") in error
    assert not (tmp_path / "o.csv").exists()


def test_hostile_models(refused, trained, masked, tmp_path):
    typed = ["impute", masked, "-o", tmp_path / "o.csv", "--ignore", "id", "--model", tmp_path / "m"]
    assert "no such folder" in refused(*typed)
    shutil.copytree(trained / "model", tmp_path / "m")
    for content in ('{"imputer": "os.system"}', "[]", "{}", "\0"):
        (tmp_path / "m" / "imputer.json").write_text(content)
        assert "not a saved imputer" in refused(*typed)
    shutil.copy(trained / "model" / "imputer.json", tmp_path / "m")
    for weights in (tmp_path / "m").rglob("*.safetensors"):
        weights.write_bytes(b"\x80\x04cos\nsystem\n")
    assert "not a saved" in refused(*typed)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--missing-process", "hihg"], "no word 'hihg'; did you mean 'high'? accepted: auto, high, low,"),
        (["--missing-process", "wag=high"], "no column 'wag' in"),
        (["--missing-process", "high", "age=mcar"], "accepted: one word, or COLUMN=WORD each"),
        (["--missing-process", "wage=high", "--given", "wage=agee"], "--given: no column 'agee' in"),
        (["--missing-process", "wage=high", "--given", "age=wage"], "--given: age: nothing says why"),
        (["--missing-process", "wage=high", "--given", "wage"], "--given: found 'wage'; accepted: NAME="),
        (["--one-curve", "wage"], "--one-curve: wage: nothing says why its values are missing"),
        (["--at-random", "wage"], "--at-random: wage: nothing says why its values are missing"),
        (["--missing-process", "wage=mcar", "--at-random", "wage"], "more is said of the word 'mcar' (wage)"),
        (["--missing-process", "low", "--group", "a=wag"], "--group: no column 'wag' in"),
        (["--missing-process", "region=high"], "masked.csv: missing_process: region: 'high': its categories"),
        (["--kind", "age=counts"], "--kind: no word 'counts'; did you mean 'count'?"),
        (["--kind", "agee=count"], "--kind: no column 'agee' in"),
        (["--kind", "age"], "--kind: found 'age'; accepted: COLUMN=WORD"),
        (["--limits", "wage=0"], "--limits: found 'wage=0'; accepted: COLUMN=LOWEST:HIGHEST"),
        (["--limits", "wage=5:1"], "limits: wage: found (5.0, 1.0)"),
        (["--limits", "weight=0:"], "--limits: no column 'weight' in"),
        (["--ignore", "idd"], "--ignore: no column 'idd' in"),
        (["--draws", "3"], "--draws: nothing says where they go"),
        (["--model", "m", "--steps", "3"], "--steps: is of training"),
        (["--model", "m", "--bootstrap"], "--bootstrap: is of training"),
    ],
)
def test_options_that_do_not_fit(refused, masked, tmp_path, typed, said):
    assert said in refused("impute", masked, "-o", tmp_path / "o.csv", *typed)
    assert [path.name for path in tmp_path.iterdir()] == ["masked.csv"]


def test_outputs_that_can_not_be_written(refused, masked, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    typed = ["impute", masked, "--ignore", "id", "-o"]
    assert "nothing is written over what is read" in refused(*typed, masked)
    assert "there is no folder" in refused(*typed, tmp_path / "no" / "o.csv")
    assert "is a folder" in refused(*typed, tmp_path)
    assert "written twice" in refused(*typed, tmp_path / "o.csv", "--draws-out", tmp_path / "o.csv")
    assert "holds no model" in refused(*typed, tmp_path / "o.csv", "--model-out", tmp_path / "full")
    assert "holds no model" in refused(*typed, tmp_path / "o.csv", "--model-out", masked)
    assert (tmp_path / "full" / "letter.txt").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,\n2,NA\n", "column 'b': no value at all"),
        ("a,b\n1,\n", "has one row"),
        ("a,b\n" + "".join(f"{n},t{n}\n" for n in range(300)), "column 'b': 300 different texts, as 't0'"),
    ],
)
def test_tables_that_can_not_be_trained_on(refused, tmp_path, text, said):
    (tmp_path / "in.csv").write_text(text)
    assert said in refused("impute", tmp_path / "in.csv", "-o", tmp_path / "o.csv")


def test_nothing_missing(notmiwae, tmp_path):
    (tmp_path / "in.csv").write_text("a,b\n1,x\n2,y\n")
    found = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "o.csv")
    assert found.status == 0
    assert "no value is missing" in found.err
    assert (tmp_path / "o.csv").read_text() == "a,b\n1,x\n2,y\n"


def test_format_bounds_and_kinds(notmiwae, tmp_path):
    masked_table(30).drop(columns="id").assign(fixed=3, below=-2).to_csv(
        tmp_path / "in.csv", index=False, sep=";", decimal=","
    )
    text = (tmp_path / "in.csv").read_text().replace(";3;-2", ";;", 1)
    (tmp_path / "in.csv").write_text(text)
    typed = ["--missing-process", "mar", "--limits", "wage=500:501", "--kind", "age=continuous", *QUICK]
    found = notmiwae("impute", tmp_path / "in.csv", "-o", tmp_path / "o.csv", *typed)
    assert found.status == 0
    before, after = (pd.read_csv(tmp_path / name, sep=";", decimal=",") for name in ("in.csv", "o.csv"))
    assert after.loc[before["wage"].isna(), "wage"].between(500, 501).all()
    assert (after["fixed"] == 3).all()
    assert (after["age"] % 1 != 0).any()


def test_the_old_name_of_limits_is_accepted_and_said(notmiwae, masked, tmp_path):
    typed = ["--missing-process", "mar", *QUICK, "-o"]
    old = notmiwae("impute", masked, *typed, tmp_path / "old.csv", "--bounds", "wage=500:501")
    assert notmiwae("impute", masked, *typed, tmp_path / "new.csv", "--limits", "wage=500:501").status == 0
    assert "--bounds is called --limits now" in old.err
    assert (tmp_path / "old.csv").read_bytes() == (tmp_path / "new.csv").read_bytes()


def test_parquet_and_one_column(notmiwae, tmp_path):
    masked_table(30)[["wage"]].to_parquet(tmp_path / "in.parquet")
    found = notmiwae("impute", tmp_path / "in.parquet", "-o", tmp_path / "o.parquet", "--quiet", *QUICK)
    assert (found.status, found.err) == (0, "")
    assert pd.read_parquet(tmp_path / "o.parquet")["wage"].notna().all()


def bytes_of(notmiwae, masked, tmp_path, *typed):
    """What is written and said of the masked table with these options."""
    found = notmiwae("impute", masked, "-o", tmp_path / "o.csv", "--ignore", "id", *QUICK, *typed)
    assert found.status == 0
    return (tmp_path / "o.csv").read_bytes(), found.err


def test_without_a_word_evidence_decides_and_one_line_says_what_it_took(notmiwae, masked, tmp_path):
    silent, said = bytes_of(notmiwae, masked, tmp_path)
    assert (silent, said) == bytes_of(notmiwae, masked, tmp_path, "--missing-process", "auto")
    (line,) = [line for line in said.splitlines() if line.startswith("notice: 'auto'")]
    assert line.endswith("see docs/assumptions.md")
    assert bytes_of(notmiwae, masked, tmp_path, "--quiet") == (silent, "")


@pytest.mark.filterwarnings("error::notmiwae.AssumptionWarning")
@pytest.mark.parametrize("typed", [["unknown"], ["wage=unknown", "age=low"]])
def test_one_line_says_what_unknown_cannot_tell(notmiwae, masked, tmp_path, typed):
    _, said = bytes_of(notmiwae, masked, tmp_path, "--missing-process", *typed)
    assert said.count("'unknown'") == 1
    assert "it can't tell that they are missing at random" in said
    assert "'auto'" not in said


@pytest.mark.parametrize(("typed", "threads"), [([], {1}), (["--threads", "2"], {2})])
def test_it_computes_on_one_thread_unless_asked(notmiwae, masked, tmp_path, monkeypatch, typed, threads):
    counted = []
    for name in ("fit_together", "impute_together"):
        original = getattr(jobs, name)

        def watched(*arguments, of=original, **named):
            counted.append(torch.get_num_threads())
            return of(*arguments, **named)

        monkeypatch.setattr(jobs, name, watched)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        bytes_of(notmiwae, masked, tmp_path, *typed)
    finally:
        torch.set_num_threads(before)
    assert len(counted) == 2
    assert set(counted) == threads


def test_what_else_decides_can_be_typed(notmiwae, masked, tmp_path):
    typed = ["--missing-process", "wage=low", "age=high", "--given", "wage=region,age", "--at-random", "wage",
             "--group", "both=wage,age", "--ignore", "id", "--json", *QUICK]  # fmt: skip
    found = notmiwae("impute", masked, "-o", tmp_path / "out.csv", "--model-out", tmp_path / "model", *typed)
    assert found.status == 0, found.err
    learnt = {each["column"]: each for each in found.json()["missing_process"]}
    assert learnt["wage"]["direction"] == "low"
    assert 0 < learnt["wage"]["at_random"] < 1
    assert "age " in learnt["wage"]["given"]
    assert learnt["age"]["together"] > 0
    again = notmiwae(
        "impute", masked, "-o", tmp_path / "again.csv", "--model", tmp_path / "model", "--ignore", "id"
    )
    assert again.status == 0, again.err
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()


def test_that_nothing_else_decides_can_be_typed(notmiwae, masked, tmp_path):
    typed = ["--missing-process", "wage=low", "--limits", "wage=0:", "--ignore", "id", "--json", *QUICK]
    for more, shaped in (([], True), (["--given", "wage=nothing", "--no-shapes"], False)):
        found = notmiwae(
            "impute", masked, "-o", tmp_path / "out.csv", "--model-out", tmp_path / "m", *typed, *more
        )
        assert found.status == 0, found.err
        imputer = MIWAEImputer.load(tmp_path / "m")
        assert any(imputer.members_[0].model.spec.shaped(len(imputer.columns_))) == shaped
        (learnt,) = (each for each in found.json()["missing_process"] if each["column"] == "wage")
        assert learnt.get("given") is None or more == []


def test_unknown_is_doubtful_with_more_said_of_it_too(notmiwae, masked, tmp_path):
    typed = ["--missing-process", "wage=unknown", "--given", "wage=age", "--ignore", "id", *QUICK]
    found = notmiwae("impute", masked, "-o", tmp_path / "out.csv", *typed)
    assert found.status == 0, found.err
    assert found.err.count(UNKNOWN) == 1
