"""Writers of recorded sessions in other people's formats: one file a format, listed in `formats.py`."""
