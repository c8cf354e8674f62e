"""Reads the whole tree of a log over HTTP, as an auditor does, and keeps a receipt of what it saw."""
