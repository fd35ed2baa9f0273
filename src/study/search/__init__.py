"""The search of hyperparameters: what is tried, how it is judged, what came of it, how that is promoted."""
