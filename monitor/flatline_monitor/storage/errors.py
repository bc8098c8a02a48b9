"""What storage says when it cannot be used."""


class StoreError(Exception):
    """The data directory cannot be used; the message says why, and what would be right."""
