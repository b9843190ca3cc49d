"""What helps to write a policy: what is wrong with a text, and the words that may stand in it."""

from typing import Any

from kansatsu import lint
from kansatsu.catalog import reference, tracking
from kansatsu.errors import InvalidParameterValue
from kansatsu.policy import PolicyType
from kansatsu.services.registry import Call, operation


@operation("kansatsu", "LintPolicy")
def lint_policy(call: Call, document: str, policy_type: str = PolicyType.IDENTITY) -> dict[str, Any]:
    """What `kansatsu policy lint` finds; what AWS would not store alone, where there is such a thing."""
    try:
        kind = PolicyType(policy_type)
    except ValueError:
        raise InvalidParameterValue(f"PolicyType must be one of {', '.join(PolicyType)}.") from None
    found = lint.validate(document, kind) or lint.lint(document, kind)
    return {
        "Findings": [
            {
                "Rule": one.rule,
                "Severity": str(one.severity),
                "Message": one.message,
                "Url": one.url,
                "Line": one.line,
                "Column": one.column,
                "EndLine": one.end_line,
                "EndColumn": one.end_column,
            }
            for one in found
        ]
    }


@operation("kansatsu", "GetPolicyVocabulary")
def get_policy_vocabulary(call: Call, service: str | None = None) -> dict[str, Any]:
    """The services and the condition keys of all; or the actions and condition keys of the service with that prefix."""
    if service is None:
        named = [{"Prefix": prefix, "Name": tracking.service_name(prefix)} for prefix in tracking.services()]
        return {"Services": named, "ConditionKeys": sorted(key.name for key in lint.GLOBAL_KEYS.values())}
    return {"Actions": sorted(tracking.actions(service)), "ConditionKeys": sorted(reference.key_types(service))}
