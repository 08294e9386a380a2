"""evalrun: is it right, how fast, for how much, how sure are we - from the same requests."""

__version__ = "0.1.0"
