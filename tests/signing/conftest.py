"""No test here depends on how fast the machine is."""

from hypothesis import settings

settings.register_profile("signing", deadline=None, max_examples=60)
settings.load_profile("signing")
