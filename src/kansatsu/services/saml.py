"""SAML 2.0: what a provider's metadata say, and what an authentication response says that was verified.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html
Signatures are verified by signxml (XML Signature on lxml and cryptography). What is read afterwards is what it returns
as signed, and nothing else of the document. Import this module late: who has no such provider needs no lxml.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature as WrongKey
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from kansatsu.errors import AwsError
from kansatsu.services import saml_encryption as encryption

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
# Where AWS takes responses; the last part of /acs/ is the id of the provider.
_ENDPOINT = re.compile(r"https://([a-z0-9-]+\.)?signin\.aws\.amazon\.com/(static/)?saml(/acs/(?P<id>[A-Z0-9]+))?")
_AUDIENCES = re.compile(r"urn:amazon:webservices|" + _ENDPOINT.pattern)
REDEEMED_WITHIN = timedelta(minutes=5)
_AHEAD = timedelta(minutes=5)  # that the clock of a provider may be fast
# INVARIANT: signatures of key pairs only: one whose key is a secret could be made of what the metadata publish.
_METHODS = frozenset(
    method
    for method in SignatureMethod
    if method.name.startswith(("RSA_", "ECDSA_")) and method.name.endswith(("_SHA256", "_SHA384", "_SHA512"))
)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})


class Unreadable(ValueError):
    """The document is not what it should be."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """An identity provider's own description. Neither it nor its certificates expire, as on AWS."""

    entity_id: str
    certificates: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Decryption:
    """What opens assertions for a provider, the newest key first."""

    keys: Sequence[RSAPrivateKey] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a verified assertion says. `session_ends` None: it sets no end to sessions."""

    id: str
    issuer: str
    subject: str
    subject_type: str
    recipient: str
    session_ends: datetime | None
    attributes: dict[str, tuple[str, ...]]


def metadata(text: str) -> Metadata:
    """Read an EntityDescriptor. Raises Unreadable."""
    root = _parsed(text.encode())
    found = tuple(_certificates(root))
    entity = root.get("entityID")
    if root.tag != f"{_MD}EntityDescriptor" or not entity or not found:
        raise Unreadable("no EntityDescriptor with an entityID and a certificate for signatures")
    return Metadata(entity, found)


def _certificates(root: Any) -> Iterator[x509.Certificate]:
    for key in root.findall(f"{_MD}IDPSSODescriptor/{_MD}KeyDescriptor"):
        if key.get("use", "signing") == "signing":
            for item in key.iter(f"{_DS}X509Certificate"):
                try:
                    yield x509.load_der_x509_certificate(base64.b64decode("".join((item.text or "").split())))
                except ValueError as error:
                    raise Unreadable("a certificate that is none") from error


def private_key(text: str) -> RSAPrivateKey:
    """A key in PEM, under no passphrase. Raises Unreadable."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is under a passphrase
        raise Unreadable("no private key") from None
    if not isinstance(key, RSAPrivateKey):
        raise Unreadable("no key of RSA")
    return key


def verified(encoded: str, provider: Metadata, decryption: Decryption, provider_id: str, now: datetime) -> Assertion:
    """The assertion of a response. Raises InvalidIdentityToken, ExpiredTokenException, IDPRejectedClaim."""
    try:
        root = _parsed(base64.b64decode("".join(encoded.split()), validate=True))
    except (binascii.Error, Unreadable):
        raise invalid("Invalid base64 SAMLResponse") from None
    _check_shape(root)
    assertion = _signed(root, provider.certificates, decryption)
    if (issuer := _text(assertion.find(f"{_SAML}Issuer"))) != provider.entity_id:
        raise invalid("Issuer not present in specified provider")
    _check_times(assertion, now)
    recipient = _recipient(assertion, provider_id, now)
    name = assertion.find(f"{_SAML}Subject/{_SAML}NameID")
    if name is None or not _text(name):
        raise invalid("NameID is required in AuthnResponse")
    ends = [_time(item.get("SessionNotOnOrAfter")) for item in assertion.findall(f"{_SAML}AuthnStatement")]
    return Assertion(
        assertion.get("ID", ""),
        issuer,
        _text(name),
        name.get("Format", "").removeprefix("urn:oasis:names:tc:SAML:2.0:nameid-format:"),
        recipient,
        min((end for end in ends if end is not None), default=None),
        dict(_attributes(assertion)),
    )


