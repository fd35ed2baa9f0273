"""The experiment: what DVC runs, from data to figures, around the method of the package `notmiwae`."""
