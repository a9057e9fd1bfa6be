"""What happened in a run, as data: the native trace, its timeline, and the forms other programs open. Stdlib only."""
