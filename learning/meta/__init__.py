"""Meta-learning: one module for each method, ``base`` first."""
