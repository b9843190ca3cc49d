"""`kansatsu import`: files as shells write them, and one sentence for each that is none."""

import codecs
import json
from pathlib import Path

import pytest

from commands import kansatsu
from conftest import Server

NOT_IT = "is not what `aws iam get-account-authorization-details` prints"


def details(account: str, mark: str, name: str = "ana") -> str:
    user = {
        "Path": "/",
        "UserName": name,
        "UserId": f"AIDA{mark}EXAMPLE00001",
        "Arn": f"arn:aws:iam::{account}:user/{name}",
        "CreateDate": "2024-05-01T08:00:00+00:00",
        "Tags": [{"Key": "who", "Value": "Zo\u00eb"}],
    }
    return json.dumps({"UserDetailList": [user]}, ensure_ascii=False)


FORMS = {
    "powershell": ("611100000001", codecs.BOM_UTF16_LE, "utf-16-le"),
    "big-endian": ("611100000002", codecs.BOM_UTF16_BE, "utf-16-be"),
    "utf-8 with a mark": ("611100000003", codecs.BOM_UTF8, "utf-8"),
    "utf-8": ("611100000004", b"", "utf-8"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_as_a_shell_has_written_it(server: Server, tmp_path: Path, form: str) -> None:
    account, mark, encoding = FORMS[form]
    file = tmp_path / "gaad.json"
    file.write_bytes(mark + details(account, f"CLI{account[-1]}").replace(", ", ",\r\n").encode(encoding))
    environ = server.environ()
    done = kansatsu(environ, "import", str(file))
    assert done.returncode == 0 and f"Opened account {account}.\nImported into account {account}: 1 user" in done.stderr
    again = kansatsu(environ, "export", "--account", account)
    assert json.loads(again.stdout)["UserDetailList"][0]["Tags"][0]["Value"] == "Zo\u00eb"


def test_an_account_of_400_roles_comes_out_as_it_went_in(server: Server, tmp_path: Path) -> None:
    account, file = "611100000010", tmp_path / "gaad.json"
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}  # fmt: skip
    text = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    names = [f"r{number:03}" for number in range(400)]
    roles = [
        {
            "Path": "/p/",
            "RoleName": name,
            "RoleId": f"AROACLIMANYROLES{name.upper()}",
            "Arn": f"arn:aws:iam::{account}:role/p/{name}",
            "CreateDate": "2024-05-01T08:00:00+00:00",
            "AssumeRolePolicyDocument": trust,
            "InstanceProfileList": [],
            "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": text}],
            "AttachedManagedPolicies": [],
            "Tags": [{"Key": "name", "Value": name}],
            "RoleLastUsed": {},
        }
        for name in names
    ]
    whole = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": []}
    file.write_text(json.dumps(whole))
    environ = server.environ()
    done = kansatsu(environ, "import", str(file))
    assert done.returncode == 0 and "400 roles" in done.stderr, done.stderr
    assert json.loads(kansatsu(environ, "export", "--account", account).stdout) == whole


def test_an_administrator_makes_way_and_is_still_who_the_profile_is(server: Server, tmp_path: Path) -> None:
    account, file = "611100000009", tmp_path / "gaad.json"
    file.write_text(details(account, "CLI9", "admin"))
    environ = server.environ()
    done = kansatsu(environ, "import", str(file))
    assert done.returncode == 0 and "the administrator is the user kansatsu-admin" in done.stderr
    shown = kansatsu(environ, "export", "--account", account)
    assert [user["UserId"] for user in json.loads(shown.stdout)["UserDetailList"]] == ["AIDACLI9EXAMPLE00001"]


def test_a_profile_adds_to_its_own_account_when_it_says_so(server: Server, tmp_path: Path) -> None:
    """The advice of the refusal is what helps: --account, beside the profile."""
    account, other, file = "611100000011", "611100000012", tmp_path / "gaad.json"
    environ = server.environ() | {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    file.write_text(details(account, "CLIB"))
    assert kansatsu(environ, "import", str(file)).returncode == 0
    assert kansatsu(environ, "configure", "--account", account).returncode == 0
    profile = ("--profile", f"kansatsu-{account}")
    for number, owner in ((2, account), (3, other)):
        file.write_text(details(owner, f"CL{number}B", f"ana{number}"))
        refused = kansatsu(environ, "import", str(file), *profile)
        assert refused.returncode == 1 and "name it with --account to add to what it has." in refused.stderr
        wrong = kansatsu(environ, "import", str(file), *profile, "--account", other)
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert f"Profile kansatsu-{account} is of account {account}, and --account says {other}." in wrong.stderr
        added = kansatsu(environ, "import", str(file), *profile, "--account", account)
        assert f"Imported into account {account}: 1 user" in added.stderr, added.stderr
    exported = json.loads(kansatsu(environ, "export", "--account", account).stdout)
    assert [user["UserName"] for user in exported["UserDetailList"]] == ["ana", "ana2", "ana3"]


WHOLE = details("611100000005", "CLI5")
WRONG = {
    "cut off": (WHOLE[:-30].encode(), 1, "is not JSON, or not all of it (line 1, column "),
    "empty": (b"", 1, "is not JSON, or not all of it (line 1, column 1: "),
    "csv": (b"user,arn\nana,x\n", 1, "is not JSON, or not all of it (line 1, column 1: "),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00", 2, "is no text in UTF-8: the byte at 0 is not."),
    "half of a character": (codecs.BOM_UTF16_LE + b"{\0}", 2, "is no text in UTF-16: the byte at "),
    "another document": (b'{"Version": "2012-10-17", "Statement": []}', 1, "names 0 accounts as owners"),
    "a list": (b"[]", 1, NOT_IT),
    "deep": (b"[" * 200_000, 1, NOT_IT),
    "null": (b'{"UserDetailList": null}', 1, NOT_IT),
    "two accounts": (
        json.dumps({"UserDetailList": [*json.loads(WHOLE)["UserDetailList"],
                                       *json.loads(details("611100000006", "CLI6"))["UserDetailList"]]}).encode(),
        1, "names 2 accounts as owners",
    ),
    "a page": (json.dumps(json.loads(WHOLE) | {"IsTruncated": True}).encode(), 1, "This is only a page"),
    "wrong at its end": (WHOLE.replace("2024-05-01", "yesterday").encode(), 1, "user ana: it is not of the documented"),
    "missing": (None, 2, "cannot be read: No such file or directory."),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_such_file_is_told_and_leaves_nothing(server: Server, tmp_path: Path, what: str) -> None:
    content, code, said = WRONG[what]
    file, environ = tmp_path / "gaad.json", server.environ()
    if content is not None:
        file.write_bytes(content)
    profiles = (server.data_dir / "credentials").read_text()
    done = kansatsu(environ, "import", str(file))
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and done.stderr.startswith("kansatsu: ")
    assert not {"611100000005", "611100000006"} & {each["id"] for each in accounts(environ)}
    assert (server.data_dir / "credentials").read_text() == profiles


def accounts(environ: dict[str, str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(kansatsu(environ, "account", "ls", "-o", "json").stdout)
    return found
