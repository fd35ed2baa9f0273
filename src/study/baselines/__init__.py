"""The usual imputers, to compare with; `baseline.py` has their contract."""
