"""A saved imputer imputes the same bytes; anything else in a folder is refused in one line."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from user_tables import QUICK, mixed

from notmiwae import MIWAEImputer, NotMIWAEImputer
from notmiwae.errors import DataError
from notmiwae.estimators.assumptions import ASSUMPTIONS


@pytest.fixture(scope="module")
def fitted():
    return NotMIWAEImputer("high", **QUICK | {"members": 2}).fit(mixed())


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "imputer"
    fitted.save(folder)
    return folder


def change(folder, **entries):
    """Entries of `imputer.json` as functions of what they were, or as they shall be."""
    description = json.loads((folder / "imputer.json").read_text())
    for name, entry in entries.items():
        description[name] = entry(description[name]) if callable(entry) else entry
    (folder / "imputer.json").write_text(json.dumps(description))


def same(one, other, table):
    pd.testing.assert_frame_equal(one.transform(table), other.transform(table), check_exact=True)
    for ours, theirs in zip(one.sample(table, 3), other.sample(table, 3), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert (one.score_samples(table) == other.score_samples(table)).all()


def test_a_loaded_imputer_imputes_the_same_bytes(fitted, saved):
    loaded = MIWAEImputer.load(str(saved))
    assert type(loaded) is NotMIWAEImputer
    assert loaded.get_params() == fitted.get_params()
    assert loaded.columns_ == fitted.columns_
    assert loaded.bound_ == fitted.bound_
    assert loaded.missing_process_.equals(fitted.missing_process_)
    same(loaded, fitted, mixed())


@pytest.mark.parametrize(
    "arguments",
    [
        {"missing_process": {"kind": "high", "y": ASSUMPTIONS["low"]}, "kinds": {"kind": "continuous"}},
        {"missing_process": ASSUMPTIONS["extreme"], "limits": {"kind": (-np.inf, 9)}},
        {"random_state": np.random.RandomState(0), "members": np.int64(1)},
        {"missing_process": "anything", "hidden": [8, 4]},
        {"missing_process": "unknown", "n_threads": 1},
        {"missing_process": "auto"},
    ],
)
@pytest.mark.filterwarnings("ignore::notmiwae.AssumptionWarning")
def test_parameters_of_every_form_are_kept(arguments, tmp_path):
    table = pd.DataFrame({"kind": [0.5, np.nan, 1.5, 2.5] * 4, "y": [np.nan, *range(15)]})
    imputer = NotMIWAEImputer(**QUICK | arguments).fit(table)
    imputer.save(tmp_path / "there")
    loaded = NotMIWAEImputer.load(tmp_path / "there")
    assert loaded.missing_process == imputer.missing_process
    same(loaded, imputer, table)
    if "random_state" not in arguments:
        same(loaded.fit(table), imputer, table)


def test_members_keep_their_order_beyond_a_hundred(tmp_path):
    table = np.array([[1.0, np.nan], [2.0, 1.0], [3.0, 0.5], [0.0, 2.0]])
    imputer = MIWAEImputer(steps=1, members=1, n_samples=2, hidden=(2,), random_state=0).fit(table)
    imputer.members_ = imputer.members_ * 101
    imputer.save(tmp_path / "many")
    assert sorted(each.name for each in (tmp_path / "many").iterdir())[100] == "0100"


def test_an_imputer_of_an_array_is_kept(tmp_path):
    table = np.array([[1.0, np.nan], [2.0, 1.0], [3.0, 0.5], [0.0, 2.0]] * 3, dtype=np.float32)
    imputer = MIWAEImputer(**QUICK).fit(table)
    imputer.save(tmp_path)
    assert MIWAEImputer.load(tmp_path).transform(table).tobytes() == imputer.transform(table).tobytes()


def test_nothing_is_pickled(saved):
    files = sorted(each.name for each in saved.rglob("*") if each.is_file())
    assert files == ["imputer.json", *["model.json"] * 2, *["weights.safetensors"] * 2]


def test_saving_replaces_an_imputer(fitted, saved, tmp_path):
    shutil.copytree(saved, tmp_path / "there")
    MIWAEImputer(**QUICK).fit(mixed()).save(tmp_path / "there")
    assert type(MIWAEImputer.load(tmp_path / "there")) is MIWAEImputer


@pytest.mark.parametrize("beside", [(), ("imputer.json",), ("imputer.json", "0000")])
def test_saving_over_anything_else_is_refused_and_leaves_it(fitted, tmp_path, beside):
    for name in (*beside, "diary.txt"):
        (tmp_path / name).write_text("mine")
    for place in (tmp_path, tmp_path / "diary.txt"):
        with pytest.raises(DataError, match=r"holds something else; nothing was written$"):
            fitted.save(place)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted((*beside, "diary.txt"))
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_a_category_that_json_has_no_word_for_is_named(tmp_path):
    table = pd.DataFrame({"x": np.arange(12.0), "cut": pd.cut(np.arange(12), 3)})
    imputer = MIWAEImputer(**QUICK).fit(table)
    with pytest.raises(DataError, match=r"^column 'cut': category Interval.* can't be saved; accepted: text"):
        imputer.save(tmp_path / "there")
    assert not (tmp_path / "there").exists()


def without(name):
    def damage(folder):
        description = json.loads((folder / "imputer.json").read_text())
        del description[name]
        (folder / "imputer.json").write_text(json.dumps(description))

    return damage


def parameters(**changed):
    return lambda folder: change(folder, parameters=lambda found: found | changed)


def mask(**changed):
    return lambda folder: change(folder, masks=lambda found: [found[0] | changed, *found[1:]])


def column(**changed):
    return lambda folder: change(folder, columns=lambda found: [found[0] | changed, *found[1:]])


def text(content):
    return lambda folder: (folder / "imputer.json").write_bytes(content)


def of_another_table(folder):
    other = NotMIWAEImputer("high", **QUICK | {"members": 2}).fit(mixed().drop(columns="flag"))
    shutil.rmtree(folder / "0001")
    (folder.parent / "other").mkdir()
    other.members_[0].save(folder.parent / "other")
    (folder.parent / "other").rename(folder / "0001")


def truncated(folder):
    weights = folder / "0001" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])


NAMES = (
    *("imputer", "parameters", "columns", "feature_names", "bound", "seed", "members"),
    *("assumptions", "masks", "mask_of_member"),
)
DAMAGES = {
    **{f"no {name}": without(name) for name in NAMES},
    **{
        f"{name} is {value!r}": lambda folder, name=name, value=value: change(folder, **{name: value})
        for name in NAMES
        for value in ("x", [1, [2]], {"a": None})
    },
    "endless seed": lambda folder: change(folder, seed=1e400),
    "another class": lambda folder: change(folder, imputer="Popen"),
    "extra parameter": parameters(shell="rm"),
    "samples are a word": parameters(n_samples="five"),
    "layers are a word": parameters(hidden="abc"),
    "unknown process": parameters(missing_process=["missing process", {"kind": "os.system"}]),
    "kind of column": column(kind="categorical"),
    "unknown kind": column(kind="pickle"),
    "name is a number": column(name=1),
    "other name": column(name="other"),
    "bound is a word": column(lowest="low"),
    "codes of a number": column(values=["a", "b"]),
    "extra of a column": column(extra=1),
    "fewer columns": lambda folder: change(folder, columns=lambda found: found[:-1]),
    "other names": lambda folder: change(folder, feature_names=lambda found: found[::-1]),
    "a mask of no column": mask(columns=[99]),
    "a mask by no column": mask(predictors=[[-1]]),
    "a mask with a number less": mask(coefficients=[[1.0]]),
    "a member without a mask": lambda folder: change(folder, mask_of_member=[7, 7]),
    "masks of fewer members": lambda folder: change(folder, mask_of_member=[0]),
    "not JSON": text(b"{"),
    "not text": text(b"\xff\xfe\x00"),
    "a list": text(b"[1, 2]"),
    "deep": text(b"[" * 200_000),
    "empty": text(b""),
    "no description": lambda folder: (folder / "imputer.json").unlink(),
    "a member less": lambda folder: shutil.rmtree(folder / "0001"),
    "no members": lambda folder: [shutil.rmtree(folder / each) for each in ("0000", "0001")],
    "no weights": lambda folder: (folder / "0001" / "weights.safetensors").unlink(),
    "truncated weights": truncated,
    "of another table": of_another_table,
    "no folder": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_folder_is_refused_in_one_line(saved, damage, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(saved, folder)
    damage(folder)
    with pytest.raises(DataError, match="damaged") as caught:
        MIWAEImputer.load(folder)
    assert "\n" not in str(caught.value)
