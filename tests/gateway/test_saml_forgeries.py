"""What forgers of SAML responses try: signatures moved, wrapped, borrowed and made anew. No document lets them in.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml import DigestAlgorithm, SignatureConstructionMethod, SignatureMethod, XMLSigner

from .conftest import Gateway
from .saml_provider import (
    ASSERTION,
    CERTIFICATE,
    DS,
    KEY,
    OTHER,
    OTHERS,
    PROTOCOL,
    SAML,
    SIGNATURE,
    Provider,
    code,
    sign,
)


@pytest.fixture(scope="module")
def provider(gateway: Gateway) -> Provider:
    return Provider(gateway)


def _evil(root: Any) -> Any:
    """A copy of the assertion that says another subject, without a signature."""
    made = copy.deepcopy(root.find(ASSERTION))
    made.remove(made.find(SIGNATURE))
    made.set("ID", "_evil")
    made.find(f".//{{{SAML}}}NameID").text = "admin"
    return made


def evil_before(root: Any) -> Any:
    root.insert(0, _evil(root))
    return root


def evil_after(root: Any) -> Any:
    root.append(_evil(root))
    return root


def evil_with_the_same_id(root: Any) -> Any:
    made = _evil(root)
    made.set("ID", root.find(ASSERTION).get("ID"))
    root.insert(0, made)
    return root


def evil_around(root: Any) -> Any:
    made, old = _evil(root), root.find(ASSERTION)
    root.replace(old, made)
    made.append(old)
    return root


def evil_with_the_signature(root: Any) -> Any:
    made, old = _evil(root), root.find(ASSERTION)
    signature = old.find(SIGNATURE)
    old.remove(signature)
    made.insert(1, signature)
    root.insert(0, made)
    return root


def original_in_the_signature(root: Any) -> Any:
    made, old = _evil(root), root.find(ASSERTION)
    signature = old.find(SIGNATURE)
    root.replace(old, made)
    old.remove(signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(old)
    made.insert(1, signature)
    return root


def original_in_extensions(root: Any) -> Any:
    made, old = _evil(root), root.find(ASSERTION)
    root.replace(old, made)
    place = etree.Element(f"{{{PROTOCOL}}}Extensions")
    place.append(old)
    root.insert(0, place)
    return root


def original_in_another_element(root: Any) -> Any:
    """The signed one no longer called an assertion to who counts these, but found by its ID."""
    made, old = _evil(root), root.find(ASSERTION)
    signature = old.find(SIGNATURE)
    old.remove(signature)
    root.replace(old, made)
    made.insert(1, signature)
    hidden = etree.SubElement(root, "hidden")
    hidden.append(old)
    old.tag = "{urn:x}Assertion"
    return root


def response_around(root: Any) -> Any:
    made = copy.deepcopy(root)
    made.set("ID", "_other")
    made.replace(made.find(ASSERTION), _evil(root))
    etree.SubElement(made, f"{{{PROTOCOL}}}Extensions").append(root)
    return made


def changed(root: Any) -> Any:
    root.find(f".//{{{SAML}}}NameID").text = "admin"
    return root


def without_signature(root: Any) -> Any:
    item = root.find(ASSERTION)
    item.remove(item.find(SIGNATURE))
    return root


def by_another_key(root: Any) -> Any:
    return sign(without_signature(root), key=OTHER, signature_algorithm=SignatureMethod.RSA_SHA256)


def with_its_own_certificate(root: Any) -> Any:
    root = without_signature(root)
    item = root.find(ASSERTION)
    signer = XMLSigner(method=SignatureConstructionMethod.enveloped)
    root.replace(item, signer.sign(item, key=OTHER, cert=[OTHERS], reference_uri=item.get("ID"), id_attribute="ID"))
    return root


def by_the_certificate_as_a_secret(root: Any) -> Any:
    secret = CERTIFICATE.public_bytes(Encoding.PEM)
    return sign(without_signature(root), key=secret, signature_algorithm=SignatureMethod.HMAC_SHA256)


def with_another_digest(root: Any) -> Any:
    return sign(without_signature(root), digest_algorithm=DigestAlgorithm.SHA224)


def of_the_subject_alone(root: Any) -> Any:
    root = without_signature(root)
    item = root.find(f".//{{{SAML}}}Subject")
    item.set("ID", "_s")
    done = XMLSigner(method=SignatureConstructionMethod.enveloped).sign(item, key=KEY, reference_uri="_s")
    signature = done.find(SIGNATURE)
    done.remove(signature)
    root.find(f".//{{{SAML}}}Subject").getparent().insert(1, signature)
    return root


def with_a_document_type(root: Any) -> bytes:
    return b'<!DOCTYPE x [<!ENTITY e "admin">]>' + etree.tostring(root)


def with_an_external_entity(root: Any) -> bytes:
    text = etree.tostring(root).replace(b">ana<", b">&e;<")
    return b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + text


def two_signatures(root: Any) -> Any:
    item = root.find(ASSERTION)
    item.append(copy.deepcopy(item.find(SIGNATURE)))
    return root


ATTACKS: list[Callable[[Any], Any]] = [
    evil_before, evil_after, evil_with_the_same_id, evil_around, evil_with_the_signature, original_in_the_signature,
    original_in_extensions, original_in_another_element, response_around, changed, without_signature, by_another_key,
    with_its_own_certificate, by_the_certificate_as_a_secret, with_another_digest, of_the_subject_alone,
    with_a_document_type, with_an_external_entity, two_signatures, lambda _: b"<x", lambda _: b"<x/>",
]  # fmt: skip


@pytest.fixture(scope="module")
def admin(provider: Provider) -> str:
    """The role that attackers want: it is for nobody but admin."""
    return provider.role(StringEquals={"saml:sub": "admin"})


@pytest.fixture(scope="module")
def open_role(provider: Provider) -> str:
    """A role for everybody whom the provider names."""
    return provider.role()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
def test_a_forged_document_lets_nobody_in(
    gateway: Gateway, provider: Provider, admin: str, open_role: str, attack: Callable[[Any], Any]
) -> None:
    for role in (admin, open_role):
        assert code(gateway, provider, role, attack(provider.signed(role))) == "InvalidIdentityToken"
    assert code(gateway, provider, admin, provider.signed(admin)) == "AccessDenied"
    assert code(gateway, provider, open_role, provider.signed(open_role)) == ""


def test_a_comment_does_not_end_a_name(gateway: Gateway, provider: Provider, admin: str) -> None:
    """CVE-2017-11427: canonical XML has no comments, so that one may be put in without breaking the signature."""
    root = provider.signed(admin, subject="admin.evil")
    text = etree.tostring(root).replace(b">admin.evil<", b">admin<!-- -->.evil<")
    assert code(gateway, provider, admin, text) == "AccessDenied"
    role = provider.role(StringEquals={"saml:sub": "admin.evil"})
    text = etree.tostring(provider.signed(role, subject="admin.evil"))
    assert code(gateway, provider, role, text.replace(b">admin.evil<", b">admin<!-- -->.evil<")) == ""
