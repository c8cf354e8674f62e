"""Programs that others wrote, in Go: what they make and read is compared with ours. Their source is `tests/go`."""
