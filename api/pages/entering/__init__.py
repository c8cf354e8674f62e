"""Pages of how people enter rooms."""
