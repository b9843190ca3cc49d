"""Secrets that KMS encrypts: whoever writes or reads one needs the key, as Secrets Manager uses it.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kansatsu import wire
from kansatsu.catalog import Authorization
from kansatsu.catalog.authorization import Context
from kansatsu.gateway.answers import Whole
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.key_uses import KeyUses
from kansatsu.gateway.special import Allow
from kansatsu.resources import Place, Resources

_READS = frozenset({"secretsmanager.GetSecretValue", "secretsmanager.BatchGetSecretValue"})
_WRITES = frozenset(f"secretsmanager.{name}" for name in ("CreateSecret", "PutSecretValue", "UpdateSecret"))
_WRITING = ("kms:GenerateDataKey", "kms:Decrypt")


class Secrets:
    """Asks for the keys of secrets: before one is written, and of those that the backend would answer."""

    def __init__(self, resources: Resources, forwarder: Forwarder) -> None:
        self._keys = KeyUses(resources, "secretsmanager")
        self._forwarder = forwarder

    def concerns(self, exchange: Exchange) -> bool:
        """Is the value of a secret in it?"""
        return exchange.name in _READS or exchange.name in _WRITES

    async def answer(self, exchange: Exchange, account: str, allow: Allow) -> Whole:
        """The backend's answer, once the keys allow it too.

        INVARIANT: of the very values that would go out the keys are asked, and the secrets, too, where filters found
        them; what is written is encrypted by the key that was asked, whatever an alias means by then.
        """
        params: Mapping[str, Any] = exchange.params
        if exchange.name in _WRITES:
            params, needed = await self._written(exchange, account)
            await allow((*exchange.authorizations, *needed))
        result = await self._ask(exchange, account, exchange.known.name, params)
        if exchange.name in _READS:
            found: list[Authorization] = []
            for value in result.get("SecretValues", [result]):
                if value.get("ARN"):
                    if params.get("Filters"):
                        found.append(Authorization("secretsmanager:GetSecretValue", value["ARN"]))
                    key = await self._key(exchange, account, value["ARN"])
                    found += await self._checks(("kms:Decrypt",), key, exchange, account, value["ARN"], value)
            await allow((*exchange.authorizations, *found))
        return Whole(wire.encode(exchange.known, result, exchange.request_id))

    async def _ask(self, exchange: Exchange, account: str, operation: str, params: Mapping[str, Any]) -> Any:
        return await self._forwarder.ask(account, exchange.region, "secretsmanager", operation, params)

    async def _key(self, exchange: Exchange, account: str, secret: str) -> str:
        """The key of a secret that there is, as it was named."""
        found = await self._ask(exchange, account, "DescribeSecret", {"SecretId": secret})
        return str(found.get("KmsKeyId") or self._keys.own)

    async def _written(self, exchange: Exchange, account: str) -> tuple[Mapping[str, Any], Sequence[Authorization]]:
        params, secret = exchange.params, exchange.authorizations[0].resource
        made = exchange.name == "secretsmanager.CreateSecret"
        old = self._keys.own if made else await self._key(exchange, account, params["SecretId"])
        named = {"VersionId": params.get("ClientRequestToken")}
        given = params.get("KmsKeyId")
        if given is None:
            valued = made or params.get("SecretString") or params.get("SecretBinary")
            needed = await self._checks(_WRITING, old, exchange, account, secret, named) if valued else ()
            return params, needed
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html: "" is the service's own.
        new = await self._keys.named(given or self._keys.own, Place(account, secret, exchange.region))
        checks = [*await self._checks(_WRITING, new, exchange, account, secret, named)]
        if not made:
            # The backend has all versions under the new key from then on, so that the old one opens them.
            checks += await self._checks(("kms:Encrypt",), new, exchange, account, secret, named)
            checks += await self._checks(("kms:Decrypt",), old, exchange, account, secret, named)
        return {**params, "KmsKeyId": new}, checks

    async def _checks(
        self,
        actions: Sequence[str],
        key: str,
        exchange: Exchange,
        account: str,
        secret: str,
        value: Mapping[str, Any],
    ) -> Sequence[Authorization]:
        encryption = {"SecretARN": secret}
        if value.get("VersionId"):
            encryption["SecretVersionId"] = str(value["VersionId"])
        caller: Context = {"kms:calleraccount": exchange.caller.account}
        return await self._keys.checks(actions, key, Place(account, secret, exchange.region), encryption, caller)
