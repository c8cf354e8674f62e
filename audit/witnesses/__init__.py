"""Witnesses: others who sign that they saw one history of the log, and the program that does this for others."""
