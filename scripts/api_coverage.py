"""Writes docs/iam-coverage.md: every operation of AWS's models of IAM and STS, whether it is here, and what proves it.

Operations and their errors are read from botocore's models, what is implemented from the registry, and what proves it
from the tests of these services themselves. Run it after a change of any of them.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

from kansatsu import services, wire
from kansatsu.services.registry import Handler, handler

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "iam-coverage.md"
SERVICES = ("iam", "sts")
TESTS = (
    "services/test_iam*.py",
    "services/test_sts*.py",
    "services/test_last_accessed.py",
    *(f"gateway/test_{name}.py" for name in ("*_federation", "*_identity", "*sessions", "cli_walkthrough")),
    *(
        f"gateway/test_{name}.py"
        for name in ("issuer_keys", "last_accessed", "mfa", "organization_reports", "own_passwords", "simulator")
    ),
)
# What no request can bring about here, and why.
UNREACHABLE = {
    "ServiceFailure": "the answer to a failure of ours, which is InternalFailure on every operation",
    "RegionDisabledException": "no Region is disabled here",
    "ConcurrentModification": "writes are one after the other: none is ever refused because of another one",
    "EntityTemporarilyUnmodifiable": "AWS needs minutes to know everywhere of a user that was deleted and made again; "
    "here the next request knows",
    "ReportInProgress": "a report is ready at once",
    "ReportGenerationLimitExceeded": "as above: no report is being made while another one is asked for",
    "PolicyEvaluation": "whatever is a policy can be evaluated",
}
# The same of one error of an operation, or of several.
_NOTHING_MADE = "LimitExceeded of operations that make nothing, one thing alone, or what has no quota here"
_NO_VALUE = "InvalidInput where each value is checked by the model, and is a ValidationError"
_NO_TEMPLATES = "errors of AcquireRole that need a role template: services publish these, and there are none here"
_OF_TEMPLATES = (
    *("EntityAlreadyExists", "LimitExceeded", "MalformedPolicyDocument", "NameConflict", "RoleModified"),
    "RoleTemplateDisabled",
)
UNREACHABLE_OF = {
    _NOTHING_MADE: {
        "LimitExceeded": """ChangePassword CreateAccountAlias CreateLoginProfile DeactivateMFADevice DeleteAccessKey
            DeleteAccountAlias DeleteAccountPasswordPolicy DeleteGroup DeleteGroupPolicy DeleteInstanceProfile
            DeleteLoginProfile DeletePolicy DeletePolicyVersion DeleteRole DeleteRolePolicy DeleteSAMLProvider
            DeleteServerCertificate DeleteServiceLinkedRole DeleteSigningCertificate DeleteUser DeleteUserPolicy
            DeleteVirtualMFADevice DetachGroupPolicy DetachRolePolicy DetachUserPolicy GenerateCredentialReport
            RemoveRoleFromInstanceProfile RemoveUserFromGroup ResyncMFADevice SetDefaultPolicyVersion UpdateAccessKey
            UpdateAccountPasswordPolicy UpdateGroup UpdateLoginProfile UpdateServerCertificate UpdateSigningCertificate
            UpdateUser CreateDelegationRequest""",
    },
    _NO_VALUE: {
        "InvalidInput": """GetServiceLastAccessedDetails ListAttachedGroupPolicies ListAttachedRolePolicies
            ListAttachedUserPolicies ListDelegationRequests ListMFADeviceTags UpdateAccessKey UpdateDelegationRequest
            UpdateLoginProfile UpdateRole UpdateSSHPublicKey UpdateSigningCertificate GetAccountProperties""",
        "UnrecognizedPublicKeyEncoding": "GetSSHPublicKey",
    },
    _NO_TEMPLATES: dict.fromkeys(_OF_TEMPLATES, "AcquireRole"),
    "NoSuchEntity where the request names nothing that must be there; to delete a provider of OpenID Connect that is "
    "not there is no error on AWS": {
        "NoSuchEntity": """CreateGroup CreateServiceLinkedRole DeleteOpenIDConnectProvider ListDelegationRequests
            UpdateAccountPasswordPolicy""",
    },
    "what AWS declares besides another code that it answers with: DuplicateCertificate, LimitExceeded (one role in a "
    "profile); a description of a service-linked role may be edited; a password policy has no document": {
        "EntityAlreadyExists": "UploadSigningCertificate AddRoleToInstanceProfile",
        "UnmodifiableEntity": "UpdateRoleDescription",
        "MalformedPolicyDocument": "UpdateAccountPasswordPolicy",
    },
    "nobody is asked when a provider is made, whose keys are read with its first token; no load balancer tells whether "
    "it uses a certificate": {
        "OpenIdIdpCommunicationError": "CreateOpenIDConnectProvider",
        "DeleteConflict": "DeleteServerCertificate",
    },
    "assertions of a context provider and tasks of AssumeRoot do not expire here; what is wrong with a web identity "
    "token is InvalidIdentityToken": {
        "ExpiredTokenException": "AssumeRole AssumeRoot",
        "IDPRejectedClaim": "AssumeRoleWithWebIdentity",
    },
}  # fmt: skip
HEAD = """\
# IAM and STS: what is covered

