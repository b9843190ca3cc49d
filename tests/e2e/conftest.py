"""Containers for the stories."""

from containers import engine, image, keep_container, network, run_container

__all__ = ["engine", "image", "keep_container", "network", "run_container"]
