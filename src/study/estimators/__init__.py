"""The package's own imputers as methods of the grid, given a table as a user would give it."""
