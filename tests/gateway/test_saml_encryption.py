"""Encrypted assertions: what was encrypted for a provider's keys is read, and a ciphertext alone vouches for nobody.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html#id_federation_manage-saml-encryption
"""

import base64
import copy
import os
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from .conftest import Gateway
from .saml_provider import ASSERTION, DS, OTHER, SAML, SIGNATURE, Provider, assume, code, sign

XENC, XENC11 = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmlenc11#"
ENCRYPTED, INVALID = f"{{{SAML}}}EncryptedAssertion", "InvalidIdentityToken"
FIRST, SECOND, STRANGER = (rsa.generate_private_key(65537, 2048) for _ in range(3))
SHA1, SHA256 = hashes.SHA1(), hashes.SHA256()
OAEP_SHA1 = (f"{XENC}rsa-oaep-mgf1p", f'<ds:DigestMethod Algorithm="{DS}sha1"/>', OAEP(MGF1(SHA1), SHA1, None))
TRANSPORTS = {
    "oaep-sha1": OAEP_SHA1,
    "oaep-default": (OAEP_SHA1[0], "", OAEP_SHA1[2]),
    "oaep-sha256": (
        f"{XENC11}rsa-oaep",
        f'<ds:DigestMethod Algorithm="{XENC}sha256"/><MGF xmlns="{XENC11}" Algorithm="{XENC11}mgf1sha256"/>',
        OAEP(MGF1(SHA256), SHA256, None),
    ),
}


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def sealed(text: bytes, cipher: str, key: bytes) -> bytes:
    start = os.urandom(12 if "gcm" in cipher else 16)
    if "gcm" in cipher:
        return start + AESGCM(key).encrypt(start, text, None)
    more = 16 - len(text) % 16
    closer = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    return start + closer.update(text + os.urandom(more - 1) + bytes([more])) + closer.finalize()


