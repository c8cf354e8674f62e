"""The tree over the log: leaves, tiles, checkpoints, proofs."""
