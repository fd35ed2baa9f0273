"""A sentence in the place of a figure that would have nothing to show."""

from matplotlib.figure import Figure

from notmiwae.plot_style import figure, styled


@styled
def sentence_figure(text: str) -> Figure:
    """Write a sentence where a figure is expected."""
    drawn = figure(height=0.6)
    drawn.text(0.5, 0.5, text, ha="center", va="center")
    return drawn
