"""How the tasks' losses become one step of the optimiser. One file per method."""
