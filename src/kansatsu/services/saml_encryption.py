"""Encrypted assertions of SAML: what an identity provider encrypted for a provider's private keys, and nothing weaker.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html names AES-128 and AES-256, CBC and
GCM, and RSA-OAEP; what is not in the tables below is refused. A ciphertext proves nothing: who has the public key can
make one. `services.saml` therefore verifies a signature of what comes out of here, or of the response around it.
"""

import base64
from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

_XENC, _XENC11 = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmlenc11#"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_ENCRYPTED_KEY = f"{{{_XENC}}}EncryptedKey"
_BLOCK = 16  # bytes, of AES
# INVARIANT: no RSA 1.5, whose padding gives a session key away to who may ask often (Bleichenbacher).
_KEY_TRANSPORTS = frozenset({f"{_XENC}rsa-oaep-mgf1p", f"{_XENC11}rsa-oaep"})
_CIPHERS = {  # algorithm -> bytes of its key, and whether it is authenticated
    f"{_XENC}aes128-cbc": (16, False),
    f"{_XENC}aes256-cbc": (32, False),
    f"{_XENC11}aes128-gcm": (16, True),
    f"{_XENC11}aes256-gcm": (32, True),
}
_SHA1 = hashes.SHA1()  # noqa: S303  # OAEP's own default; nothing depends on collisions there
_DIGESTS: dict[str | None, hashes.HashAlgorithm] = {
    None: _SHA1,
    "http://www.w3.org/2000/09/xmldsig#sha1": _SHA1,
    f"{_XENC}sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384(),
    f"{_XENC}sha512": hashes.SHA512(),
}
_MASKS: dict[str | None, hashes.HashAlgorithm] = {
    None: _SHA1,
    f"{_XENC11}mgf1sha1": _SHA1,
    f"{_XENC11}mgf1sha256": hashes.SHA256(),
    f"{_XENC11}mgf1sha384": hashes.SHA384(),
    f"{_XENC11}mgf1sha512": hashes.SHA512(),
}


class Undecryptable(ValueError):
    """The element says no more, on purpose: not which key was wrong, nor how far one came."""


def decrypted(place: Any, keys: Iterable[RSAPrivateKey]) -> bytes:
    """The text of the element in an EncryptedAssertion, by the first key that opens it. Raises Undecryptable."""
    try:
        data, wrapped = _one(place, f"{{{_XENC}}}EncryptedData"), list(place.iter(_ENCRYPTED_KEY))
        if len(wrapped) != 1:
            raise Undecryptable
        size, authenticated = _CIPHERS[_algorithm(data)]
        sealed, padding, ciphertext = _value(wrapped[0]), _padding(wrapped[0]), _value(data)
    except KeyError:
        raise Undecryptable from None
    for key in keys:
        try:
            session = key.decrypt(sealed, padding)
            if len(session) == size:
                return (_gcm if authenticated else _cbc)(session, ciphertext)
        except (ValueError, InvalidTag):
            continue
    raise Undecryptable


def parsed(text: bytes, place: Any, parser: etree.XMLParser) -> Any:
    """The element of a decrypted text, by itself, with the namespaces of where it stood. Raises Undecryptable."""
    opening = etree.tostring(etree.Element("within", nsmap=place.nsmap)).removesuffix(b"/>") + b">"
    try:
        within = etree.fromstring(opening + text + b"</within>", parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Undecryptable from None
    if len(within) != 1 or (within.text or "").strip() or (within[0].tail or "").strip():
        raise Undecryptable
    if not isinstance(within[0].tag, str):  # a comment
        raise Undecryptable
    return etree.fromstring(etree.tostring(within[0], with_tail=False), parser)


def _one(parent: Any, name: str) -> Any:
    found = parent.findall(name)
    if len(found) != 1:
        raise Undecryptable
    return found[0]


def _algorithm(item: Any) -> str:
    return str(_one(item, f"{{{_XENC}}}EncryptionMethod").get("Algorithm"))


def _value(item: Any) -> bytes:
    """What stands in the document itself: a reference to elsewhere is never followed."""
    text = _one(_one(item, f"{{{_XENC}}}CipherData"), f"{{{_XENC}}}CipherValue").text or ""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise Undecryptable from None


def _padding(wrapped: Any) -> OAEP:
    """Raises KeyError, Undecryptable."""
    method = _one(wrapped, f"{{{_XENC}}}EncryptionMethod")
    if method.get("Algorithm") not in _KEY_TRANSPORTS or method.find(f"{{{_XENC}}}OAEPparams") is not None:
        raise Undecryptable
    digest, mask = method.find(f"{_DS}DigestMethod"), method.find(f"{{{_XENC11}}}MGF")
    named = [one.get("Algorithm", "") if one is not None else None for one in (digest, mask)]
    return OAEP(MGF1(_MASKS[named[1]]), _DIGESTS[named[0]], None)


def _gcm(key: bytes, ciphertext: bytes) -> bytes:
    return AESGCM(key).decrypt(ciphertext[:12], ciphertext[12:], None)


def _cbc(key: bytes, ciphertext: bytes) -> bytes:
    """Raises ValueError. Padded as XML Encryption says: the last byte tells how many there are, the others nothing."""
    opener = Cipher(algorithms.AES(key), modes.CBC(ciphertext[:_BLOCK])).decryptor()
    padded = opener.update(ciphertext[_BLOCK:]) + opener.finalize()
    if not padded or not 1 <= padded[-1] <= _BLOCK:
        raise ValueError("padding")
    return padded[: -padded[-1]]
