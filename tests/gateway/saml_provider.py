"""An identity provider of SAML with a key of its own, the documents that it signs, and the call that shows one."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml import SignatureConstructionMethod, XMLSigner
from signxml.algorithms import CanonicalizationMethod

from .conftest import Gateway
from .raw import Keys
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
