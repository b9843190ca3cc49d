"""What services do with keys of KMS in the caller's place: keys of customers, and the services' own."""

from collections.abc import Iterable, Sequence

from kansatsu.catalog import Authorization
from kansatsu.catalog.authorization import Context
from kansatsu.catalog.rules import Frame
from kansatsu.catalog.services.kms import uses
from kansatsu.resources import Place, Resources


class KeyUses:
    """Those of one service, by its name in kms:ViaService."""

    def __init__(self, resources: Resources, service: str) -> None:
        self._resources = resources
        self._service = service
        self.own = f"alias/aws/{service}"

    async def named(self, key: str, place: Place) -> str:
        """The key as it is to be kept: an alias may point elsewhere by tomorrow, but for the service's own."""
        return key if key == self.own else await self._resources.key(key, place)

    async def checks(
        self, actions: Iterable[str], key: str, place: Place, encryption: dict[str, str], more: Context
    ) -> Sequence[Authorization]:
        """What the key must allow for something at a place, with an encryption context."""
        named = await self._resources.key(key, place)
        context: Context = {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT", **more}
        context |= {f"kms:encryptioncontext:{name.lower()}": value for name, value in encryption.items()}
        context["kms:encryptioncontextkeys"] = tuple(encryption)
        return uses(self._service, actions, named, Frame(place.account, place.region), context)
