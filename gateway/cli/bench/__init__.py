"""`lienthong bench`: what this machine carries, against what its disk and its HTTP stack could carry at all."""

from gateway.cli.bench.command import bench

__all__ = ["bench"]
