"""The report: all pages and results as one HTML file that needs nothing beside it."""
