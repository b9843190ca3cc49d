"""STS: importing this package registers its operations."""

from kansatsu.services.sts import assume_role, identity, outbound, saml, tokens, web_identity

__all__ = ["assume_role", "identity", "outbound", "saml", "tokens", "web_identity"]
