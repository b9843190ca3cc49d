"""AssumeRoleWithSAML with real signatures: whom a provider names becomes the role, and no forged document lets one in.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
"""

import base64
import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml import DigestAlgorithm, SignatureConstructionMethod, SignatureMethod, XMLSigner
from signxml.algorithms import CanonicalizationMethod

from kansatsu.services.sts.saml import _LISTS, _SINGLES

from .conftest import ACCOUNT, SECOND, Gateway
from .raw import Keys, statement
from .test_tags import code_of
from .test_web_identity import unsigning

SAML, PROTOCOL = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
DS = "http://www.w3.org/2000/09/xmldsig#"
OWN = "https://aws.amazon.com/SAML/Attributes/"
RECIPIENT = "https://signin.aws.amazon.com/saml"
ASSERTION, SIGNATURE = f"{{{SAML}}}Assertion", f"{{{DS}}}Signature"


def _pair() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example")])
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    past = datetime(2020, 1, 1, tzinfo=UTC)
    # Long expired, as certificates in metadata are: the metadata vouch for the key.
    return key, built.not_valid_before(past).not_valid_after(past + timedelta(days=1)).sign(key, SHA256())


KEY, CERTIFICATE = _pair()
OTHER, OTHERS = _pair()


def metadata(entity: str, *certificates: x509.Certificate, more: str = "") -> str:
    keys = "".join(
        f'<KeyDescriptor use="signing"><KeyInfo xmlns="{DS}"><X509Data><X509Certificate>'
        f"{base64.b64encode(one.public_bytes(Encoding.DER)).decode()}</X509Certificate></X509Data></KeyInfo>"
        "</KeyDescriptor>"
        for one in certificates
    )
    return (
        f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}"{more}>'
        f'<IDPSSODescriptor protocolSupportEnumeration="{PROTOCOL}">{keys}<SingleSignOnService '
        f'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{entity}/sso"/></IDPSSODescriptor>'
        f"</EntityDescriptor>{' ' * 400}"
    )


class Provider:
    """An identity provider and what the account knows of it."""

    def __init__(self, gateway: Gateway, **described: Any) -> None:
        self.gateway, self.name = gateway, gateway.name("saml")
        self.entity = f"https://{self.name}.example"
        text = metadata(self.entity, CERTIFICATE, **described)
        self.arn = gateway.iam.create_saml_provider(Name=self.name, SAMLMetadataDocument=text)["SAMLProviderArn"]

    def role(self, *statements: dict[str, Any], actions: Any = "sts:AssumeRoleWithSAML", **condition: Any) -> str:
        trust = {"Effect": "Allow", "Principal": {"Federated": self.arn}, "Action": actions}
        return str(self.gateway.role(*statements, trust=trust | ({"Condition": condition} if condition else {}))["Arn"])

    def response(self, role: str, **said: Any) -> Any:
        """An unsigned response as an element; `said` replaces parts of it, attributes by their names among them."""
        now = datetime.now(UTC)
        at = {
            "issued": 0, "end": 300, "begins": -10, "session": None, "confirmed": 300, "recipient": RECIPIENT,
            "audience": "urn:amazon:webservices", "issuer": self.entity, "subject": "ana", "format": "persistent",
            "attributes": {}, "id": self.gateway.name("_a"),
        } | said  # fmt: skip
        when = {
            key: (now + timedelta(seconds=at[key])).strftime("%Y-%m-%dT%H:%M:%SZ")
            for key in ("issued", "end", "begins", "session", "confirmed")
            if at[key] is not None
        }
        named = {f"{OWN}Role": [f"{role},{self.arn}"], f"{OWN}RoleSessionName": ["ana@example"], **at["attributes"]}
        attributes = "".join(
            f'<Attribute Name="{name}">'
            + "".join(f"<AttributeValue>{value}</AttributeValue>" for value in values)
            + "</Attribute>"
            for name, values in named.items()
            if values is not None
        )
        audience = f"<AudienceRestriction><Audience>{at['audience']}</Audience></AudienceRestriction>"
        session = f' SessionNotOnOrAfter="{when["session"]}"' if "session" in when else ""
        return etree.fromstring(
            f'<samlp:Response xmlns:samlp="{PROTOCOL}" ID="_r{at["id"]}" Version="2.0" IssueInstant="{when["issued"]}">'
            f'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
            f'<Assertion xmlns="{SAML}" ID="{at["id"]}" Version="2.0" IssueInstant="{when["issued"]}">'
            f"<Issuer>{at['issuer']}</Issuer><Subject>"
            f'<NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:{at["format"]}">{at["subject"]}</NameID>'
            f'<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData '
            f'NotOnOrAfter="{when["confirmed"]}" Recipient="{at["recipient"]}"/></SubjectConfirmation></Subject>'
            f'<Conditions NotBefore="{when["begins"]}" NotOnOrAfter="{when["end"]}">'
            f"{audience if at['audience'] else ''}</Conditions>"
            f'<AuthnStatement AuthnInstant="{when["issued"]}"{session}/>'
            f"<AttributeStatement>{attributes}</AttributeStatement></Assertion></samlp:Response>"
        )

    def signed(self, role: str, whole: bool = False, **said: Any) -> Any:
        """With the assertion signed, or the whole response."""
        return sign(self.response(role, **said), whole)


