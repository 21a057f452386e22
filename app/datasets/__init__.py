"""Datasets over HTTP: upload, list, show, preview, delete."""
