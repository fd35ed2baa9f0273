"""Training a model by its bound, and imputing with its own importance weights."""
