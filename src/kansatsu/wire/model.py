"""The AWS service models that botocore ships, read once and lazily: what an operation takes, answers and fails with."""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import botocore

from kansatsu.errors import AwsError

OWN_MODELS = Path(__file__).parent / "models"
_ROOTS = (OWN_MODELS, Path(botocore.__file__).parent / "data")
# The first of these that a service offers is what botocore itself speaks with it (botocore.utils).
_PREFERENCE = ("json", "smithy-rpc-v2-cbor", "rest-json", "rest-xml", "query", "ec2")
# Namespaces that AWS sends but the models lack or spell differently.
_NAMESPACES = {
    "ec2": "http://ec2.amazonaws.com/doc/2016-11-15/",
    "s3": "http://s3.amazonaws.com/doc/2006-03-01/",
}


class UnknownService(LookupError):
    """There is no model of that name."""


class Shape:
    """A shape as one member sees it: the shape's own traits under those of the reference to it."""

    __slots__ = ("_model", "name", "traits", "type")

    def __init__(self, model: Mapping[str, Any], reference: Mapping[str, Any]):
        self._model = model
        self.name: str = reference["shape"]
        self.traits: dict[str, Any] = {**model[self.name], **reference}
        self.type: str = self.traits["type"]

    @property
    def members(self) -> Iterator[tuple[str, "Shape"]]:
        """The members of a structure, in the order of the model."""
        for name, reference in self.traits.get("members", {}).items():
            yield name, Shape(self._model, reference)

    @property
    def member(self) -> "Shape":
        """What a list holds."""
        return Shape(self._model, self.traits["member"])

    @property
    def key(self) -> "Shape":
        """The keys of a map."""
        return Shape(self._model, self.traits["key"])

    @property
    def value(self) -> "Shape":
        """The values of a map."""
        return Shape(self._model, self.traits["value"])

    @property
    def required(self) -> list[str]:
        """The members that a structure must have."""
        return list(self.traits.get("required", ()))

    def get(self, trait: str, default: Any = None) -> Any:
        """A trait, e.g. locationName."""
        return self.traits.get(trait, default)


class Operation:
    """One operation of a service; its codecs are compiled on first use and kept here."""

    def __init__(self, service: "Service", name: str, model: Mapping[str, Any]):
        self.service = service
        self.name = name
        http = model.get("http", {})
        self.http_method: str = http.get("method", "POST")
        self.uri: str = http.get("requestUri", "/")
        self.status: int = http.get("responseCode", 200)
        self.deprecated = bool(model.get("deprecated"))
        self.unsigned = model.get("authtype") == "none"  # SDKs do not sign it
        self.tells_endpoints = bool(model.get("endpointoperation"))  # where else the service is to be asked
        self._model = model
        self.codecs: dict[str, Any] = {}  # filled by the modules that compile them

    def __repr__(self) -> str:
        return f"<Operation {self.service.name}.{self.name}>"

    @cached_property
    def input(self) -> Shape | None:
        """The shape of the parameters; None: the operation takes none."""
        return Shape(self.service.shapes, self._model["input"]) if "input" in self._model else None

    @cached_property
    def output(self) -> Shape | None:
        """The shape of the result; None: the operation answers nothing."""
        return Shape(self.service.shapes, self._model["output"]) if "output" in self._model else None

    @cached_property
    def input_members(self) -> tuple[str, ...]:
        """The names of the top-level parameters, as AWS spells them."""
        return tuple(name for name, _ in self.input.members) if self.input else ()

    @cached_property
    def streams_request(self) -> bool:
        """Whether the body is a stream, which decode() leaves out."""
        return _streams(self.input)

    @cached_property
    def streams_response(self) -> bool:
        """Whether the answer's body is a stream."""
        return _streams(self.output)

    @cached_property
    def errors(self) -> dict[str, int]:
        """The errors of the model: code on the wire -> HTTP status."""
        found = {}
        for reference in self._model.get("errors", ()):
            shape = self.service.shapes[reference["shape"]]
            trait = shape.get("error", {})
            found[trait.get("code", reference["shape"])] = trait.get(
                "httpStatusCode", 500 if shape.get("fault") else 400
            )
        return found


def _streams(shape: Shape | None) -> bool:
    if shape is None:
        return False
    payload = shape.get("payload")
    for name, member in shape.members:
        if member.get("eventstream") or (name == payload and member.get("streaming")):
            return True
    return False


