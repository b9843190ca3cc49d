"""EC2: instances that are containers or processes, their profiles, tags and images. Importing registers operations."""

from kansatsu.services.ec2 import associations, describe, instances, metadata, tags

__all__ = ["associations", "describe", "instances", "metadata", "tags"]
