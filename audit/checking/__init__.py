"""Compares the whole record with itself and with every checkpoint that was signed."""
