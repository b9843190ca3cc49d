"""Bytes to values and back for every AWS protocol, compiled from the service models."""

from kansatsu.wire.addressing import path_style
from kansatsu.wire.codec import decode, encode, encode_error
from kansatsu.wire.known import known
from kansatsu.wire.model import (
    OWN_MODELS,
    Operation,
    Service,
    Shape,
    UnknownService,
    load_service,
    outline,
    service_metadata,
)
from kansatsu.wire.routing import form_parameters, match, spoken
from kansatsu.wire.validation import validate
from kansatsu.wire.xmlout import escape

__all__ = [
    "OWN_MODELS",
    "Operation",
    "Service",
    "Shape",
    "UnknownService",
    "decode",
    "encode",
    "encode_error",
    "escape",
    "form_parameters",
    "known",
    "load_service",
    "match",
    "outline",
    "path_style",
    "service_metadata",
    "spoken",
    "validate",
]
