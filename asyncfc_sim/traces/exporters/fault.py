"""What a format cannot hold."""


class ExportFault(ValueError):
    """Sessions that cannot be written in a format: which, where, and what it needs."""
