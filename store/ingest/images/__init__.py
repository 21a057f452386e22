"""Zip archives of images as columns, and images as arrays of bytes."""
