"""Containers for the stories."""

from containers import engine, image, network, run_container

__all__ = ["engine", "image", "network", "run_container"]
