"""A page on a table: what is missing, what it may have been, and how far conclusions depend on that."""
