"""What others read of the tree over the log."""
