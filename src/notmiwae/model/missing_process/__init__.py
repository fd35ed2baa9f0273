"""Missing processes p(s | x) that a model learns, one module each; `missing_process.py` is their contract."""
