"""The search of hyperparameters: what is tried, how it is judged, and what came of it."""
