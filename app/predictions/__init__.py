"""Predictions over HTTP: rows in, answers of a stored model out."""
