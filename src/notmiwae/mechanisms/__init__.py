"""Mechanisms: how values of a complete table go missing in simulations; `mechanism.py` has their contract."""
