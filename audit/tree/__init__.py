"""The tree over the log: leaves, nodes, tiles."""
