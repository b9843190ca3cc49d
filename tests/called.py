"""Records of calls, for tests of what is made of them."""

from datetime import UTC, datetime
from typing import Any

from kansatsu.advisor import Asking, CallRecord

ACCOUNT, OTHER = "123456789012", "210987654321"
NOW = datetime(2026, 11, 5, 12, 0, tzinfo=UTC).timestamp()
ROLE = f"arn:aws:iam::{ACCOUNT}:role/svc/job"


def record(**fields: Any) -> CallRecord:
    base: dict[str, Any] = {
        "call": "11111111-2222-3333-4444-555555555555", "time": NOW, "account": ACCOUNT, "kind": "user",
        "principal_id": "AIDAA", "name": "ana", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana",
        "entity": f"arn:aws:iam::{ACCOUNT}:user/ana", "access_key_id": "AKIAA", "service": "iam",
        "operation": "GetUser", "region": "us-east-1", "source_ip": "127.0.0.1", "user_agent": "aws-cli/2",
        "allowed": True, "context": {}, "params": {"UserName": "ben"},
        "asked": (Asking("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/ben", True, ACCOUNT),),
    }  # fmt: skip
    return CallRecord(**{**base, **fields})
