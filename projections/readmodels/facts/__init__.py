"""What decisions are told under the append lock: the answers to `domain.questions`, from the read models."""
