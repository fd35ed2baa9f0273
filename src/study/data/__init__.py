"""Complete tables, one source a module of `sources/`, and tables on disk."""
