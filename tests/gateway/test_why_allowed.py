"""Why a request was allowed: by the policies of now, with what guards the resource, as the gateway would decide it."""

from typing import Any

from botocore import UNSIGNED

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import Keys, statement

OTHERWISE = "The policies of now decide otherwise than was decided then."


def why(gateway: Gateway, answer: dict[str, Any], keys: Keys | None = None) -> dict[str, Any]:
    request = answer["ResponseMetadata"]["RequestId"]
    return dict(gateway.client("kansatsu", keys).explain_request(RequestId=request))


def said(explained: dict[str, Any]) -> tuple[bool, str, bool]:
    (item,) = explained["Evaluations"]
    return item["Allowed"], item["PolicyType"], OTHERWISE in explained["Notes"]


def guarded(gateway: Gateway, principal: Any) -> str:
    """A bucket whose policy lets them put objects."""
    bucket = gateway.bucket()
    allow = statement("Allow", "s3:PutObject", f"arn:aws:s3:::{bucket}/*") | {"Principal": principal}
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=raw.document(allow))
    return bucket


def test_what_the_policy_of_the_resource_alone_allows(gateway: Gateway) -> None:
    keys = gateway.user()
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    bucket = guarded(gateway, {"AWS": arn})
    made = gateway.client("s3", keys).put_object(Bucket=bucket, Key="k", Body=b"x")
    assert said(why(gateway, made)) == (True, "resource-based policy", False)
    deny = statement("Deny", "s3:PutObject", f"arn:aws:s3:::{bucket}/*") | {"Principal": "*"}
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=raw.document(deny))
    assert said(why(gateway, made)) == (False, "resource-based policy", True)
    gateway.client("s3").delete_bucket_policy(Bucket=bucket)
    assert said(why(gateway, made)) == (False, "identity-based policy", True)


def test_what_a_trust_policy_alone_allows(gateway: Gateway) -> None:
    keys = gateway.user()
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    role = gateway.role(trust={"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"})
    made = gateway.client("sts", keys).assume_role(RoleArn=role["Arn"], RoleSessionName="own")
    assert said(why(gateway, made))[::2] == (True, False)
    gateway.iam.delete_role(RoleName=role["RoleName"])
    assert said(why(gateway, made))[::2] == (False, True)


def test_a_session_named_by_the_policy_of_the_resource(gateway: Gateway) -> None:
    role = gateway.role()
    session = f"{role['Arn'].replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/web"
    bucket = guarded(gateway, {"AWS": session})
    given = gateway.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="web")["Credentials"]
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    made = gateway.client("s3", keys).put_object(Bucket=bucket, Key="k", Body=b"x")
    assert said(why(gateway, made)) == (True, "resource-based policy", False)


def test_who_did_not_sign(gateway: Gateway) -> None:
    bucket = guarded(gateway, "*")
    made = gateway.client("s3", signature_version=UNSIGNED).put_object(Bucket=bucket, Key="k", Body=b"x")
    assert said(why(gateway, made)) == (True, "resource-based policy", False)


def test_another_accounts_policy_is_not_told(gateway: Gateway) -> None:
    """INVARIANT: what another account's bucket policy says now is not told by explaining a request of then."""
    account = gateway.client("sts", gateway.stranger).get_caller_identity()["Account"]
    bucket = guarded(gateway, {"AWS": account})
    made = gateway.client("s3", gateway.stranger).put_object(Bucket=bucket, Key="k", Body=b"x")
    before = why(gateway, made, gateway.stranger)
    assert OTHERWISE not in before["Notes"]
    assert before["Notes"][1].startswith(f"arn:aws:s3:::{bucket}/k belongs to account {ACCOUNT}: ")
    assert before["Notes"][1].endswith("both have to allow s3:PutObject. The Allow on the caller's side is there.")
    gateway.client("s3").delete_bucket_policy(Bucket=bucket)
    after = why(gateway, made, gateway.stranger)
    assert (after["Evaluations"], after["Notes"]) == (before["Evaluations"], before["Notes"])


def test_what_is_gone_is_explained_all_the_same(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    s3 = gateway.client("s3")
    made = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    assert said(why(gateway, made)) == (True, "identity-based policy", False)
