"""The whole life of a fleet on Consul."""
from whole_life import OnConsul

__all__ = ["OnConsul"]
