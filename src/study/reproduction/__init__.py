"""Checks of the committed results: that they come out again, and that no file of theirs has rotted."""
