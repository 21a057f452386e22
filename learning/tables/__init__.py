"""Canonical tables on disk, and what tells their rows apart."""

from learning.tables.table import Table

__all__ = ["Table"]
