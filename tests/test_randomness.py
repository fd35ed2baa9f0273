"""Random numbers: the same for the same purpose, everywhere, and independent for any other."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from notmiwae.randomness import generator, seed_sequence, torch_seed

# Names, and numbers of replicates; a name's checksum is hardly ever as small as these.
parts = st.text(min_size=1, max_size=10) | st.integers(0, 10_000)
purposes = st.lists(parts, max_size=4).map(tuple)


@given(st.integers(0, 2**63), purposes)
def test_a_purpose_has_the_same_numbers_each_time(seed, purpose):
    assert np.array_equal(generator(seed, *purpose).random(4), generator(seed, *purpose).random(4))
    assert torch_seed(seed, *purpose) == torch_seed(seed, *purpose)


@given(st.integers(0, 2**63), purposes, purposes)
def test_another_purpose_has_other_numbers(seed, first, second):
    if first != second:
        assert not np.array_equal(generator(seed, *first).random(4), generator(seed, *second).random(4))
        assert torch_seed(seed, *first) != torch_seed(seed, *second)


@given(st.integers(0, 2**63), st.integers(0, 2**63), purposes)
def test_another_seed_has_other_numbers(first, second, purpose):
    if first != second:
        assert torch_seed(first, *purpose) != torch_seed(second, *purpose)


def test_a_purpose_is_a_path_not_a_bag_of_names():
    paths = [(), ("a",), ("a", "b"), ("b", "a"), ("ab",), ("a", 0), ("a", 0, 0), (0, "a"), ("a", 1)]
    assert len({torch_seed(1, *path) for path in paths}) == len(paths)


def test_streams_of_neighbouring_replicates_are_uncorrelated():
    draws = np.stack(
        [generator(2021, "mask", "ring", replicate).normal(size=4000) for replicate in range(30)]
    )
    correlation = np.corrcoef(draws)[np.triu_indices(30, 1)]
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


def test_numbers_are_the_same_in_another_process_whatever_its_hash_seed():
    code = "from notmiwae.randomness import *; print(torch_seed(2021, 'mask', 'ring', 3))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {f"{torch_seed(2021, 'mask', 'ring', 3)}\n".encode()}


def test_numbers_stay_what_they_were():
    """A change here changes every figure of the study."""
    assert torch_seed(2021, "training") == 8775189217311023107
    assert generator(2021, "mask", "gaussian", 3).integers(0, 10**6, 3).tolist() == [862964, 964383, 559773]


@given(st.integers(0, 2**63), purposes)
def test_torch_takes_the_seed(seed, purpose):
    value = torch_seed(seed, *purpose)
    assert 0 <= value < 2**63
    assert torch.Generator().manual_seed(value).initial_seed() == value


def test_nothing_global_is_seeded():
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    generator(1, "a").random(3)
    torch_seed(1, "a")
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_a_sequence_spawns_children_that_differ_from_any_purpose():
    children = seed_sequence(1, "a").spawn(3)
    states = {tuple(child.generate_state(2)) for child in children}
    assert len(states | {tuple(seed_sequence(1, "a").generate_state(2))}) == 4


@pytest.mark.parametrize("seed", [-1, 1.5])
def test_a_seed_is_a_whole_number_of_zero_or_more(seed):
    with pytest.raises((ValueError, TypeError)):
        generator(seed)