Every operation of botocore's models of `iam` and `sts`. Made by `scripts/api_coverage.py` from the models, the registry
of operations and the tests; a test fails when the page is not what the script would write.

- **here**: `yes`, or `501` (`NotImplemented` in AWS's shape, never a canned success). Parameters that answer 501 on an
  operation that is there are named.
- **proven by**: the test that is most about this operation (it calls the fewest others), and how many more call it.
- **errors**: of those that the model declares, which a test provokes (**bold**), and which none does (plain).

Service-linked roles can be made for the 318 service principals of `catalog/data/service_linked_roles.txt`: AWS has no
list of them. Each line has the page of AWS that tells of it: its guides, or its managed policies, of which a test
sees that they name the principal. `tests/services/linked_policies_without_a_role.txt` names AWS's policies for such
roles whose role is not there, as no page of AWS tells of it, or it is a second one of its principal. A principal that
is not there is refused as one that AWS does not know. A role has the description of the request, or none: those that
AWS's services give to roles which they make by themselves are on no page of its guides.

`ContextProvider` of identity providers is 501: it is for trusted identity propagation, by which sessions have condition
keys (`aws:OriginIdentity/Subject`, ...) that come of a token or an assertion. Kept without that, no policy which asks
for them would be held to what AWS decides. `ProvidedContexts` of AssumeRole are assertions of IAM Identity Center, of
which there is none here: to who may `sts:SetContext` on the role, each is refused as AWS refuses one that it cannot
verify (InvalidContextAssertion).

Errors that the model declares are left out of the table where no request can provoke them:

"""
_THESE = "\nAnd of single operations:\n\n"
_REFUSED = {"refused", "code_of"}
_NO_HELPERS = ("test_", "conftest")


@dataclass
class Proof:
    """What the tests say of one operation."""

    tests: set[str] = field(default_factory=set)
    errors: set[str] = field(default_factory=set)


@dataclass
class _Test:
    name: str
    operations: set[str] = field(default_factory=set)


def page() -> str:
    """The text of the page."""
    services.load()
    known = proofs()
    parts = [HEAD, *(f"- `{code}`: {why}.\n" for code, why in UNREACHABLE.items()), _THESE]
    parts += (f"- {why[0].upper()}{why[1:]}: {_pairs(pairs)}.\n" for why, pairs in UNREACHABLE_OF.items())
    for name in SERVICES:
        rows = [_row(name, operation, known) for operation in sorted(wire.load_service(name).operation_names)]
        there = sum("| yes" in row for row in rows)
        parts.append(f"\n## {name}: {there} of {len(rows)}\n\n")
        parts.append("| operation | here | proven by | errors |\n|---|---|---|---|\n")
        parts.extend(rows)
    return "".join(parts)


def not_taken(item: Handler) -> list[str]:
    """The parameters of the model that answer 501."""
    model = wire.load_service(item.service).operation(item.name)
    return sorted(name for name in model.input_members if xform_name(name) not in item.arguments)


def declared(service: str, operation: str) -> list[str]:
    """The codes that the model declares and a request can bring about."""
    never = {code for pairs in UNREACHABLE_OF.values() for code, names in pairs.items() if operation in names.split()}
    return sorted(set(_codes(service).get(operation, ())) - set(UNREACHABLE) - never)


def _pairs(pairs: Mapping[str, str]) -> str:
    """`code` of operations, by the operations where it is several codes of the same."""
    found = defaultdict(list)
    for code, names in pairs.items():
        found[" ".join(names.split())].append(f"`{code}`")
    return "; ".join(f"{', '.join(codes)} of {names.replace(' ', ', ')}" for names, codes in found.items())


@cache
def _codes(service: str) -> dict[str, tuple[str, ...]]:
    model = botocore.session.get_session().get_service_model(service)
    return {
        name: tuple(shape.metadata.get("error", {}).get("code", shape.name) for shape in found.error_shapes)
        for name in model.operation_names
        if (found := model.operation_model(name))
    }


def _row(service: str, name: str, known: dict[str, Proof]) -> str:
    found = handler(service, name)
    if found is None:
        return f"| {name} | 501 | | |\n"
    proof = known[name]
    missing = not_taken(found)
    here = "yes" + (f"; 501: {', '.join(f'`{one}`' for one in missing)}" if missing else "")
    errors = [f"**{code}**" if code in proof.errors else code for code in declared(service, name)]
    return f"| {name} | {here} | {_shown(proof)} | {', '.join(errors)} |\n"


def _shown(proof: Proof) -> str:
    tests = _tests()
    named = sorted(proof.tests, key=lambda one: (len(tests[one].operations), one))
    if not named:
        return ""
    file, _, test = named[0].partition("::")
    return f"`{file}`: {test}" + (f" (+{len(named) - 1})" if len(named) > 1 else "")


@cache
def proofs() -> dict[str, Proof]:
    """What the tests say of each operation, by its name."""
    found: dict[str, Proof] = defaultdict(Proof)
    for test in _tests().values():
        for name in test.operations:
            found[name].tests.add(test.name)
    for code, name in _provoked():
        found[name].errors.add(code)
    return found


@cache
def _names() -> dict[str, str]:
    """xform_name -> operation, of both services: no two have one in common."""
    return {xform_name(name): name for service in SERVICES for name in wire.load_service(service).operation_names}


@cache
def _trees() -> dict[str, ast.Module]:
    files = sorted({path for pattern in TESTS for path in (ROOT / "tests").glob(pattern)})
    return {str(path.relative_to(ROOT / "tests")): _parsed(path) for path in files}


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def _tests() -> dict[str, _Test]:
    found = {}
    for file, tree in _trees().items():
        helpers = _helpers(file, tree)
        for name, node in helpers.items():
            if name.startswith("test_"):
                whole = f"{file}::{name}"
                used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & set(helpers)
                called = {name for one in (node, *(helpers[use] for use in used)) for name in _all(one)}
                found[whole] = _Test(whole, called)
    return found


def _helpers(file: str, tree: ast.Module) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of a module of tests, and those that it has from a module beside it without tests."""
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and not (node.module or "").startswith(_NO_HELPERS):
            path = (ROOT / "tests" / file).with_name(f"{node.module}.py")
            names = {alias.name for alias in node.names}
            there = _helpers(file, _parsed(path)) if path.exists() else {}
            found |= {name: one for name, one in there.items() if name in names}
    return found


def _all(node: ast.AST) -> Iterator[str]:
    return (name for part in ast.walk(node) for name in _named(part))


def _named(node: ast.AST) -> Iterator[str]:
    """The operations that a piece of a test calls: as a method, by its name in a table, or by one that is composed."""
    if isinstance(node, ast.Attribute) and node.attr in _names():
        yield _names()[node.attr]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _names():
        yield _names()[node.value]
    elif isinstance(node, ast.JoinedStr):
        fixed = [part.value if isinstance(part, ast.Constant) else "" for part in node.values]
        # Users, groups, roles and policies are one word, and so is what is done with any of them; all else has tags.
        wild = "[a-z_]+" if any("tag" in part for part in fixed) else "[a-z]+"
        parts = [re.escape(part) or wild for part in fixed]
        if any(re.search("[a-z]{3}_|_[a-z]{3}", part) for part in fixed):
            pattern = re.compile("".join(parts))
            yield from (name for written, name in _names().items() if pattern.fullmatch(written))


def _provoked() -> Iterator[tuple[str, str]]:
    """The pairs of code and operation that tests expect: refused("Code", client.operation), rows of tables, and
    comparisons of what a call, or a helper of the module that makes it, gets with a code."""
    for file, tree in _trees().items():
        helpers = _helpers(file, tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REFUSED:
                parts: list[ast.AST] = [*node.args[:2]]
            elif isinstance(node, ast.Tuple) and len(node.elts) >= 2:
                parts = [*node.elts]
            elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Call):
                parts = [*node.left.args[:1], *node.comparators, *_helped(node.left, helpers)]
            elif isinstance(node, ast.With) and (match := _matched(node.items[0].context_expr)) is not None:
                parts = [match, *(part for one in node.body for part in ast.walk(one))]
            elif isinstance(node, ast.GeneratorExp) and isinstance(node.elt, ast.Tuple):
                parts = [*node.elt.elts, *(part for one in node.generators for part in ast.walk(one.iter))]
            else:
                continue
            codes = [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            called = {name for part in parts for name in _operations_of(part)}
            yield from ((code, name) for code in codes for name in called if code not in _names())
        yield from _compared(tree, helpers)


def _matched(raises: ast.AST) -> ast.AST | None:
    """The code of `pytest.raises(ClientError, match="Code")`, which more may follow."""
    keywords = raises.keywords if isinstance(raises, ast.Call) else []
    matches = (one.value.value for one in keywords if one.arg == "match" and isinstance(one.value, ast.Constant))
    return next((ast.Constant(str(match).partition(".")[0]) for match in matches), None)


def _compared(tree: ast.Module, helpers: dict[str, ast.FunctionDef | ast.ClassDef]) -> Iterator[tuple[str, str]]:
    """The pairs of a test whose code has a name: a constant's, or a row's of the table that the test goes through."""
    for test in (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
        called = {
            name for node in ast.walk(test) for part in _against_a_name(node, helpers) for name in _operations_of(part)
        }
        yield from ((code, name) for code in _texts(test, tree) for name in called)


def _against_a_name(node: ast.AST, helpers: dict[str, ast.FunctionDef | ast.ClassDef]) -> Iterator[ast.AST]:
    """The calls whose code a piece of a test compares with a name."""
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Call):
        if any(isinstance(one, ast.Name) for one in node.comparators):
            yield from (*node.left.args[:1], *_helped(node.left, helpers))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REFUSED:
        yield from node.args[1:2] if isinstance(node.args[0], ast.Name) else ()


def _texts(node: ast.AST, tree: ast.Module) -> set[str]:
    """The texts in a piece of a module, and those of the module's own names that it uses."""
    used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    values: list[ast.AST] = [node]
    for one in tree.body:
        if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            if used & {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}:
                values.append(one.value)
    parts = (part for value in values for part in ast.walk(value))
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _helped(call: ast.Call, helpers: dict[str, ast.FunctionDef | ast.ClassDef]) -> Iterator[ast.AST]:
    """The calls within a helper that a test calls, and within those that this one calls."""
    if isinstance(call.func, ast.Name) and call.func.id in helpers:
        for part in ast.walk(helpers[call.func.id]):
            if isinstance(part, ast.Call):
                yield part.func
                if isinstance(part.func, ast.Name) and part.func.id != call.func.id:
                    yield from _helped(part, helpers)


def _operations_of(part: ast.AST) -> Iterator[str]:
    inner = part.args[1] if isinstance(part, ast.Call) and len(part.args) > 1 else part
    yield from _named(inner)


if __name__ == "__main__":
    PAGE.write_text(page())
