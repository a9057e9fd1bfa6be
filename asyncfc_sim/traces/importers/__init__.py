"""Readers of other people's trace files: one file a format, each a table row in `formats.py`."""
