"""Networks: declared by a spec, never uploaded (DESIGN.md D7). One file per network."""
