"""A fitted model on disk: equal to the last bit when read back, and named when it isn't one."""

import json

import numpy as np
import pytest
import torch

from notmiwae.errors import DataError
from notmiwae.imputation import impute
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.networks import networks
from notmiwae.model.not_miwae import ModelSpec
from notmiwae.randomness import generator
from notmiwae.training.fit import fit
from notmiwae.training.fitted_model import FittedModel
from notmiwae.training.recipe import ImputationSpec, TrainingSpec
from notmiwae.training.scaling import Scaling

IMAGE = {"height": 4, "width": 4, "patch": 2, "channels": [3, 5]}
NETWORKS = {
    "linear": ({"kind": "linear"}, {"kind": "linear"}),
    "mlp": ({"kind": "mlp", "hidden": [7, 5], "activation": "elu"}, {"kind": "mlp", "hidden": [6]}),
    "patch_encoder": ({"kind": "patch_encoder", **IMAGE}, {"kind": "linear"}),
    "patch_decoder": ({"kind": "linear"}, {"kind": "patch_decoder", **IMAGE}),
}
COLUMNS = tuple(f"pixel {j} é" for j in range(16))
TRAINING = TrainingSpec(steps=3, samples=2, batch_size=8)


def table():
    values = generator(1, "table").normal(size=(30, 16)) * np.linspace(0.1, 50, 16) + 3
    values[values[:, 4] > 15, 4] = np.nan
    values[:5, 9] = np.nan
    return values


def fitted(kind="self_masking", network="mlp", **fields):
    encoder, decoder = NETWORKS[network]
    spec = ModelSpec(latent_size=2, encoder=encoder, decoder=decoder)
    process = processes.parse({"kind": kind, **fields})
    return fit(table(), COLUMNS, spec, process, TRAINING, 1).fitted


def assert_same_output(first, second):
    one, other = (impute(each, table(), ImputationSpec(samples=20, draws=3), 2) for each in (first, second))
    for name in ("mean", "draws", "effective_samples"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    complete = np.nan_to_num(table())
    assert np.array_equal(first.missing_probability(complete), second.missing_probability(complete))


def test_every_registered_network_is_tried():
    assert sorted(NETWORKS) == networks.names()


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", processes.names())
def test_a_model_read_back_gives_the_same_bits(tmp_path, kind, network):
    before = fitted(kind, network)
    before.save(tmp_path)
    after = FittedModel.load(tmp_path)
    assert after.columns == COLUMNS
    assert after.process == before.process
    assert after.model.spec == before.model.spec
    assert torch.equal(after.model.missing_process.columns, torch.tensor([4, 9]))
    assert_same_output(before, after)


@pytest.mark.parametrize("fields", [{"shared": True}, {"direction": "low"}, {"direction": "unknown"}])
def test_a_shared_edge_and_either_direction_are_read_back(tmp_path, fields):
    before = fitted(**fields)
    before.save(tmp_path)
    after = FittedModel.load(tmp_path)
    assert after.process == before.process
    assert after.model.missing_process.sign == before.model.missing_process.sign
    assert_same_output(before, after)


def test_members_are_read_back_in_the_order_of_their_names(tmp_path):
    for number, direction in enumerate(("low", "high", "low")):
        (tmp_path / f"{number}").mkdir()
        fitted(direction=direction).save(tmp_path / f"{number}")
    (tmp_path / "notes.txt").touch()
    members = FittedModel.load_members(tmp_path)
    assert [member.process.direction for member in members] == ["low", "high", "low"]
    assert_same_output(members[0], members[2])


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_without_members_is_named(tmp_path, exists):
    folder = tmp_path / "models"
    if exists:
        folder.mkdir()
    with pytest.raises(DataError, match=f"^{folder}: no models there"):
        FittedModel.load_members(folder)


def test_a_member_that_is_no_model_is_named(tmp_path):
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
    fitted().save(tmp_path / "0")
    with pytest.raises(DataError, match=f"^{tmp_path / '1'}: not a saved model"):
        FittedModel.load_members(tmp_path)


def test_saving_leaves_two_files_neither_of_them_pickled(tmp_path):
    fitted().save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "weights.safetensors"]
    description = json.loads((tmp_path / "model.json").read_text())
    assert description["missing_process"]["kind"] == "self_masking"


