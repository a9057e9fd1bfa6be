"""Workloads: real and synthetic conversations in one form, each with a world in which its tools really run."""
