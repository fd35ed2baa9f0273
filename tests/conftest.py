"""Tests run as the stages do: one thread, one instruction set, in this process and in those it starts."""

import os

from hypothesis import settings

from notmiwae.processes import PINS

os.environ.update(PINS)

import torch  # after the pins, which it reads on import

torch.set_num_threads(1)

# How long an example takes is the machine's business, not a test's.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
