"""The tables of kinds, setters and readers hold together, and miss nothing that could change a policy."""

import re

import pytest

from kansatsu import catalog, wire
from kansatsu.resources import COMPOSED, KINDS, READERS, SETTERS
from kansatsu.resources.guards import HOLDERS

GRANTS = {"kms.CreateGrant"}
FUNCTIONS = {"lambda.AddPermission"}
DELIVERIES = {"logs.PutResourcePolicy"}  # asked where a service is set up to deliver, see gateway.deliveries
# Operations that change what a resource's own policy, grants or names are: what a name may tell.
CHANGES = re.compile(
    r"(Put|Set|Add|Remove|Delete|Create|Update|Retire|Revoke|Replicate|Restore)\w*"
    r"(Policy|Permission|PublicAccessBlock|Grant|Alias|Bucket|Queue|Topic|Key|Secret|Repository|Function|Table|EventBus|Attributes)$"
)
# What looks like it: the sentence says why no fact changes.
UNCHANGED = {
    "ecr.DeleteLifecyclePolicy": "no access is decided by it",
    "ecr.DeleteRegistryPolicy": "refused to be set, and no policy of a repository",
    "ecr.PutLifecyclePolicy": "no access is decided by it",
    "ecr.PutRegistryPolicy": "refused, and no policy of a repository",
    "events.UpdateEventBus": "the policy stays the bus's",
    "lambda.AddLayerVersionPermission": "refused",
    "lambda.PutResourcePolicy": "refused",
    "lambda.RemoveLayerVersionPermission": "AddLayerVersionPermission is refused",
    "lambda.UpdateAlias": "the policy stays the alias's",
    "secretsmanager.RestoreSecret": "the policy was never gone",
    "secretsmanager.UpdateSecret": "neither name nor policy change",
    "sns.SetEndpointAttributes": "no topic",
    "sns.SetPlatformApplicationAttributes": "no topic",
    "sns.SetSMSAttributes": "no topic",
    "sns.SetSubscriptionAttributes": "a filter is no policy of the topic",
    "sns.PutDataProtectionPolicy": "no access is decided by it",
}


def test_what_sets_is_enforced_and_what_is_enforced_sets() -> None:
    composed = {name for name in COMPOSED if ".Remove" not in name}
    assert set(SETTERS) | composed | GRANTS | FUNCTIONS | DELIVERIES == catalog.ENFORCED


@pytest.mark.parametrize("name", sorted({*SETTERS, *COMPOSED, *GRANTS, *READERS}))
def test_every_operation_exists(name: str) -> None:
    service, _, operation = name.partition(".")
    wire.load_service(service).operation(operation)


@pytest.mark.parametrize("name", sorted({*SETTERS, *COMPOSED, *GRANTS, *FUNCTIONS}))
def test_what_sets_a_policy_makes_it_forgotten(name: str) -> None:
    assert any(name in kind.changed_by for kind in KINDS)


def test_every_kind_has_its_own_name_and_asks_what_there_is() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        wire.load_service(kind.service).operation(kind.operation)
        for name in kind.changed_by:
            service, _, operation = name.partition(".")
            wire.load_service(service).operation(operation)


@pytest.mark.parametrize("service", sorted(HOLDERS))
def test_no_operation_changes_a_fact_behind_our_back(service: str) -> None:
    changed = {name for kind in KINDS for name in kind.changed_by}
    suspects = {f"{service}.{name}" for name in wire.load_service(service).operation_names if CHANGES.match(name)}
    explained = {name for name in UNCHANGED if name.startswith(f"{service}.")}
    assert suspects - changed == explained
