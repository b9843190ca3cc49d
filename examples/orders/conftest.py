"""The tests run as the application; what it finds in its account is made before, as the administrator."""

import os

import pytest
from deploy import deploy

# In `kansatsu run` somebody has run deploy.py already: there we are the application and nobody else.
IN_KANSATSU_RUN = "KANSATSU_RUNNING_AS" in os.environ


@pytest.fixture(scope="session", autouse=True)
def deployed(request: pytest.FixtureRequest) -> None:
    """The account as deploy.py leaves it."""
    if not IN_KANSATSU_RUN:
        deploy(request.getfixturevalue("kansatsu_admin"))
