"""What people do: each command has a method that carries it out."""
