"""The same code on every device: no tensor of the processor gets among those of another one."""

import numpy as np
import pytest
import torch
from tests.training.test_batched import COLUMNS, OBSERVATIONS, PROCESSES, network, spec, table

from notmiwae.computing import resolve
from notmiwae.errors import ParameterError
from notmiwae.imputation import impute_together
from notmiwae.model.missing_process.by_column import build_process
from notmiwae.model.missing_process.missing_process import processes
from notmiwae.model.not_miwae import NotMIWAE
from notmiwae.randomness import generator
from notmiwae.training.batched import BatchedModels
from notmiwae.training.fit import fit_together
from notmiwae.training.recipe import ImputationSpec

# Which columns are a part's, and the gradient of a Gamma variable, can't be had without values.
WITHOUT_VALUES = [name for name in OBSERVATIONS if name not in ("mixed", "student_t")]


def models(process, observation, count):
    """Models of one architecture, as training starts them."""
    spec, rows = network(OBSERVATIONS[observation]), table(1, entry=OBSERVATIONS[observation])
    x, s = torch.from_numpy(np.nan_to_num(rows)).float(), torch.from_numpy(~np.isnan(rows)).float()
    (start, *_) = processes.parse(process).starts()
    built = [
        build_process(start, spec.observation, torch.tensor([0, 1]), x, s, COLUMNS) for _ in range(count)
    ]
    return [NotMIWAE(spec, len(COLUMNS), each) for each in built], x, s


# `meta` computes shapes alone, and refuses a tensor that lies elsewhere, as a GPU does.
@pytest.mark.parametrize("observation", WITHOUT_VALUES)
@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
@pytest.mark.parametrize("count", [1, 3])
def test_a_training_step_stays_on_its_device(process, observation, count):
    some, x, s = models(process, observation, count)
    batched = BatchedModels([model.to("meta") for model in some])
    rows = [each.to("meta").expand(count, *each.shape) for each in (x, s)]
    generators = [torch.Generator().manual_seed(number) for number in range(count)]
    terms = batched.terms(rows, 4, generators)
    assert {term.device.type for term in terms} <= {"meta", "cpu"}
    total = sum(term.sum() for term in terms)
    assert total.device.type == "meta"
    total.backward()
    assert batched.networks.grad.device.type == "meta"
    batched.limit()


@pytest.mark.parametrize("observation", WITHOUT_VALUES)
@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_imputed_means_stay_on_their_device(process, observation):
    (model,), x, s = models(process, observation, 1)
    with torch.no_grad():
        drawn = model.to("meta").importance_samples(x.to("meta"), s.to("meta"), 4, torch.Generator())
        assert drawn.missing.average(drawn.log_weights.softmax(0)).device.type == "meta"
        assert model.missing_process.missing_probability(x.to("meta")).device.type == "meta"


def test_auto_is_a_gpu_if_there_is_one():
    assert resolve("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve("cpu") == "cpu"


@pytest.mark.parametrize("device", ["gpu", "meta", "", "cuda:99", "tpu:0", None, 3])
def test_what_is_no_device_is_refused(device):
    with pytest.raises(ParameterError, match="device: found"):
        resolve(device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here; the tests above need none")
def test_a_gpu_learns_and_imputes_what_the_processor_does():
    tables = [generator(seed, "device").normal(size=(200, 3)) for seed in range(2)]
    for each in tables:
        each[each[:, 0] > 0.5, 0] = np.nan
    process, training = processes.parse({"kind": "self_masking", "direction": "unknown"}), spec(steps=40)
    means = []
    for device in ("cpu", "cuda"):
        fits = fit_together(tables, COLUMNS, network(), process, training, [1, 2], device=device)
        imputed = impute_together(
            [each.fitted for each in fits], tables[0], ImputationSpec(samples=50, draws=3), 1, device=device
        )
        means.append(imputed.mean)
    np.testing.assert_allclose(*means, rtol=1e-3, atol=1e-3)