def sign(root: Any, whole: bool = False, key: Any = KEY, **how: Any) -> Any:
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        **how,
    )
    item = root if whole else root.find(ASSERTION)
    done = signer.sign(item, key=key, reference_uri=item.get("ID"), id_attribute="ID")
    if whole:
        return done
    root.replace(item, done)
    return root


def shown(root: Any) -> str:
    return base64.b64encode(etree.tostring(root) if not isinstance(root, bytes) else root).decode()


def assume(gateway: Gateway, provider: Provider, role: str, root: Any, **more: Any) -> Any:
    return unsigning(gateway).assume_role_with_saml(
        RoleArn=role, **{"PrincipalArn": provider.arn, "SAMLAssertion": shown(root), **more}
    )


def code(gateway: Gateway, provider: Provider, role: str, root: Any, **more: Any) -> str:
    try:
        assume(gateway, provider, role, root, **more)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def keys_of(got: Any) -> Keys:
    credentials = got["Credentials"]
    return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


@pytest.fixture(scope="module")
def provider(gateway: Gateway) -> Provider:
    return Provider(gateway)


@pytest.mark.parametrize("whole", [False, True], ids=["the assertion is signed", "the response is signed"])
def test_whom_the_provider_names_becomes_the_role(gateway: Gateway, provider: Provider, whole: bool) -> None:
    role = provider.role(statement("Allow", "sqs:ListQueues"), StringEquals={"saml:sub": "ana", "saml:aud": RECIPIENT})
    got = assume(gateway, provider, role, provider.signed(role, whole))
    hashed = hashlib.sha1(f"{provider.entity}{ACCOUNT}/{provider.name}".encode()).digest()
    assert {key: got[key] for key in ("Subject", "SubjectType", "Issuer", "Audience", "NameQualifier")} == {
        "Subject": "ana",
        "SubjectType": "persistent",
        "Issuer": provider.entity,
        "Audience": RECIPIENT,
        "NameQualifier": base64.b64encode(hashed).decode(),
    }
    session = keys_of(got)
    assert gateway.client("sts", session).get_caller_identity()["Arn"].endswith("/ana@example")
    assert code_of(gateway.client("sqs", session).list_queues) == ""
    assert code_of(gateway.client("sqs", session).create_queue, QueueName="q") == "AccessDenied"


# ---- attacks: each takes a signed response and makes another one of it -----------------------------------------------


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


