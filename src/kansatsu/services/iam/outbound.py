"""Outbound identity federation: whether an account's principals can prove elsewhere who they are.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOutboundWebIdentityFederation.html
"""

from typing import Any

from kansatsu.errors import AwsError
from kansatsu.identity import issuers
from kansatsu.identity.issuers import Issuer
from kansatsu.services.iam import _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call


@iam("EnableOutboundWebIdentityFederation", _resources.everything, write=True)
def enable_outbound_web_identity_federation(call: Call) -> dict[str, Any]:
    known = issuers.of(call.conn, call.account)
    if known is not None and known.enabled:
        raise AwsError(
            "Outbound web identity federation is enabled for this account already.", code="FeatureEnabled", status=409
        )
    made = issuers.enable(call.conn, call.store.sealer, call.account, int(call.now.timestamp()))
    return {"IssuerIdentifier": call.issuers.url(made.id)}


@iam("DisableOutboundWebIdentityFederation", _resources.everything, write=True)
def disable_outbound_web_identity_federation(call: Call) -> dict[str, Any]:
    issuers.disable(call.conn, call.store.sealer, _enabled(call))
    return {}


@iam("GetOutboundWebIdentityFederationInfo", _resources.everything)
def get_outbound_web_identity_federation_info(call: Call) -> dict[str, Any]:
    return {"IssuerIdentifier": call.issuers.url(_enabled(call).id), "JwtVendingEnabled": True}


def _enabled(call: Call) -> Issuer:
    known = issuers.of(call.conn, call.account)
    if known is None or not known.enabled:
        raise AwsError(
            "Outbound web identity federation is not enabled for this account.", code="FeatureDisabled", status=404
        )
    return known
