"""Tests run as the stages do: one thread, one instruction set, in this process and in those it starts."""

import os

from notmiwae.stage import PINS

os.environ.update(PINS)

import torch  # after the pins, which it reads on import

torch.set_num_threads(1)
