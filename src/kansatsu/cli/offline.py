"""A report of `kansatsu analyze` in the place of a server: it answers what `kansatsu access` asks of IAM."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kansatsu.advisor import granting, report, shown
from kansatsu.advisor.account import Account, Entity, is_policy, named
from kansatsu.advisor.last_access import Report
from kansatsu.advisor.logs import evidence as evidences
from kansatsu.advisor.logs.blind import Blind
from kansatsu.advisor.logs.evidence import Evidence, NoEvidence
from kansatsu.advisor.logs.report import is_unknown
from kansatsu.cli.output import Exit, Failure
from kansatsu.policy import PolicySet


class Offline:
    """As much of IAM's client as `kansatsu access` uses; answers have AWS's shape, errors end the command."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.account: Account = evidence.account
        self._blind = Blind(evidence)
        self._jobs: list[tuple[Report, list[Entity], PolicySet]] = []

    def get_user(self, **asked: str) -> Any:
        return {"User": {"Arn": self.entity(f"user/{asked['UserName']}").who.arn}}

    def get_group(self, **asked: str) -> Any:
        return {"Group": {"Arn": self.entity(f"group/{asked['GroupName']}").who.arn}}

    def get_role(self, **asked: str) -> Any:
        return {"Role": {"Arn": self.entity(f"role/{asked['RoleName']}").who.arn}}

    def list_users(self, **_: Any) -> Any:
        return self._all("user", "Users", "UserName")

    def list_groups(self, **_: Any) -> Any:
        return self._all("group", "Groups", "GroupName")

    def list_roles(self, **_: Any) -> Any:
        return self._all("role", "Roles", "RoleName")

    def _all(self, kind: str, members: str, name: str) -> Any:
        found = (entity.who for entity in self.account.entities.values() if entity.who.kind == kind)
        return {members: [{"Arn": who.arn, name: who.name} for who in found]}

    def list_policies(self, **asked: Any) -> Any:
        """Those of AWS are told apart by their account, which is `aws`."""
        scope = {"AWS": (True,), "Local": (False,)}.get(asked.get("Scope", ""), (True, False))
        arns = (arn for arn in self.account.managed if (":iam::aws:" in arn) in scope)
        return {"Policies": [{"Arn": arn, "PolicyName": arn.rpartition("/")[2]} for arn in arns]}

    def generate_service_last_accessed_details(self, **asked: str) -> Any:
        arn = asked["Arn"]
        if is_policy(arn):
            held, people = PolicySet((self._policy(arn),)), self.account.holders(arn)
        else:
            entity = self.entity(arn)
            held = self.account.held(entity)
            people = self.account.members(arn) if entity.who.kind == "group" else [entity]
        actions = asked["Granularity"] == "ACTION_LEVEL"
        people = list(people)
        self._jobs.append((self._report(held, people, actions), people, held))
        return {"JobId": str(len(self._jobs) - 1)}

    def get_service_last_accessed_details(self, **asked: Any) -> Any:
        found, people, held = self._jobs[int(asked["JobId"])]
        rows = (
            shown.service(item) | {"Unknown": item.last is None and self._unknown(people, held, item.namespace)}
            for item in found.services
        )
        return {"JobStatus": "COMPLETED", "ServicesLastAccessed": list(rows)}

    def _unknown(self, people: Iterable[Entity], held: PolicySet, namespace: str) -> bool:
        """INVARIANT: of a service that one of them may have used without a record it is not said that nobody did."""
        names = granting.granted(held, namespace)
        return any(is_unknown(namespace, names, self._blind.among(one, namespace, names)) for one in people)

    def get_service_last_accessed_details_with_entities(self, **asked: Any) -> Any:
        (found, people, held), namespace = self._jobs[int(asked["JobId"])], asked["ServiceNamespace"]
        rows: list[Any] = []
        if namespace in {item.namespace for item in found.services}:
            times = found.uses.get(namespace) or [0.0] * len(found.people)
            rows = [
                shown.entity(one.who, last or None) | {"Unknown": not last and self._unknown([one], held, namespace)}
                for one, last in zip(people, times, strict=True)
            ]
        return {"JobStatus": "COMPLETED", "EntityDetailsList": rows}

    def list_policies_granting_service_access(self, **asked: Any) -> Any:
        held = self.account.held(self.entity(asked["Arn"]))
        found = [shown.policies(held, name) for name in asked["ServiceNamespaces"]]
        return {"PoliciesGrantingServiceAccess": found}

    def get_paginator(self, name: str) -> "_Pages":
        return _Pages(getattr(self, name))

    def list_groups_for_user(self, **asked: Any) -> Any:
        groups = self.entity(f"user/{asked['UserName']}").groups
        return {"Groups": [{"GroupName": arn.rpartition("/")[2]} for arn in groups]}

    def list_attached_user_policies(self, **asked: Any) -> Any:
        return self._attached(f"user/{asked['UserName']}")

    def list_attached_group_policies(self, **asked: Any) -> Any:
        return self._attached(f"group/{asked['GroupName']}")

    def list_attached_role_policies(self, **asked: Any) -> Any:
        return self._attached(f"role/{asked['RoleName']}")

    def _attached(self, text: str) -> Any:
        arns = (policy.source.arn for policy in self.entity(text).policies)
        return {"AttachedPolicies": [{"PolicyArn": arn} for arn in arns if arn]}

    def entity(self, text: str) -> Entity:
        """The user, group or role of an ARN or short name; Failure when the account has none."""
        entity = named(self.account, text)
        if entity is None:
            raise Failure(f"NoSuchEntity: {text} is not in the account's authorization details.")
        return entity

    def _policy(self, arn: str) -> Any:
        if arn not in self.account.managed:
            why = self.account.unread.get(arn, "it is not in the account's authorization details")
            raise Failure(f"NoSuchEntity: Policy {arn}: {why}.")
        return self.account.managed[arn]

    def _report(self, held: PolicySet, entities: list[Entity], actions: bool) -> Report:
        people = [item.who for item in entities]
        ids = {who.id for who in people}
        blind = self._blind
        perhaps = {(item.service, item.action) for item in self.evidence.seen if item.perhaps and item.id in ids}

        def told(namespace: str) -> tuple[str, ...]:
            names = granting.tracked(held, namespace) if actions else ()
            unknown = frozenset[str]().union(*(blind.among(one, namespace, names) for one in entities))
            seen = (
                name for name in names if name not in unknown or (namespace, name) in sure or by_aws(namespace, name)
            )
            return tuple(name for name in seen if (namespace, name) not in perhaps or (namespace, name) in sure)

        def by_aws(namespace: str, name: str) -> bool:
            return any(name in item.actions.get(namespace, ()) for item in reports)

        arns = {who.arn for who in people}
        reports = [item for item in self.evidence.told if item.arn in arns]

        sure = {(item.service, item.action) for item in self.evidence.seen if not item.perhaps and item.id in ids}
        granted = {namespace: told(namespace) for namespace in granting.reachable(held)}
        return report(granted, people, evidences.attempts(self.evidence, self.account))


