"""The training core: one attempt at a job, from an assignment to files. It imports ``learning`` only (DESIGN §2, 5)."""
