"""Checkpoints: what is signed of the tree, by which keys, and where that is kept outside the database."""
