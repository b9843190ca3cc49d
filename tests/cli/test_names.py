"""What each command answers to a name that nothing has: AWS's sentence, and the name that may be meant."""

import json
from pathlib import Path
from typing import Any

from commands import kansatsu

TRUST = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}


def test_a_name_that_nothing_has_is_answered_with_the_one_it_may_be_meant_for(
    data_dir: Path, start_server: Any
) -> None:
    with start_server(data_dir, "--engine", "none") as server:
        iam, environ = server.client("iam"), server.environ()
        document = json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}
        )
        iam.create_user(UserName="near-to-nobody")
        iam.put_user_policy(UserName="near-to-nobody", PolicyName="own", PolicyDocument=document)
        shared = iam.create_policy(PolicyName="near-to-nothing", PolicyDocument=document)["Policy"]["Arn"]
        trust = json.dumps({"Version": "2012-10-17", "Statement": TRUST})
        iam.create_role(RoleName="near-to-no-role", AssumeRolePolicyDocument=trust)
        iam.create_instance_profile(InstanceProfileName="near-to-no-profile")
        for words, message in (
            (["policy", "suggest", "near-to-nobodi"], "named near-to-nobodi. Did you mean near-to-nobody?"),
            (["policy", "suggest", "group/near-to-nobody"], "cannot be found. Did you mean user/near-to-nobody?"),
            (
                ["policy", "replay", "near-to-nobody", "--delete", "owm"],
                "cannot be found: arn:aws:iam::123456789012:user/",
            ),
            (["policy", "diff", "near-to-nothign"], "named near-to-nothign. Did you mean near-to-nothing?"),
            (["policy", "replay", shared[:-1], "--suggested"], f"Did you mean {shared}?"),
            (["policy", "coverage", "near-to-no-rle"], "Did you mean near-to-no-role?"),
            (["policy", "coverage", "role/near-to-no-rle"], "Did you mean role/near-to-no-role?"),
            (["run", "--role", "near-to-no-rle", "true"], "Did you mean near-to-no-role?"),
            (["run", "--instance-profile", "near-to-no-prfile", "true"], "Did you mean near-to-no-profile?"),
            (["access", "near-to-nobody", "--policies", "sqss"], "namespace: sqss; did you mean sqs?"),
            (["access", "user/NEAR-to-nobodie"], "Did you mean user/near-to-nobody?"),
        ):
            done = kansatsu(environ, *words)
            assert (done.returncode, done.stdout, message in done.stderr) == (1, "", True), (words, done.stderr)