def test_saving_twice_gives_the_same_bytes(tmp_path):
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        fitted().save(tmp_path / name)
        contents.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert contents[0] == contents[1]


def edit(folder, change):
    path = folder / "model.json"
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))


DAMAGE = {
    "nothing there": lambda folder: [path.unlink() for path in folder.iterdir()],
    "no weights": lambda folder: (folder / "weights.safetensors").unlink(),
    "cut weights": lambda folder: (folder / "weights.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{"),
    "no JSON": lambda folder: (folder / "model.json").write_text("{"),
    "a list": lambda folder: (folder / "model.json").write_text("[]"),
    "no columns": lambda folder: edit(folder, lambda content: content.pop("columns")),
    "other columns": lambda folder: edit(folder, lambda content: content["columns"].append("one more")),
    "other network": lambda folder: edit(folder, lambda content: content["network"].update(latent_size=3)),
    "unknown process": lambda folder: edit(
        folder, lambda content: content.update(missing_process={"kind": "x"})
    ),
    "other process": lambda folder: edit(folder, lambda c: c.update(missing_process={"kind": "two_sided"})),
    "column out of range": lambda folder: edit(
        folder, lambda content: content.update(process_columns=[4, 99])
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_a_saved_model_is_named_in_one_line(tmp_path, damage):
    fitted().save(tmp_path)
    DAMAGE[damage](tmp_path)
    with pytest.raises(DataError) as caught:
        FittedModel.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: not a saved model: ")
    assert "\n" not in str(caught.value)


# --- scaling


def test_scaling_uses_what_was_observed_and_undoes_itself():
    values = table()
    scaling = Scaling.of(values, [True] * 16)
    x, s = scaling.tensors(values)
    observed = ~np.isnan(values)
    assert np.array_equal(s.numpy() == 1, observed)
    assert (x.numpy()[~observed] == 0).all()
    for j in range(16):
        column = x.double().numpy()[observed[:, j], j]
        assert column.mean() == pytest.approx(0, abs=1e-6)
        assert column.std() == pytest.approx(1, abs=1e-6)
    assert scaling.undo(x)[observed] == pytest.approx(values[observed], rel=1e-5, abs=1e-5)
    assert scaling.undo(torch.zeros(1, 16))[0] == pytest.approx(np.nanmean(values, axis=0))


def test_scaling_leaves_the_table_alone_unless_told_to_standardise():
    scaling = Scaling.of(table(), [False] * table().shape[1])
    assert (scaling.mean == 0).all()
    assert (scaling.scale == 1).all()


def test_missing_probability_is_in_the_tables_own_units():
    model = fitted()
    with torch.no_grad():
        model.model.missing_process.log_slope.fill_(5.0)
        model.model.missing_process.edge.fill_(1.0)
    rows = np.tile(np.nanmean(table(), axis=0), (2, 1))
    spread = np.nanstd(table(), axis=0)
    rows += np.array([[0.9], [1.1]]) * spread
    found = model.missing_probability(rows)
    assert (found[0, [4, 9]] < 0.01).all()
    assert (found[1, [4, 9]] > 0.99).all()
    assert (np.delete(found, [4, 9], axis=1) == 0).all()


@pytest.mark.parametrize("value", [0.1, -1e-7, 123456.789, 0.0, 1.1e149])
def test_a_constant_column_keeps_its_unit_though_rounding_gives_it_a_deviation(value):
    values = np.full((30, 1), value)
    values[3] = np.nan
    scaling = Scaling.of(values, [True])
    assert scaling.scale == pytest.approx(1.0)
    assert scaling.tensors(values)[0].abs().max() < 1e-6