def _parsed(data: bytes) -> Any:
    """INVARIANT: no document type: neither entities nor what they would fetch or blow up to."""
    try:
        root = etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("no XML") from error
    if root.getroottree().docinfo.doctype:
        raise Unreadable("a document type")
    return root


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_pis=True
    )


def _check_shape(root: Any) -> None:
    """INVARIANT: there is one assertion, and signatures stand where they sign: nothing can be wrapped around.

    Both are true of what every provider sends, and of none of the documents in which a signed assertion is moved away
    and another one put in its place. https://www.usenix.org/conference/usenixsecurity12 ("On Breaking SAML")
    """
    assertions = list(root.iter(f"{_SAML}Assertion", f"{_SAML}EncryptedAssertion"))
    if root.tag != f"{_PROTOCOL}Response" or len(assertions) != 1 or assertions[0].getparent() is not root:
        raise invalid("The response must have exactly one assertion")
    _check_places(root, root, assertions[0])
    status = root.find(f"{_PROTOCOL}Status/{_PROTOCOL}StatusCode")
    if status is not None and status.get("Value") != _SUCCESS:
        raise AwsError("The identity provider reports that authentication failed", code="IDPRejectedClaim", status=403)


def _check_places(root: Any, *homes: Any) -> None:
    """No id twice, and signatures nowhere but in these elements, one in each at most."""
    named = [item.get(name) for item in root.iter("*") for name in ("ID", "Id", "id") if item.get(name)]
    found = [item.getparent() for item in root.iter(f"{_DS}Signature")]
    if len(named) != len(set(named)) or any(one not in homes for one in found) or len(set(found)) != len(found):
        raise invalid("Response signature invalid")


def _signed(root: Any, certificates: tuple[x509.Certificate, ...], decryption: Decryption) -> Any:
    """The assertion as it was signed, by itself or as part of the response. Every signature must be right."""
    response = _verified(root, certificates) if root.find(f"{_DS}Signature") is not None else None
    # INVARIANT: a ciphertext is opened as it was signed, and what comes out is believed for a signature alone.
    encrypted = (root if response is None else response).find(f"{_SAML}EncryptedAssertion")
    if encrypted is not None:
        return _opened(encrypted, certificates, decryption, response is not None)
    if decryption.required:
        raise invalid("The provider takes encrypted assertions only")
    inside = response.find(f"{_SAML}Assertion") if response is not None else None
    return _vouched(root.find(f"{_SAML}Assertion"), certificates, inside)


def _opened(place: Any, certificates: tuple[x509.Certificate, ...], decryption: Decryption, signed: bool) -> Any:
    """INVARIANT: one answer to whatever is wrong before a signature is found right.

    AES-CBC does not notice a change: who could tell a wrong padding from a wrong signature would read the assertion.
    """
    try:
        assertion = encryption.parsed(encryption.decrypted(place, decryption.keys), place, _parser())
        if assertion.tag != f"{_SAML}Assertion" or len(list(assertion.iter(assertion.tag))) != 1:
            raise encryption.Undecryptable
        _check_places(assertion, assertion)
        return _vouched(assertion, certificates, assertion if signed else None)
    except (encryption.Undecryptable, AwsError):
        raise invalid("The encrypted assertion cannot be decrypted, or its signature is invalid") from None


def _vouched(assertion: Any, certificates: tuple[x509.Certificate, ...], otherwise: Any) -> Any:
    """What its own signature says it is, or else what the response's said, if there was one."""
    if assertion.find(f"{_DS}Signature") is not None:
        return _verified(assertion, certificates)
    if otherwise is None:
        raise invalid("Response signature invalid")
    return otherwise


