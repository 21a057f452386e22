"""Ways to make a model for a new task out of a stored one: ``base`` first, then one method a file."""
