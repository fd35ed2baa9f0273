"""Missing mechanisms: how values of a complete table are made to go missing (simulation).

`base.py` has what they share; the others have one class each mechanism, found by name in `mechanisms`.
"""

from notmiwae.data.mechanisms.at_random import MCAR, MARLogistic, Natural
from notmiwae.data.mechanisms.base import Mechanism, apply_mechanism, mechanisms
from notmiwae.data.mechanisms.regions import AngularSector, DiscThreshold, RandomBlock
from notmiwae.data.mechanisms.self_masking import SelfMaskingLogistic, Threshold

__all__ = [
    "MCAR",
    "AngularSector",
    "DiscThreshold",
    "MARLogistic",
    "Mechanism",
    "Natural",
    "RandomBlock",
    "SelfMaskingLogistic",
    "Threshold",
    "apply_mechanism",
    "mechanisms",
]
