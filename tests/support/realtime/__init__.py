"""What the tests of the realtime side stand on: servers as processes, official clients, a wire that can break."""