INVALID, EXPIRED = "InvalidIdentityToken", "ExpiredTokenException"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"issuer": "https://evil.example"}, INVALID),
        ({"audience": "urn:other"}, INVALID),
        ({"audience": ""}, INVALID),
        ({"audience": RECIPIENT}, ""),
        ({"recipient": "https://evil.example/saml"}, INVALID),
        ({"recipient": "https://signin.aws.amazon.com.evil.example/saml"}, INVALID),
        ({"recipient": f"{RECIPIENT}/acs/OTHERPROVIDERSID"}, INVALID),
        ({"recipient": "https://eu-central-1.signin.aws.amazon.com/saml"}, ""),
        ({"subject": ""}, INVALID),
        ({"issued": -301}, EXPIRED),
        ({"issued": 600}, INVALID),
        ({"end": -1}, EXPIRED),
        ({"begins": 600}, INVALID),
        ({"confirmed": -1}, EXPIRED),
        ({"session": -1}, EXPIRED),
        ({"attributes": {f"{OWN}RoleSessionName": None}}, INVALID),
        ({"attributes": {f"{OWN}RoleSessionName": ["a", "b"]}}, INVALID),
        ({"attributes": {f"{OWN}RoleSessionName": ["a b"]}}, INVALID),
        ({"attributes": {f"{OWN}SessionDuration": ["60"]}}, INVALID),
        ({"attributes": {f"{OWN}SessionDuration": ["\u0663\u0663\u0663\u0663"]}}, INVALID),
        ({"attributes": {f"{OWN}SourceIdentity": ["aws:x"]}}, INVALID),
        ({"attributes": {f"{OWN}SourceIdentity": ["ana"]}}, "AccessDenied"),
        ({"attributes": {f"{OWN}PrincipalTag:Team": ["Blue"]}}, "AccessDenied"),
        ({"attributes": {f"{OWN}PrincipalTag:Team": ["x" * 300]}}, "ValidationError"),
        ({"attributes": {f"{OWN}Role": ["arn:aws:iam::123456789012:role/other,arn:aws:iam::x"]}}, "AccessDenied"),
        ({"attributes": {f"{OWN}Role": None}}, "AccessDenied"),
    ],
    ids=str,
)
def test_what_an_assertion_must_say(
    gateway: Gateway, provider: Provider, open_role: str, said: dict[str, Any], expected: str
) -> None:
    assert code(gateway, provider, open_role, provider.signed(open_role, **said)) == expected


def test_an_authentication_that_failed_is_rejected(gateway: Gateway, provider: Provider) -> None:
    role = provider.role()
    root = provider.response(role)
    root.find(f".//{{{PROTOCOL}}}StatusCode").set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
    assert code(gateway, provider, role, sign(root)) == "IDPRejectedClaim"


def test_an_assertion_makes_one_session_of_each_of_its_roles(gateway: Gateway, provider: Provider) -> None:
    one, two = provider.role(), provider.role()
    both = {f"{OWN}Role": [f"{one},{provider.arn}", f" {provider.arn} , {two} "]}
    root = provider.signed(one, attributes=both)
    assert [code(gateway, provider, role, root) for role in (one, one, two, two)] == ["", INVALID, "", INVALID]


def test_no_other_provider_speaks_for_a_role(gateway: Gateway, provider: Provider) -> None:
    other = Provider(gateway)
    role = provider.role()
    named = {f"{OWN}Role": [f"{role},{other.arn}"]}
    assert code(gateway, other, role, other.signed(role, attributes=named)) == "AccessDenied"
    assert code(gateway, other, role, provider.signed(role)) == INVALID, "signed for another issuer"
    abroad = provider.arn.replace(ACCOUNT, SECOND)
    assert code(gateway, provider, role, provider.signed(role), PrincipalArn=abroad) == INVALID
    gone = provider.role() + "x"
    assert code(gateway, provider, gone, provider.signed(gone)) == "AccessDenied"
    rotated = {"SAMLProviderArn": other.arn, "SAMLMetadataDocument": metadata(other.entity, OTHERS)}
    gateway.iam.update_saml_provider(**rotated)
    mine = other.role()
    assert code(gateway, other, mine, other.signed(mine)) == INVALID, "by a key that it has no longer"
    assert code(gateway, other, mine, sign(other.response(mine), key=OTHER)) == ""
    rotated["SAMLMetadataDocument"] = metadata(other.entity, OTHERS, more=' validUntil="2020-01-01T00:00:00Z"')
    gateway.iam.update_saml_provider(**rotated)
    assert code(gateway, other, mine, sign(other.response(mine), key=OTHER)) == INVALID, "metadata have an end"
    gateway.iam.delete_saml_provider(SAMLProviderArn=other.arn)
    assert code(gateway, other, mine, other.signed(mine)) == INVALID


