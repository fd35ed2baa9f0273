"""Complete tables (data sets), how their values go missing (mechanisms), and tables on disk.

Importing the package fills the registry of data sets; that of mechanisms is filled by theirs.
"""

from notmiwae.data import images, sources

__all__ = ["images", "sources"]
