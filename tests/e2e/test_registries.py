"""The whole life of a fleet on each registry."""
import unittest

from whole_life import OnEtcd, OnRedis

__all__ = ["OnEtcd", "OnRedis"]

if __name__ == "__main__":
    unittest.main()
