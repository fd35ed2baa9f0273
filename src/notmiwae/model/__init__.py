"""The probabilistic model: networks, observation models p(x | z), missing processes p(s | x), the bound."""