def _verified(holder: Any, certificates: tuple[x509.Certificate, ...]) -> Any:
    """INVARIANT: what was signed is the element that holds the signature."""
    signed = _by_any(etree.tostring(holder, with_tail=False), certificates)
    if signed is None or signed.tag != holder.tag or signed.get("ID") != holder.get("ID"):
        raise invalid("Response signature invalid")
    return signed


def _by_any(data: bytes, certificates: tuple[x509.Certificate, ...]) -> Any:
    """The signed element, when a key of the provider signed it. What the document says of keys counts for nothing.

    "IAM doesn't evaluate or take action on the expiration of X.509 certificates in SAML metadata documents":
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html
    """
    for certificate in certificates:
        config = SignatureConfiguration(
            location="./",
            expect_references=1,
            signature_methods=_METHODS,
            digest_algorithms=_DIGESTS,
            ignore_ambiguous_key_info=True,
            verification_time=certificate.not_valid_before_utc,
        )
        try:
            result = XMLVerifier().verify(data, x509_cert=certificate, expect_config=config)
        except (SignXMLException, WrongKey, etree.LxmlError, ValueError, TypeError, KeyError):
            continue
        return result.signed_xml if not isinstance(result, list) else None
    return None


def _check_times(assertion: Any, now: datetime) -> None:
    issued = _time(assertion.get("IssueInstant"))
    if issued is None or issued > now + _AHEAD:
        raise invalid("The assertion is not valid yet")
    if now > issued + REDEEMED_WITHIN:
        raise AwsError("Token must be redeemed within 5 minutes of issuance", code="ExpiredTokenException")
    for item in assertion.findall(f"{_SAML}Conditions"):
        if (begin := _time(item.get("NotBefore"))) is not None and begin > now + _AHEAD:
            raise invalid("The assertion is not valid yet")
        if (end := _time(item.get("NotOnOrAfter"))) is not None and now >= end:
            raise AwsError("The assertion has expired", code="ExpiredTokenException")
    restrictions = assertion.findall(f"{_SAML}Conditions/{_SAML}AudienceRestriction")
    if not restrictions or not all(
        any(_AUDIENCES.fullmatch(_text(one)) for one in item.findall(f"{_SAML}Audience")) for item in restrictions
    ):
        raise invalid("Response does not contain the required audience")


def _recipient(assertion: Any, provider_id: str, now: datetime) -> str:
    """Whom the one confirmation of the subject is for."""
    confirmations = assertion.findall(f"{_SAML}Subject/{_SAML}SubjectConfirmation")
    if len(confirmations) != 1 or confirmations[0].get("Method") != _BEARER:
        raise invalid("The response must have exactly one SubjectConfirmation, of a bearer")
    data = confirmations[0].find(f"{_SAML}SubjectConfirmationData")
    end = _time(data.get("NotOnOrAfter")) if data is not None else None
    if data is None or end is None:
        raise invalid("SubjectConfirmationData must have NotOnOrAfter and Recipient")
    recipient = str(data.get("Recipient", ""))
    found = _ENDPOINT.fullmatch(recipient)
    if found is None or found["id"] not in (None, provider_id):
        raise invalid("The recipient of the response is not AWS")
    if now >= end:
        raise AwsError("The assertion has expired", code="ExpiredTokenException")
    return recipient


def _attributes(assertion: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    for item in assertion.findall(f"{_SAML}AttributeStatement/{_SAML}Attribute"):
        yield item.get("Name", ""), tuple(_text(value) for value in item.findall(f"{_SAML}AttributeValue"))


def _text(item: Any) -> str:
    """INVARIANT: a comment within a text does not end it."""
    return "" if item is None else "".join([item.text or "", *(child.tail or "" for child in item)]).strip()


def _time(text: str | None) -> datetime | None:
    """Raises InvalidIdentityToken for a text that is no time."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("A time of the document is none") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def invalid(message: str) -> AwsError:
    return AwsError(message, code="InvalidIdentityToken")