def element(text: bytes, cipher: str, transport: Any = OAEP_SHA1, key: Any = FIRST, bits: int = 0) -> Any:
    """An EncryptedAssertion of a text."""
    name, parts, padding = transport
    session = os.urandom((bits or int(cipher.split("#")[1][3:6])) // 8)
    value = [base64.b64encode(one).decode() for one in
             (key.public_key().encrypt(session, padding), sealed(text, cipher, session))]  # fmt: skip
    return etree.fromstring(
        f'<e:EncryptedAssertion xmlns:e="{SAML}" xmlns:ds="{DS}"><EncryptedData xmlns="{XENC}" Type="{XENC}Element">'
        f'<EncryptionMethod Algorithm="{cipher}"/><ds:KeyInfo><EncryptedKey><EncryptionMethod Algorithm="{name}">'
        f"{parts}</EncryptionMethod><CipherData><CipherValue>{value[0]}</CipherValue></CipherData></EncryptedKey></ds:KeyInfo>"
        f"<CipherData><CipherValue>{value[1]}</CipherValue></CipherData></EncryptedData></e:EncryptedAssertion>"
    )


GCM, CBC = f"{XENC11}aes256-gcm", f"{XENC}aes256-cbc"


def encrypted(root: Any, cipher: str = GCM, **how: Any) -> Any:
    item = root.find(ASSERTION)
    root.replace(item, element(etree.tostring(item, with_tail=False), cipher, **how))
    return root


@pytest.fixture(scope="module")
def provider(gateway: Gateway) -> Provider:
    made = Provider(gateway)
    gateway.iam.update_saml_provider(SAMLProviderArn=made.arn, AddPrivateKey=pem(FIRST))
    return made


@pytest.fixture(scope="module")
def role(provider: Provider) -> str:
    return provider.role(StringEquals={"saml:sub": "ana"})


@pytest.mark.parametrize("whole", [False, True], ids=["assertion", "response"])
@pytest.mark.parametrize("cipher", [f"{XENC}aes128-cbc", CBC, f"{XENC11}aes128-gcm", GCM])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_is_encrypted_is_read(
    gateway: Gateway, provider: Provider, role: str, transport: str, cipher: str, whole: bool
) -> None:
    """Signed and then encrypted, or encrypted within what is signed then."""
    root = provider.response(role) if whole else provider.signed(role)
    root = encrypted(root, cipher, transport=TRANSPORTS[transport])
    root = sign(root, True) if whole else root
    assert assume(gateway, provider, role, root)["Subject"] == "ana"
    assert code(gateway, provider, role, root) == INVALID, "it was used"


def test_the_place_of_an_encrypted_assertion_declares_its_names(
    gateway: Gateway, provider: Provider, role: str
) -> None:
    """Encrypted in its document, a text may use prefixes that only its surroundings declare."""
    root = provider.signed(role)
    text = etree.tostring(root.find(ASSERTION), with_tail=False)
    bare = text.replace(b' xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"', b"")
    bare = bare.replace(f' xmlns="{SAML}"'.encode(), b"", 1)
    assert bare != text
    root.remove(root.find(ASSERTION))
    place = etree.SubElement(root, ENCRYPTED, nsmap={None: SAML})
    place.append(element(bare, GCM)[0])
    assert code(gateway, provider, role, root) == ""


def test_keys_are_rotated(gateway: Gateway) -> None:
    provider = Provider(gateway)
    role, change = provider.role(), {"SAMLProviderArn": provider.arn}

    def opened(key: rsa.RSAPrivateKey) -> str:
        return code(gateway, provider, role, encrypted(provider.signed(role), key=key))

    assert opened(FIRST) == INVALID, "no key yet"
    for key in (FIRST, SECOND):
        gateway.iam.update_saml_provider(**change, AddPrivateKey=pem(key))
    assert [opened(key) for key in (FIRST, SECOND, STRANGER)] == ["", "", INVALID]
    assert code(gateway, provider, role, provider.signed(role)) == "", "nothing must be encrypted"
    gateway.iam.update_saml_provider(**change, AssertionEncryptionMode="Required")
    assert code(gateway, provider, role, provider.signed(role)) == INVALID
    assert code(gateway, provider, role, sign(provider.response(role), True)) == INVALID
    old = gateway.iam.get_saml_provider(**change)["PrivateKeyList"][0]["KeyId"]
    gateway.iam.update_saml_provider(**change, RemovePrivateKey=old)
    assert [opened(key) for key in (FIRST, SECOND)] == [INVALID, ""]


def _text(root: Any) -> bytes:
    return etree.tostring(root.find(ASSERTION), with_tail=False)


def by_nobody(root: Any, _role: str) -> Any:
    """Everybody may have the public key."""
    item = root.find(ASSERTION)
    item.remove(item.find(SIGNATURE))
    return encrypted(root)


def by_another_signer(root: Any, _role: str) -> Any:
    item = root.find(ASSERTION)
    item.remove(item.find(SIGNATURE))
    return encrypted(sign(root, key=OTHER))


def changed_inside(root: Any, _role: str) -> Any:
    root.find(f".//{{{SAML}}}NameID").text = "admin"
    return encrypted(root)


def by_rsa_1_5(root: Any, _role: str) -> Any:
    return encrypted(root, transport=(f"{XENC}rsa-1_5", "", PKCS1v15()))


def by_rsa_1_5_that_calls_itself_oaep(root: Any, _role: str) -> Any:
    return encrypted(root, transport=(f"{XENC}rsa-oaep-mgf1p", "", PKCS1v15()))


def with_a_key_too_short(root: Any, _role: str) -> Any:
    return encrypted(root, bits=128)


def with_a_cipher_that_is_not_offered(root: Any, _role: str) -> Any:
    return encrypted(root, f"{XENC}aes192-cbc")


def with_a_bit_turned(root: Any, _role: str, cipher: str = GCM) -> Any:
    root = encrypted(root, cipher)
    value = root.findall(f".//{{{XENC}}}CipherValue")[1]
    data = bytearray(base64.b64decode(value.text))
    data[-20] ^= 1
    value.text = base64.b64encode(data).decode()
    return root


def with_a_bit_turned_in_cbc(root: Any, role: str) -> Any:
    return with_a_bit_turned(root, role, CBC)


def with_the_key_of_another(root: Any, _role: str) -> Any:
    other = encrypted(copy.deepcopy(root))
    root = encrypted(root)
    places = [one.findall(f".//{{{XENC}}}CipherValue")[0] for one in (root, other)]
    places[0].text = places[1].text
    return root


def beside_a_plain_one(root: Any, _role: str) -> Any:
    made = copy.deepcopy(root.find(ASSERTION))
    made.remove(made.find(SIGNATURE))
    made.set("ID", "_evil")
    root = encrypted(root)
    root.insert(0, made)
    return root


def two_of_them(root: Any, _role: str) -> Any:
    root = encrypted(root)
    root.append(copy.deepcopy(root.find(ENCRYPTED)))
    return root


def one_within_another(root: Any, _role: str) -> Any:
    """The signed one, wrapped by one that says something else, and all of it encrypted."""
    old = root.find(ASSERTION)
    made = copy.deepcopy(old)
    made.remove(made.find(SIGNATURE))
    made.set("ID", "_evil")
    made.append(old)
    root.append(element(etree.tostring(made), GCM))
    return root


def two_in_one_text(root: Any, _role: str) -> Any:
    text = _text(root)
    root.replace(root.find(ASSERTION), element(text + text, GCM))
    return root


def out_of_its_element(root: Any, _role: str) -> Any:
    text = _text(root)
    root.replace(root.find(ASSERTION), element(text + b"</within><within>", GCM))
    return root


def with_a_document_type(root: Any, _role: str) -> Any:
    text = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _text(root)
    root.replace(root.find(ASSERTION), element(text, GCM))
    return root


def another_ciphertext_in_a_signed_response(root: Any, role: str) -> Any:
    item = root.find(ASSERTION)
    item.remove(item.find(SIGNATURE))
    made = element(_text(root), GCM)
    root = sign(encrypted(root), True)
    root.replace(root.find(ENCRYPTED), made)
    return root


def no_element(root: Any, _role: str) -> Any:
    root.replace(root.find(ASSERTION), element(b"ana", GCM))
    return root


def a_comment(root: Any, _role: str) -> Any:
    """What another answer to it would tell, bit by bit, of ciphertext of CBC that somebody put between the marks."""
    root.replace(root.find(ASSERTION), element(b"<!-- ana -->", GCM))
    return root


def no_base64(root: Any, _role: str) -> Any:
    root = encrypted(root)
    root.findall(f".//{{{XENC}}}CipherValue")[1].text = "\u00e9"
    return root


def nothing_in_it(root: Any, _role: str) -> Any:
    root = encrypted(root)
    root.find(ENCRYPTED).clear()
    return root


ATTACKS: list[Callable[[Any, str], Any]] = [
    by_nobody, by_another_signer, changed_inside, by_rsa_1_5, by_rsa_1_5_that_calls_itself_oaep, with_a_key_too_short,
    with_a_cipher_that_is_not_offered, with_a_bit_turned, with_a_bit_turned_in_cbc, with_the_key_of_another,
    beside_a_plain_one, two_of_them, one_within_another, two_in_one_text, out_of_its_element, with_a_document_type,
    another_ciphertext_in_a_signed_response, no_element, a_comment, no_base64,
    nothing_in_it,
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
def test_no_ciphertext_lets_anybody_in(
    gateway: Gateway, provider: Provider, role: str, attack: Callable[[Any, str], Any]
) -> None:
    assert code(gateway, provider, role, attack(provider.signed(role), role)) == INVALID
    assert code(gateway, provider, role, encrypted(provider.signed(role))) == ""


def test_every_failure_has_one_answer(gateway: Gateway, provider: Provider, role: str) -> None:
    """A wrong padding, a wrong key and a wrong signature are told apart by nobody who asks."""
    attacks = (by_nobody, changed_inside, with_a_bit_turned_in_cbc, with_a_bit_turned, with_the_key_of_another,
               no_element, a_comment, by_rsa_1_5)  # fmt: skip
    said = set()
    for attack in attacks:
        with pytest.raises(Exception, match=INVALID) as raised:
            assume(gateway, provider, role, attack(provider.signed(role), role))
        said.add(str(raised.value))
    assert len(said) == 1
