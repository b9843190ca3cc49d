"""The keys of KMS that a request supplies.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
"""

from gateway.conftest import ACCOUNT

from .world import ANY, ARN, BOOL, LATER, NUMBER, STAMP, UNTIL, Case

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
ONE, BLOB = {"KeyId": KEY}, b"0"
PLAIN = {**ONE, "Plaintext": b"x"}
SCOPED = {**PLAIN, "EncryptionContext": {"App": "shop"}}
GRANT = {
    **ONE, "GranteePrincipal": "arn:aws:iam::1:role/r", "RetiringPrincipal": "arn:aws:iam::1:role/s",
    "Operations": ["Decrypt"], "Constraints": {"EncryptionContextEquals": {"App": "shop"}},
}  # fmt: skip
IMPORT = {
    **ONE, "ImportToken": BLOB, "EncryptedKeyMaterial": BLOB, "ValidTo": UNTIL,
    "ExpirationModel": "KEY_MATERIAL_EXPIRES",
}  # fmt: skip
WRAP = {**ONE, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
SIGN = {**ONE, "Message": b"m", "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
AGAIN = {"CiphertextBlob": BLOB, "SourceKeyId": KEY, "DestinationKeyId": KEY}
SHARED = {**ONE, "KeyAgreementAlgorithm": "ECDH", "PublicKey": BLOB}
SERVICE_GRANT = {
    **ONE, "GranteeServicePrincipal": "a.amazonaws.com", "RetiringServicePrincipal": "b.amazonaws.com",
    "Operations": ["Decrypt"], "Constraints": {"SourceArn": "arn:aws:sqs:us-east-1:1:q"},
}  # fmt: skip
KMS = [
    Case("kms:CallerAccount", "kms.describe_key", ONE, ACCOUNT, "210987654321"),
    Case("kms:EncryptionAlgorithm", "kms.encrypt", PLAIN, "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1"),
    Case(
        "kms:EncryptionAlgorithm", "kms.generate_data_key", {**ONE, "KeySpec": "AES_256"}, "SYMMETRIC_DEFAULT",
        "SM2PKE",
    ),
    Case("kms:EncryptionContext:app", "kms.encrypt", SCOPED, "shop", "bank"),
    Case("kms:EncryptionContext:App", "kms.create_grant", GRANT, "shop", "bank"),
    Case("kms:EncryptionContextKeys", "kms.encrypt", SCOPED, "App", "Other", ANY),
    Case("kms:RequestAlias", "kms.encrypt", {**PLAIN, "KeyId": "alias/a"}, "alias/a", "alias/b"),
    Case("kms:RequestAlias", "kms.describe_key", {"KeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/a"}, "alias/a", "a"),
    Case(
        "kms:ViaService", "ssm.put_parameter",
        {"Name": "by-key", "Value": "v", "Type": "SecureString", "KeyId": KEY, "Overwrite": True},
        "ssm.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com", action="kms:Encrypt",
    ),
    Case("kms:KeySpec", "kms.create_key", {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, "RSA_2048", "RSA_4096"),
    Case("kms:KeySpec", "kms.create_key", {}, "SYMMETRIC_DEFAULT", "RSA_4096"),
    Case("kms:CustomerMasterKeySpec", "kms.create_key", {"CustomerMasterKeySpec": "RSA_2048"}, "RSA_2048", "RSA_4096"),
    Case("kms:KeyUsage", "kms.create_key", {}, "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
    Case("kms:CustomerMasterKeyUsage", "kms.create_key", {}, "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
    Case("kms:KeyOrigin", "kms.create_key", {"Origin": "EXTERNAL"}, "EXTERNAL", "AWS_KMS"),
    Case("kms:MultiRegion", "kms.create_key", {}, "false", "true", BOOL),
    Case("kms:MultiRegionKeyType", "kms.create_key", {"MultiRegion": True}, "PRIMARY", "REPLICA"),
    Case(
        "kms:BypassPolicyLockoutSafetyCheck", "kms.create_key", {"BypassPolicyLockoutSafetyCheck": True},
        "true", "false", BOOL,
    ),
    Case("aws:RequestTag/Team", "kms.create_key", {"Tags": [{"TagKey": "Team", "TagValue": "Blue"}]}, "Blue", "Red"),
    Case("aws:TagKeys", "kms.untag_resource", {**ONE, "TagKeys": ["Team"]}, "Team", "Cost", ANY),
    Case(
        "kms:DataKeyPairSpec", "kms.generate_data_key_pair", {**ONE, "KeyPairSpec": "RSA_2048"}, "RSA_2048",
        "RSA_4096",
    ),
    Case("kms:GrantOperations", "kms.create_grant", GRANT, "Decrypt", "Encrypt", ANY),
    Case("kms:GranteePrincipal", "kms.create_grant", GRANT, GRANT["GranteePrincipal"], "arn:aws:iam::2:root"),
    Case("kms:RetiringPrincipal", "kms.create_grant", GRANT, GRANT["RetiringPrincipal"], "arn:aws:iam::2:root"),
    Case(
        "kms:GrantConstraintType", "kms.create_grant", GRANT, "EncryptionContextEquals", "EncryptionContextSubset",
    ),
    Case("kms:GranteeServicePrincipal", "kms.create_grant", SERVICE_GRANT, "a.amazonaws.com", "c.amazonaws.com"),
    Case("kms:RetiringServicePrincipal", "kms.create_grant", SERVICE_GRANT, "b.amazonaws.com", "c.amazonaws.com"),
    Case(
        "kms:GrantConstraintSourceArn", "kms.create_grant", SERVICE_GRANT,
        "arn:aws:sqs:us-east-1:1:q", "arn:aws:sqs:us-east-1:1:r", ARN,
    ),
    Case(
        "kms:ExpirationModel", "kms.import_key_material", IMPORT, "KEY_MATERIAL_EXPIRES",
        "KEY_MATERIAL_DOES_NOT_EXPIRE",
    ),
    Case("kms:ValidTo", "kms.import_key_material", IMPORT, STAMP, LATER, "DateEquals"),
    Case("kms:WrappingAlgorithm", "kms.get_parameters_for_import", WRAP, "RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"),
    Case("kms:WrappingKeySpec", "kms.get_parameters_for_import", WRAP, "RSA_2048", "RSA_4096"),
    Case("kms:SigningAlgorithm", "kms.sign", SIGN, "ECDSA_SHA_256", "ECDSA_SHA_512"),
    Case("kms:MessageType", "kms.sign", SIGN, "DIGEST", "RAW"),
    Case(
        "kms:MacAlgorithm", "kms.generate_mac", {**ONE, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"},
        "HMAC_SHA_256", "HMAC_SHA_384",
    ),
    Case("kms:KeyAgreementAlgorithm", "kms.derive_shared_secret", SHARED, "ECDH", "DH"),
    Case(
        "kms:EncapsulationAlgorithm", "kms.encapsulate", {**ONE, "EncapsulationAlgorithm": "ML_KEM_768"},
        "ML_KEM_768", "ML_KEM_512",
    ),
    Case(
        "kms:PrimaryRegion", "kms.update_primary_region", {**ONE, "PrimaryRegion": "eu-west-1"}, "eu-west-1",
        "eu-west-2",
    ),
    Case("kms:ReplicaRegion", "kms.replicate_key", {**ONE, "ReplicaRegion": "eu-west-1"}, "eu-west-1", "eu-west-2"),
    Case(
        "kms:RotationPeriodInDays", "kms.enable_key_rotation", {**ONE, "RotationPeriodInDays": 90}, "90", "91",
        NUMBER,
    ),
    Case(
        "kms:ScheduleKeyDeletionPendingWindowInDays", "kms.schedule_key_deletion", {**ONE, "PendingWindowInDays": 7},
        "7", "8", NUMBER,
    ),
    Case("kms:ReEncryptOnSameKey", "kms.re_encrypt", AGAIN, "true", "false", BOOL),
]  # fmt: skip