@dataclass(frozen=True)
class _Pages:
    """A paginator of one page."""

    operation: Callable[..., Any]

    def paginate(self, **asked: Any) -> list[Any]:
        return [self.operation(**asked)]


def open_report(path: Path) -> Offline:
    """The report of a directory; Failure when there is none."""
    try:
        return Offline(evidences.load(path))
    except NoEvidence as error:
        raise Failure(str(error), Exit.USAGE) from None


def suggestion(path: Path, subject: str) -> Any:
    """What SuggestPolicyChange answers, by a report."""
    from kansatsu.advisor.logs import suggest
    from kansatsu.cli.names import arn_of

    found = open_report(path)
    subject = arn_of(found, subject)
    try:
        return suggest.suggestion(found.evidence, found.account, subject)
    except suggest.NoSubject as error:
        raise Failure(str(error)) from None


def replayed(path: Path, arn: str, given: Mapping[str, Any], listed: int) -> Any:
    """What ReplayPolicyChange answers, by a report; `given` are the flags of the command."""
    from kansatsu.advisor.logs import replay
    from kansatsu.advisor.logs.suggest import NoSubject
    from kansatsu.cli.files import read_policy
    from kansatsu.cli.policy_change import either_way, one_change
    from kansatsu.errors import MalformedPolicyDocument

    one_change(given)
    if given["trust"]:
        raise Failure("--trust does not go with --from: a report does not say who assumed which role.", Exit.USAGE)
    if given["since"] or given["profile"] or given["whose"]:
        raise Failure("--since, --profile and --account do not go with --from.", Exit.USAGE)
    found = open_report(path)
    arn, detach = either_way(found, arn, given["detach"])
    document = read_policy(given["change"]) if given["change"] else None
    asked = replay.Asked(
        arn, document, given["policy_name"], detach, given["delete"], bool(given["suggested"]), given["new"]
    )
    try:
        return replay.replayed(found.evidence, found.account, asked, listed)
    except NoSubject as error:
        raise Failure(str(error), Exit.USAGE if isinstance(error, replay.NoChange) else Exit.FAILED) from None
    except MalformedPolicyDocument as error:
        raise Failure(f"MalformedPolicyDocument: {error}") from None
