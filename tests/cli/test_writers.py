"""Sixty-four writers at once on one server: every answer is a success, and nothing that was acknowledged is lost."""

from conftest import Server
from writers import hammer, once


def test_sixty_four_writers_on_one_server(server: Server) -> None:
    outcome = hammer([once(server)])
    assert (outcome.refused, outcome.lost) == ([], [])
    assert outcome.acknowledged == 64 * 2
