"""Vectors of the formats of proofs."""

ORIGIN = "chat.example/audit/1"
LOG_SEED = bytes(range(0x20))
LOG_KEY = "chat.example/audit/1+37b4e26e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"

WITNESS_NAME = "witness.example/w1"
WITNESS_SEED = bytes(range(0x20, 0x40))
WITNESS_KEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
