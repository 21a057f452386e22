"""Attempts that train nothing: stored models asked about whole datasets, a stretch of rows at a time."""
