"""The whole life of a fleet on Redis."""
from whole_life import OnRedis

__all__ = ["OnRedis"]
