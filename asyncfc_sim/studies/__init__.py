"""Studies: what joins drivers."""
