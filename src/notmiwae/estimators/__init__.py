"""Imputation of a user's own table."""
