"""Support for the realtime tests: servers as processes, the official clients, connections that break."""
