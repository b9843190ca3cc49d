"""Values of Parameter Store that KMS encrypts: whoever writes or reads one needs the key, as Parameter Store uses it.

https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from kansatsu import wire
from kansatsu.catalog import Authorization
from kansatsu.catalog.authorization import Context
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.gateway.answers import Whole
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.key_uses import KeyUses
from kansatsu.gateway.special import Allow
from kansatsu.resources import Place, Resources

_WRITES = "ssm.PutParameter"
_READS = frozenset(f"ssm.GetParameter{more}" for more in ("", "s", "sByPath", "History"))
_SECURE = "SecureString"
_CONTEXT = "PARAMETER_ARN"
_PLAIN = "kms:"  # what the embedded backend has before a key's name and the value, where AWS answers ciphertext
# https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html: no more at once
_LONGEST = 4096


class Parameters:
    """Asks for the keys of values: before one is written, and of those that the backend would answer."""

    def __init__(self, resources: Resources, forwarder: Forwarder) -> None:
        self._keys = KeyUses(resources, "ssm")
        self._forwarder = forwarder

    def concerns(self, exchange: Exchange) -> bool:
        """Can there be a value in it that KMS encrypts?"""
        return exchange.name in _READS or exchange.name == _WRITES

    async def answer(self, exchange: Exchange, account: str, allow: Allow) -> Whole:
        """The backend's answer, once the keys allow it too."""
        params: Mapping[str, Any] = exchange.params
        if exchange.name == _WRITES:
            params, needed = await self._written(exchange, account)
            await allow((*exchange.authorizations, *needed))
        result = await self._ask(exchange, account, exchange.known.name, params)
        if exchange.name != _WRITES:
            result = await self._read(exchange, account, allow, result)
        return Whole(wire.encode(exchange.known, result, exchange.request_id))

    async def _ask(self, exchange: Exchange, account: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return dict(await self._forwarder.ask(account, exchange.region, "ssm", operation, params))

    async def _written(self, exchange: Exchange, account: str) -> tuple[Mapping[str, Any], Sequence[Authorization]]:
        """The call with the type and the key spelled out, and what the key must allow.

        INVARIANT: what is written is encrypted by the key that was asked, whatever an alias means by then, and what
        nobody names a key for by Parameter Store's own.
        """
        params = exchange.params
        if params.get("Overwrite") and not (params.get("Type") and params.get("Tier")):
            filters = [{"Key": "Name", "Values": [params["Name"]]}]
            found = await self._ask(exchange, account, "DescribeParameters", {"ParameterFilters": filters})
            for known in found.get("Parameters") or ():
                params = {name: known[name] for name in ("Type", "Tier") if known.get(name)} | params
        if params.get("Type") != _SECURE:
            return params, ()
        given = params.get("KeyId") or self._keys.own
        place = Place(account, exchange.authorizations[0].resource, exchange.region)
        key = await self._keys.named(given, place)
        tier, long = params.get("Tier"), len(str(params.get("Value", "")).encode()) > _LONGEST or params.get("Policies")
        advanced = tier == "Advanced" or (tier == "Intelligent-Tiering" and long)
        action = "kms:GenerateDataKey" if advanced else "kms:Encrypt"
        more: Context = {"kms:requestalias": given} if given.startswith("alias/") else {}
        return {**params, "KeyId": key}, await self._uses(action, key, place, more)

    async def _read(self, exchange: Exchange, account: str, allow: Allow, result: dict[str, Any]) -> dict[str, Any]:
        """INVARIANT: the keys are those of the very values that would go out, so that none changes in between."""
        one = "Parameter" in result
        values = [dict(value) for value in ([result["Parameter"]] if one else result.get("Parameters") or ())]
        secure = [value for value in values if value.get("Type") == _SECURE]
        keys = await asyncio.gather(*(self._key(exchange, account, value) for value in secure))
        if exchange.params.get("WithDecryption"):
            needed: list[Authorization] = []
            for value, key in zip(secure, keys, strict=True):
                needed += await self._uses("kms:Decrypt", key, self._place(exchange, account, value), {})
            await allow((*exchange.authorizations, *needed))
        else:
            for value, key in zip(secure, keys, strict=True):
                value["Value"] = await self._unread(value["Value"], key, self._place(exchange, account, value))
        return {**result, "Parameter": values[0]} if one else {**result, "Parameters": values}

    async def _key(self, exchange: Exchange, account: str, value: Mapping[str, Any]) -> str:
        """The key that a value is encrypted by, as the backend calls it; "" where it does not say."""
        if value.get("KeyId"):
            return str(value["KeyId"])
        asked = {"Name": value["Name"], "MaxResults": 50}
        while True:
            found = await self._ask(exchange, account, "GetParameterHistory", asked)
            for known in found.get("Parameters") or ():
                if all(known.get(name) == value.get(name) for name in ("Version", "LastModifiedDate")):
                    return str(known.get("KeyId") or "")
            if not found.get("NextToken"):
                return ""
            asked = {**asked, "NextToken": found["NextToken"]}

    async def _unread(self, value: str, key: str, place: Place) -> str:
        """INVARIANT: who does not ask for the plain value gets what takes the key to read, whatever the backend has."""
        prefix = f"{_PLAIN}{key}:"
        if not key or not value.startswith(prefix):
            return value
        plain = value.removeprefix(prefix).encode()
        if len(plain) > _LONGEST:
            raise Unimplemented("Kansatsu shows a parameter of more than 4096 bytes WithDecryption only.")
        asked = {"KeyId": key, "Plaintext": plain, "EncryptionContext": {_CONTEXT: place.arn}}
        try:
            got = await self._forwarder.ask(place.account, place.region, "kms", "Encrypt", asked)
        except AwsError as error:
            raise AwsError(error.message, code="InvalidKeyId", status=400) from error
        return b64encode(got["CiphertextBlob"]).decode()

    async def _uses(self, action: str, key: str, place: Place, more: Context) -> Sequence[Authorization]:
        return await self._keys.checks((action,), key, place, {_CONTEXT: place.arn}, more)

    @staticmethod
    def _place(exchange: Exchange, account: str, value: Mapping[str, Any]) -> Place:
        name = str(value["Name"]).removeprefix("/")
        arn = str(value.get("ARN") or f"arn:aws:ssm:{exchange.region}:{account}:parameter/{name}")
        return Place(account, arn, exchange.region)