def test_tags_source_identity_and_duration_of_the_assertion(gateway: Gateway, provider: Provider) -> None:
    asked = {"aws:PrincipalTag/Team": "Blue", "aws:SourceIdentity": "ana", "saml:sub": "ana",
             "aws:FederatedProvider": provider.arn}  # fmt: skip
    role = provider.role(
        statement("Allow", "sqs:ListQueues") | {"Condition": {"StringEquals": asked}},
        actions=["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
        StringEquals={"aws:RequestTag/Team": "Blue"},
    )
    said = {f"{OWN}PrincipalTag:Team": ["Blue"], f"{OWN}SourceIdentity": ["ana"], f"{OWN}SessionDuration": ["900"]}
    before = datetime.now(UTC)
    got = assume(gateway, provider, role, provider.signed(role, attributes=said), DurationSeconds=3600)
    assert got["SourceIdentity"] == "ana"
    assert got["Credentials"]["Expiration"] <= before + timedelta(seconds=960)
    assert code_of(gateway.client("sqs", keys_of(got)).list_queues) == ""
    plain = provider.role(statement("Allow", "sqs:*"))
    got = assume(gateway, provider, plain, provider.signed(plain, session=1000))
    assert got["Credentials"]["Expiration"] <= before + timedelta(seconds=1060)
    assert code(gateway, provider, plain, provider.signed(plain), DurationSeconds=7200) == "ValidationError"
    assert code(gateway, provider, plain, provider.signed(plain), Policy="{") == "MalformedPolicyDocument"


@dataclass(frozen=True)
class Case:
    """A condition key by its name in AWS's reference, in lower case, and the attribute that it comes from."""

    key: str
    attribute: str = ""


CASES = [Case(f"saml:{key}", name) for table in (_LISTS, _SINGLES) for name, key in table.items()]
_FIXED = ("aud", "doc", "iss", "namequalifier", "sub", "sub_type")
CASES += [Case(f"saml:{key}") for key in _FIXED]


def test_attributes_that_are_condition_keys(gateway: Gateway, provider: Provider) -> None:
    """Each alone decides."""
    names = {case.key: case.attribute for case in CASES if case.attribute}
    lists = {f"saml:{key}" for key in _LISTS.values()}
    right = {
        "StringEquals": {key: "right" for key in names if key not in lists},
        "ForAnyValue:StringEquals": dict.fromkeys(lists, "right"),
    }
    role = provider.role(**right)
    said = {name: ["right", "more"] for name in names.values()}
    assert code(gateway, provider, role, provider.signed(role, attributes=said)) == ""
    for name in names.values():
        wrong = provider.signed(role, attributes=said | {name: ["wrong", "others"]})
        assert code(gateway, provider, role, wrong) == "AccessDenied", name


def test_keys_of_the_assertion_itself(gateway: Gateway, provider: Provider) -> None:
    hashed = hashlib.sha1(f"{provider.entity}{ACCOUNT}/{provider.name}".encode()).digest()
    right = {
        "saml:aud": RECIPIENT, "saml:doc": f"{ACCOUNT}/{provider.name}", "saml:iss": provider.entity,
        "saml:namequalifier": base64.b64encode(hashed).decode(), "saml:sub": "ana", "saml:sub_type": "persistent",
    }  # fmt: skip
    assert set(right) == {f"saml:{key}" for key in _FIXED}
    role = provider.role(StringEquals=right)
    assert code(gateway, provider, role, provider.signed(role)) == ""
    for key in right:
        other = provider.role(StringEquals=right | {key: "wrong"})
        assert code(gateway, provider, other, provider.signed(other)) == "AccessDenied", key
