"""Where complete tables come from, one module each; `source.py` is their contract."""
