"""A suite that runs as roles: who each test is, why it was denied, what of the policies was used or learned.

What only a suite that learns needs is imported there: every worker pays for what stands at the top.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from kansatsu.cli.learning import explained, nothing, write
from kansatsu.cli.why import explanation_lines
from kansatsu.testing.roles import Held, Policies, Policy, Role
from kansatsu.testing.server import Kansatsu, inline

# What one worker tells of one policy, in values that xdist can send: see `_policy`.
Report = dict[str, dict[str, Any]]


@dataclass
class Suite:
    """One worker's part of a suite; it talks to one server, which `begin` is told."""

    root: Path
    learn: Path | None = None
    bound: str | None = None  # of what is learned: the ARN of a managed policy, or a file
    worker: bool = False  # of xdist: another process writes what all of them learned
    covers: bool = False
    report: Report = field(default_factory=dict)
    said: list[str] = field(default_factory=list)  # of what was learned
    evidence: list[str] = field(default_factory=list)  # what a worker's tests did while they learned, a line each
    _learner: str = ""  # the role that learns

    @contextmanager
    def running_as(
        self, kansatsu: Kansatsu, policy: Policies | None, trust: Policy | None, beside: Path
    ) -> Iterator[Role]:
        """Be the role of one test. Policy files are looked for beside the test, then below the root."""
        if self.learn is not None:
            with kansatsu.role(learn=True, bound=self.bound) as role:
                self._learner = role.role_name
                yield role
            return
        with kansatsu.role(policy, trust=trust, directories=(beside, self.root)) as role:
            yield role

    def why(self, kansatsu: Kansatsu, role: Role) -> str:
        """The last denial of a session and the smallest change; "" when it was denied nothing that is still known."""
        try:
            answer = kansatsu.client("kansatsu").explain_request()
        except ClientError:
            return ""
        return "\n".join(explanation_lines(answer)) if answer["PrincipalArn"] == role.arn else ""

    def end(self, kansatsu: Kansatsu) -> None:
        """Take in what the server knows, before it ends."""
        control = kansatsu.client("kansatsu")
        if self.learn is not None and self._learner:
            if self.worker:
                self.evidence = list(_evidence(kansatsu, self._learner))
            else:
                self._write(self.learn, control.get_learned_policy(RoleName=self._learner))
        for key, name in kansatsu.roles.items() if self.covers and self.learn is None else ():
            answer = control.get_policy_coverage(RoleName=name)
            for known, found in _policies(key[:-1], answer["Policies"]):
                merge(self.report, {known: found})

    def together(self) -> None:
        """Write what the tests of all workers learned, as if they had been one run."""
        if self.learn is None or not self.evidence:
            return
        from kansatsu.advisor import AccessEvent
        from kansatsu.advisor.events import Gap, decode
        from kansatsu.advisor.least import least
        from kansatsu.services.kansatsu.learned import shown

        records = [decode(line.encode()) for line in self.evidence]
        events = sorted((one for one in records if isinstance(one, AccessEvent)), key=lambda event: event.time)
        gaps = sum(isinstance(one, Gap) for one in records)
        self._write(self.learn, {"EvidenceGaps": gaps, **shown(least(events))})

    def _write(self, file: Path, learned: Mapping[str, Any]) -> None:
        if learned["PolicyDocument"]:
            write(file, learned["PolicyDocument"] + "\n")
            self.said = [f"Wrote the learned policy to {file}.", *explained(learned)]
        else:
            self.said = [nothing(learned), *explained(learned)]


def _evidence(kansatsu: Kansatsu, role: str) -> Iterator[str]:
    """What was recorded of a role, from the server's own files: workers have no more in common than this machine."""
    from kansatsu.advisor import AccessEvent, segments
    from kansatsu.advisor.events import Gap, encode

    principal = kansatsu.client("iam").get_role(RoleName=role)["Role"]["RoleId"]
    for path in sorted((kansatsu.data_dir / "events").glob("*.jsonl")):
        for line in segments.read(path):
            record = line.record
            if isinstance(record, Gap) or (isinstance(record, AccessEvent) and record.principal_id == principal):
                yield encode(record).decode().rstrip("\n")


def _policies(given: Sequence[Held], answered: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each policy of a role under a name that it has on every worker."""
    named = {item.arn or inline(number): item for number, item in enumerate(given, 1)}
    for policy in answered:
        item = named.get(policy["PolicyArn"] or policy["PolicyName"])
        if item is not None:
            key = item.arn or hashlib.sha256(item.text.encode()).hexdigest()
            yield key, _policy(item, policy["Statements"])


def _policy(item: Held, statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "label": item.label,
        "statements": [
            {
                "line": said["Line"],
                "title": " ".join(filter(None, (said["Effect"], said.get("Sid", "")))),
                "resources": list(said["Resources"]),
                "actions": {action["Pattern"]: action["Uses"] for action in said["Actions"]},
            }
            for said in statements
        ],
    }


def merge(into: Report, more: Report) -> None:
    """Add what another worker, or another role with the same policy, made use of."""
    for key, policy in more.items():
        known = into.setdefault(key, policy)
        if known is policy:
            continue
        known["label"] = min(known["label"], policy["label"])
        for mine, theirs in zip(known["statements"], policy["statements"], strict=True):
            for pattern, uses in theirs["actions"].items():
                mine["actions"][pattern] += uses


def percentage(report: Report) -> float:
    """Of all actions in all statements the share that some test used; 0 when there is no policy at all."""
    uses = [used for policy in report.values() for said in policy["statements"] for used in said["actions"].values()]
    return 100 * sum(map(bool, uses)) / len(uses) if uses else 0.0


def lines(report: Report) -> Iterator[str]:
    """The report for the person: each policy, and under it every action that no test used."""
    for key, policy in sorted(report.items(), key=lambda item: (item[1]["label"], item[0])):
        uses = [used for said in policy["statements"] for used in said["actions"].values()]
        share = percentage({key: policy})
        yield f"{policy['label']}: {sum(map(bool, uses))} of {len(uses)} actions used, {share:.0f}%"
        for number, said in enumerate(policy["statements"], 1):
            unused = [pattern for pattern, used in said["actions"].items() if not used]
            what = "statement" if len(unused) == len(said["actions"]) else "part of statement"
            if unused:
                yield f"  unused {what} {number} (line {said['line']}), {said['title']} on {_some(said['resources'])}:"
                yield from (f"    {pattern}" for pattern in unused)
    yield f"TOTAL {percentage(report):.0f}%"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
