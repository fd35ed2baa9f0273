"""Observation models p(x | z), one module each; `observation_model.py` has their contract."""
