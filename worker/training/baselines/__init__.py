"""The rivals of a shared model, trained on the same rows: what a user would have got without it (DESIGN D14)."""
