"""The whole life of a fleet on etcd."""
from whole_life import OnEtcd

__all__ = ["OnEtcd"]
