"""Rotation on a clock that the test moves."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kansatsu.workload.credentials import LEAST_LEFT, Issuer, age_at_renewal
from kansatsu.workload.views import Credentials
from services.ec2_world import Ec2World


@pytest.fixture
def instance_id(cloud: Ec2World) -> str:
    cloud.profile("P", role="R")
    made = cloud.container()
    cloud.ec2.associate_iam_instance_profile(InstanceId=made, IamInstanceProfile={"Name": "P"})
    return made


def test_the_first_for_5_percent_further_ones_for_40_and_none_beyond_half(cloud: Ec2World, instance_id: str) -> None:
    first = cloud.credentials(instance_id)
    assert first.expiration - first.last_updated == timedelta(hours=1)
    cloud.clock.move(minutes=2)
    assert cloud.credentials(instance_id) == first
    cloud.clock.move(minutes=29)
    second = cloud.credentials(instance_id)
    assert second.access_key_id != first.access_key_id
    cloud.clock.move(minutes=23)
    assert cloud.credentials(instance_id) == second
    assert cloud.works(first) and cloud.works(second)  # the old one stays valid to its own expiry
    cloud.clock.move(minutes=8)
    assert cloud.credentials(instance_id) != second
    assert not cloud.works(first) and cloud.works(second)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 7200), min_size=1, max_size=8))
def test_never_less_than_fifteen_minutes_left(cloud: Ec2World, instance_id: str, steps: list[int]) -> None:
    """INVARIANT: whenever somebody asks, what is handed out lives for 15 minutes more."""
    for seconds in steps:
        cloud.clock.move(seconds=seconds)
        for delivery in ("1.0", "2.0"):
            state = cloud.view(instance_id).credentials(delivery)  # type: ignore[arg-type]
            assert isinstance(state, Credentials) and state.expiration - cloud.clock.now() >= LEAST_LEFT
            assert cloud.works(state)


def test_a_fleet_does_not_renew_together(cloud: Ec2World) -> None:
    cloud.profile("P", role="R")
    ids = [cloud.container(f"c{number}") for number in range(8)]
    for instance_id in ids:
        cloud.ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Name": "P"})
        cloud.credentials(instance_id)
    assert len({cloud.workload.issuer._issued[f"{instance_id}/2.0"].renew for instance_id in ids}) == len(ids)


@settings(max_examples=10)
@given(seed=st.integers())
def test_a_fleet_that_starts_at_once_renews_at_twice_the_mean_rate_at_most(seed: int) -> None:
    """2,000 instances through five rotations; renewals of five minutes each."""
    life, window, fleet = timedelta(hours=1), 5, 2000
    random.seed(seed)
    renewed: Counter[int] = Counter()
    for _ in range(fleet):
        moment = age_at_renewal(life, again=False)
        for _ in range(5):
            renewed[int(moment / timedelta(minutes=window))] += 1
            moment += age_at_renewal(life, again=True)
    mean = fleet * window / 27  # minutes from one renewal to the next, on average
    assert max(renewed.values()) <= 2 * mean


def test_a_clock_set_back_does_not_serve_credentials_of_the_future(cloud: Ec2World, instance_id: str) -> None:
    first = cloud.credentials(instance_id)
    cloud.clock.move(hours=-2)
    assert cloud.credentials(instance_id).access_key_id != first.access_key_id


def test_sessions_must_last_long_enough(cloud: Ec2World) -> None:
    with pytest.raises(ValueError, match="30 minutes"):
        Issuer(cloud.store, cloud.clock, timedelta(minutes=30))


def test_secrets_are_not_printed(cloud: Ec2World, instance_id: str) -> None:
    issued = cloud.credentials(instance_id)
    assert issued.secret_access_key not in repr(issued) and issued.token not in repr(issued)