class Service:
    """A service in one of the protocols that it speaks."""

    def __init__(self, name: str, model: Mapping[str, Any], protocol: str = ""):
        metadata = model["metadata"]
        self.name = name
        self.metadata: Mapping[str, Any] = metadata
        self.shapes: Mapping[str, Any] = model["shapes"]
        self.protocols: tuple[str, ...] = tuple(metadata.get("protocols") or (metadata["protocol"],))
        self.protocol: str = protocol or next(p for p in _PREFERENCE if p in self.protocols)
        self.endpoint_prefix: str = metadata["endpointPrefix"]
        self.signing_name: str = metadata.get("signingName", self.endpoint_prefix)
        self.api_version: str = metadata["apiVersion"]
        self.target_prefix: str = metadata.get("targetPrefix", "")
        self.json_version: str = str(metadata.get("jsonVersion", "1.0"))
        self.xml_namespace: str = _NAMESPACES.get(name, metadata.get("xmlNamespace", ""))
        self.query_compatible = "awsQueryCompatible" in metadata
        self.codecs: dict[str, Any] = {}
        self._model = model
        self._operations: dict[str, Operation] = {}
        self._variants: dict[str, Service] = {self.protocol: self}

    def __repr__(self) -> str:
        return f"<Service {self.name} ({self.protocol})>"

    @property
    def operation_names(self) -> tuple[str, ...]:
        """Every operation of the model."""
        return tuple(self._model["operations"])

    def operation(self, name: str) -> Operation:
        """An operation by AWS's name; KeyError when the service has none of that name."""
        found = self._operations.get(name)
        if found is None:
            found = self._operations[name] = Operation(self, name, self._model["operations"][name])
        return found

    def speaking(self, protocol: str) -> "Service":
        """The same service in another protocol: older clients of a service keep to its older one."""
        found = self._variants.get(protocol)
        if found is None:
            found = Service(self.name, self._model, protocol)
            found._variants = self._variants
            self._variants[protocol] = found
        return found


@cache
def load_service(name: str) -> Service:
    """The service that botocore calls `name` ("iam", "s3"), or one of our own models; raises UnknownService.

    Reading takes about 40 ms for ec2, the largest, and a few for others; every later call is a look-up.
    """
    return Service(name, read_model(name))


@cache
def outline(name: str) -> Service:
    """The same service by the head of its model, without operations: enough to tell its protocol and answer an error.

    INVARIANT: reads no model, so that who has not signed yet cannot make us read hundreds of them.
    """
    model = {"metadata": service_metadata()[name], "shapes": {}, "operations": {}}
    return Service(name, model)


def read_model(name: str) -> dict[str, Any]:
    """The newest model of a service as botocore ships it, with botocore's own corrections merged in."""
    for root in _ROOTS:
        for version in (
            sorted((root / name).glob("[0-9]*"), reverse=True) if name.isidentifier() or _plain(name) else ()
        ):
            found = _read(version)
            if found is not None:
                return found
    raise UnknownService(name)


def _plain(name: str) -> bool:
    return bool(name) and all(c.isalnum() or c == "-" for c in name)


def _read(folder: Path) -> dict[str, Any] | None:
    packed, plain = folder / "service-2.json.gz", folder / "service-2.json"
    if packed.exists():
        model: dict[str, Any] = json.loads(gzip.decompress(packed.read_bytes()))
    elif plain.exists():
        model = json.loads(plain.read_bytes())
    else:
        return None
    extras = folder / "service-2.sdk-extras.json"
    if extras.exists():
        _merge(model, json.loads(extras.read_bytes()).get("merge", {}))
    return model


def _merge(base: dict[str, Any], extra: Mapping[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


class Malformed(ValueError):
    """A request that cannot be read; each protocol has its own error for it."""


# protocol -> (code, status) of a request whose form is wrong.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (MalformedXML)
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html (SerializationException)
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidParameterValue)
_MALFORMED = {
    "query": "MalformedInput",
    "ec2": "InvalidParameterValue",
    "json": "SerializationException",
    "rest-json": "SerializationException",
    "smithy-rpc-v2-cbor": "SerializationException",
    "rest-xml": "InvalidArgument",
}


def malformed(service: Service, text: str, code: str = "") -> AwsError:
    """The error with which this service answers a request that it cannot read."""
    return AwsError(text, code=code or _MALFORMED[service.protocol], status=400)


_HEAD = 4096  # bytes; the metadata stand at the beginning of every model


@cache
def service_metadata() -> Mapping[str, Mapping[str, Any]]:
    """The metadata of every service that there is a model of, read once and from the heads of the files alone."""
    found: dict[str, dict[str, Any]] = {}
    for root in _ROOTS:
        for folder in sorted(os.scandir(root), key=lambda entry: entry.name):
            if folder.is_dir() and folder.name not in found:
                metadata = next(
                    (m for v in sorted(os.listdir(folder), reverse=True) if (m := _head(folder.path, v))), None
                )
                if metadata is not None:
                    found[folder.name] = metadata
    return found


def _head(folder: str, version: str) -> dict[str, Any] | None:
    path = os.path.join(folder, version, "service-2.json")
    try:
        with open(path + ".gz", "rb") as packed:
            text = zlib.decompressobj(31).decompress(packed.read(_HEAD), _HEAD)
    except (FileNotFoundError, NotADirectoryError):
        try:
            with open(path, "rb") as plain:
                text = plain.read(_HEAD)
        except (FileNotFoundError, NotADirectoryError):
            return None
    head = text.decode(errors="ignore")
    metadata: dict[str, Any] = json.JSONDecoder().raw_decode(head, head.index("{", head.index('"metadata"')))[0]
    return metadata
