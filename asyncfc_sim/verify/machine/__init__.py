"""The machine that the theorems speak of (proofs/Machine.v), in Python, and what holds the real scheduler to it."""
