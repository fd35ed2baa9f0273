"""Metrics of imputed cells, one module each; `metric.py` has their contract, `evaluate.py` computes all."""
