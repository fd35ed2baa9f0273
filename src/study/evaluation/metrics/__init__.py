"""Metrics of imputed cells, one module each with a function `values`; `evaluate.py` finds and runs them."""
