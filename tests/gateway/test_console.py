"""The console's server under attack: what a stranger, another page, another port and a thief of cookies get.

INVARIANT by INVARIANT of kansatsu.console, each by what it stops.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kansatsu.identity import passwords

from .browser import PASSWORD, PATH, Browser, MovedClock, named, person
from .conftest import ACCOUNT, Gateway
from .raw import Ask, Keys, statement, tampered
from .test_mfa import Phone

SIGN_IN = "signin.amazonaws.com"


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def browse(gateway: Gateway, clock: MovedClock) -> Callable[..., Browser]:
    """Browsers of one console where nobody has failed yet."""
    console = gateway.console(clock)
    return lambda **how: Browser(gateway, console, **how)


# ---- signing in -----------------------------------------------------------------------------------------------------


def test_a_session_does_what_its_user_may_and_is_recorded_as_its_user(gateway: Gateway, browse: Any) -> None:
    ana = person(gateway, statement("Allow", ["iam:GetUser", "sqs:ListQueues"]))
    page = browse()
    said = page.sign_in(**named(ana))
    assert said.body | {"word": "", "expires": 0} == {
        "account": ACCOUNT, "alias": "", "user": ana.name, "arn": f"arn:aws:iam::{ACCOUNT}:user/{ana.name}",
        "region": "us-east-1", "mfa": False, "word": "", "expires": 0,
    }  # fmt: skip
    assert page.call("iam", "GetUser", UserName=ana.name).result["User"]["UserName"] == ana.name
    assert page.call("sqs", "ListQueues").status == 200
    denied = page.call("iam", "ListUsers")
    assert (denied.status, denied.code) == (403, "AccessDenied")
    assert denied.body["message"].startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/{ana.name} is not authorized to perform: iam:ListUsers on resource: "
        f"arn:aws:iam::{ACCOUNT}:user/ because no identity-based policy allows the iam:ListUsers action"
    )
    explained = gateway.client("kansatsu").explain_request(RequestId=denied.body["RequestId"])
    assert explained["PrincipalArn"].endswith(f"user/{ana.name}")
    event = next(event for event in gateway.recorder.recent(50) if event.request_id == denied.body["RequestId"])
    assert (event.source_ip, event.user_agent) == ("127.0.0.1", "Mozilla/5.0 (tests)")


def test_an_access_key_signs_in_and_an_inactive_or_deleted_one_ends_its_session(gateway: Gateway, browse: Any) -> None:
    ben, page, other = gateway.user(statement("Allow", "*")), browse(), browse()
    given = {"accessKeyId": ben.id, "secretAccessKey": ben.secret}
    assert page.sign_in(**given).body["user"] == ben.name
    assert other.sign_in(**given | {"secretAccessKey": tampered(ben.secret)}).code == "SignInFailed"
    gateway.iam.update_access_key(UserName=ben.name, AccessKeyId=ben.id, Status="Inactive")
    assert (page.is_in(), other.sign_in(**given).code) == (False, "SignInFailed")
    gateway.iam.update_access_key(UserName=ben.name, AccessKeyId=ben.id, Status="Active")
    assert other.sign_in(**given).body["user"] == ben.name
    # What was over stays over: a thief's session does not come back with the key.
    assert (page.is_in(), page.call("iam", "ListUsers").code, other.is_in()) == (False, "SessionEnded", True)
    gateway.iam.delete_access_key(UserName=ben.name, AccessKeyId=ben.id)
    assert (other.is_in(), other.call("iam", "ListUsers").code) == (False, "SessionEnded")


def test_a_console_session_is_not_limited_as_get_session_token_is(gateway: Gateway, browse: Any) -> None:
    """What https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html limits is its own sessions."""
    page = browse()
    page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    assert page.call("iam", "ListUsers").status == 200
    assert page.call("sts", "GetFederationToken", Name="fed").code == "AccessDenied"
    assert page.call("kansatsu", "CreateConsoleLink").code == "AccessDenied"


def test_a_user_with_a_device_needs_its_code_and_each_counts_once(gateway: Gateway, browse: Any) -> None:
    with_mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    ana, page = person(gateway, statement("Allow", "sqs:ListQueues") | with_mfa), browse()
    phone = Phone(gateway, ana.name)
    assert page.sign_in(**named(ana, password="wrong")).code == "SignInFailed"
    assert page.sign_in(**named(ana)).code == "CodeRequired"
    assert page.sign_in(**named(ana, code="000000")).code == "CodeWrong"
    code = phone.proof()["TokenCode"]
    assert page.sign_in(**named(ana, code=code)).body["mfa"] is True
    assert page.call("sqs", "ListQueues").status == 200
    assert browse().sign_in(**named(ana, code=code)).code == "CodeWrong"


def test_a_password_that_must_be_changed_opens_nothing_until_it_is(gateway: Gateway, browse: Any) -> None:
    ana, page = person(gateway, statement("Allow", "iam:ChangePassword"), reset=True), browse()
    said = page.sign_in(**named(ana))
    assert (said.code, "set-cookie" in said.headers) == ("PasswordChangeRequired", False)
    ticket = {"ticket": said.body["ticket"], "password": PASSWORD}
    assert page.sign_in(**ticket, newPassword="short").code == "PasswordPolicyViolation"
    assert (
        page.sign_in(**ticket | {"ticket": ticket["ticket"][:-2] + "00"}, newPassword="An0ther-one").code
        == "SignInFailed"
    )
    assert page.sign_in(**ticket, newPassword="An0ther-one").body["user"] == ana.name
    assert page.is_in()
    assert browse().sign_in(**ticket, newPassword="Th1rd-of-them").code == "SignInFailed"
    assert browse().sign_in(**named(ana)).code == "SignInFailed"
    ben = person(gateway, reset=True)
    ticket["ticket"] = browse().sign_in(**named(ben)).body["ticket"]
    assert browse().sign_in(**ticket, newPassword="An0ther-one").code == "AccessDenied"


def test_an_expired_password(gateway: Gateway, browse: Any, clock: MovedClock) -> None:
    ana = person(gateway)
    try:
        gateway.iam.update_account_password_policy(MaxPasswordAge=1)
        clock.ahead += timedelta(days=2)
        assert browse().sign_in(**named(ana)).code == "PasswordChangeRequired"
        gateway.iam.update_account_password_policy(MaxPasswordAge=1, HardExpiry=True)
        assert browse().sign_in(**named(ana)).code == "PasswordExpired"
    finally:
        gateway.iam.delete_account_password_policy()


@pytest.mark.parametrize("change", ["password", "profile", "user"])
def test_a_session_ends_with_what_it_rests_on(gateway: Gateway, browse: Any, change: str) -> None:
    ana, page, iam = person(gateway), browse(), gateway.iam
    page.sign_in(**named(ana))
    assert page.is_in()
    if change == "password":
        iam.update_login_profile(UserName=ana.name, Password="An0ther-one")
    else:
        iam.delete_login_profile(UserName=ana.name)
    if change == "user":
        iam.delete_access_key(UserName=ana.name, AccessKeyId=ana.id)
        iam.delete_user(UserName=ana.name)
    assert not page.is_in()


def test_signing_out_ends_it_here_whatever_the_browser_keeps(gateway: Gateway, browse: Any) -> None:
    ana, page = person(gateway), browse()
    page.sign_in(**named(ana))
    said = page.ask("api/sign-out")
    assert "Max-Age=0" in said.headers["set-cookie"]
    assert (page.is_in(), page.call("sts", "GetCallerIdentity").code) == (False, "SessionEnded")


def test_a_session_ends_by_itself(gateway: Gateway, browse: Any, clock: MovedClock) -> None:
    ana, page = person(gateway), browse()
    page.sign_in(**named(ana))
    clock.ahead += timedelta(days=1 / 24) + timedelta(seconds=1)
    assert not page.is_in()
    browse().sign_in(**named(ana))
    with gateway.store.read() as conn:
        kept = conn.exec_driver_sql("select details from credential where kind = 'console-session'").scalars()
        assert all(json.loads(details)["expires"] > clock.now().timestamp() for details in kept)


@pytest.mark.parametrize("way", ["password", "key"])
def test_no_session_is_longer_than_its_user_may_have(gateway: Gateway, clock: MovedClock, way: str) -> None:
    ana, console = person(gateway), gateway.console(clock, timedelta(hours=3))
    key = gateway.iam.create_access_key(UserName=ana.name)["AccessKey"]
    given = (
        {"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]} if way == "key" else named(ana)
    )

    def lasts() -> float:
        said = Browser(gateway, console).sign_in(**given)
        return round(float(said.body["expires"] - clock.now().timestamp()) / 3600)

    assert lasts() == 3
    before = Browser(gateway, console)
    before.sign_in(**given)
    gateway.iam.update_login_profile(UserName=ana.name, MaxSigninSessionDuration=3600)
    assert lasts() == 1
    after = Browser(gateway, console)
    after.sign_in(**given)
    clock.ahead += timedelta(hours=1, seconds=1)
    assert (before.is_in(), after.is_in()) == (True, False)
    gateway.iam.update_login_profile(UserName=ana.name, ResetMaxSigninSessionDuration=True)
    assert lasts() == 3


# ---- guessing -------------------------------------------------------------------------------------------------------


def test_nobody_learns_which_part_was_wrong(gateway: Gateway, browse: Any, monkeypatch: Any) -> None:
    """Neither by the answer nor by the work that is done for it."""
    ana, nobody = person(gateway), gateway.user()
    matches, hashed = passwords.matches, list[str]()
    monkeypatch.setattr(passwords, "matches", lambda known, given: hashed.append(known) or matches(known, given))
    wrong = (
        {"password": "wrong"},
        {"user": "nobody"},
        {"user": nobody.name},
        {"account": "999999999999"},
        {"account": "no-such-alias"},
        {"user": "", "account": ""},
    )
    said = [browse().sign_in(**named(ana) | change) for change in wrong]
    assert {(one.status, json.dumps(one.body)) for one in said} == {
        (401, '{"code": "SignInFailed", "message": "The sign-in failed."}')
    }
    costs = {known.rpartition("$")[0].rpartition("$")[0] for known in hashed}
    assert (len(hashed), len(costs)) == (len(wrong), 1)
    keys = [{"accessKeyId": key, "secretAccessKey": "x" * 40} for key in (nobody.id, "AKIANOBODY", "")]
    assert {browse().sign_in(**given).code for given in keys} == {"SignInFailed"}


# ---- other pages, other ports, other names --------------------------------------------------------------------------

FOREIGN: tuple[dict[str, str | None], ...] = (
    {"origin": "http://evil.example"},
    {"origin": "http://127.0.0.1:3000"},  # another port is same-site: its cookies are ours, its Origin is not
    {"origin": "null"},
    {"origin": None},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"x_kansatsu_console": None},
    {"content_type": "text/plain"},
    {"content_type": "application/x-www-form-urlencoded"},
)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_no_other_page_asks_anything_with_the_cookie(gateway: Gateway, browse: Any, headers: Any) -> None:
    page = browse()
    page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    name = gateway.name("csrf")
    given = {"service": "iam", "operation": "CreateUser", "parameters": {"UserName": name}}
    said = page.ask("api/call", given, **headers)
    assert (said.status, said.code) == (403, "ForeignPage")
    assert [
        door for door in ("session", "sign-in", "sign-out") if page.ask(f"api/{door}", **headers).status != 403
    ] == []
    assert page.is_in()
    assert page.call("iam", "GetUser", UserName=name).code == "NoSuchEntity"


def test_nothing_is_done_by_get_and_no_other_page_is_told_that_it_may(gateway: Gateway, browse: Any) -> None:
    page = browse()
    page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    for method in ("GET", "OPTIONS", "PUT"):
        said = page.ask("api/session", method=method)
        assert said.status == 403
        assert not [name for name in said.headers if name.startswith("access-control-")]


def test_a_stolen_cookie_alone_is_of_no_use_nor_is_the_word(gateway: Gateway, browse: Any) -> None:
    """Cookies are shared by all ports of a host; what the page keeps is its own."""
    page, thief = browse(), browse()
    said = page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    for part in ("HttpOnly", "SameSite=Strict", "Path=/_kansatsu/console"):
        assert part in said.headers["set-cookie"]
    assert "Secure" not in said.headers["set-cookie"]
    thief.cookie = page.cookie
    assert (thief.is_in(), thief.call("iam", "ListUsers").code) == (False, "SessionEnded")
    thief.cookie, thief.word = "", page.word
    assert not thief.is_in()


def test_over_tls_the_cookie_is_for_tls_only(gateway: Gateway, browse: Any) -> None:
    keys = {"accessKeyId": gateway.admin.id, "secretAccessKey": gateway.admin.secret}
    page = browse(host="console.example")
    said = page.ask("api/sign-in", keys, origin="https://console.example")
    assert said.headers["set-cookie"].endswith("; Secure")


def test_no_header_makes_a_transport_secure(gateway: Gateway, browse: Any) -> None:
    """INVARIANT: aws:SecureTransport is what the server saw, not what the client says of its page."""
    plain = statement("Deny", "*") | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    eva, page = gateway.user(statement("Allow", "*"), plain), browse()
    page.sign_in(accessKeyId=eva.id, secretAccessKey=eva.secret)
    asked = {"service": "iam", "operation": "ListUsers"}
    assert page.ask("api/call", asked, origin=f"https://{page.host}").code == "AccessDenied"


def test_a_session_is_made_anew_at_each_sign_in(gateway: Gateway, browse: Any) -> None:
    """Fixation: whatever cookie and word were planted before, they are not those of the session."""
    page = browse()
    page.cookie, page.word = "planted", "planted"
    page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    first = page.cookie, page.word
    assert "planted" not in first
    page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    assert not {*first} & {page.cookie, page.word}


def test_secrets_never_reach_the_browser(gateway: Gateway, browse: Any) -> None:
    page = browse()
    said = page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    text = json.dumps(said.body) + json.dumps(dict(said.headers)) + json.dumps(page.ask("api/session").body)
    assert gateway.admin.secret not in text
    assert "ASIA" not in text


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:4566", 200), ("localhost:9", 200), ("[::1]:4566", 200), ("console.example", 200),
     ("CONSOLE.example", 200),
     ("192.0.2.7:4566", 200), ("evil.example", 421), ("127.0.0.1.evil.example:4566", 421), ("", 421), ("[::1", 421),
     ("evil@127.0.0.1", 421), ("evil:x@localhost:9", 421), ("127.0.0.1/x", 421), ("localhost?x", 421),
     ("localhost#x", 421), ("evil\\@127.0.0.1", 421)],
)  # fmt: skip
def test_a_name_that_points_here_by_somebody_elses_will_is_refused(
    gateway: Gateway, browse: Any, host: str, status: int
) -> None:
    keys = {"accessKeyId": gateway.admin.id, "secretAccessKey": gateway.admin.secret}
    assert browse(host=host).ask("api/sign-in", keys).status == status


# ---- links ----------------------------------------------------------------------------------------------------------


def test_a_link_signs_in_once_within_a_minute_on_this_machine(gateway: Gateway, browse: Any, clock: MovedClock) -> None:
    control, page = gateway.client("kansatsu"), browse()
    link = control.create_console_link()["Token"]
    assert browse(client="192.0.2.1").sign_in(link=link).code == "LinkInvalid"
    assert page.sign_in(link=link).body["user"] == "admin"
    assert page.is_in()
    assert browse().sign_in(link=link).code == "LinkInvalid"
    late = control.create_console_link()["Token"]
    clock.ahead += timedelta(seconds=61)
    assert browse().sign_in(link=late).code == "LinkInvalid"
    assert browse().sign_in(link="").code == "LinkInvalid"


def test_only_a_user_with_a_key_makes_links_and_only_for_itself(gateway: Gateway, browse: Any) -> None:
    ana = gateway.user(statement("Allow", "kansatsu:CreateConsoleLink"))
    page = browse()
    assert page.sign_in(link=gateway.client("kansatsu", ana).create_console_link()["Token"]).body["user"] == ana.name
    role = gateway.assume(gateway.role(statement("Allow", "*")))
    got = gateway.ask(_json_call("CreateConsoleLink"), role, "kansatsu")
    assert (got.status, got.code) == (403, "AccessDenied")
    assert gateway.ask(_json_call("CreateConsoleLink"), gateway.user(), "kansatsu").code == "AccessDeniedException"
    gateway.iam.update_access_key(UserName=ana.name, AccessKeyId=ana.id, Status="Inactive")
    assert not page.is_in()


def _json_call(operation: str) -> Ask:
    headers = {"x-amz-target": f"Kansatsu_20261101.{operation}", "content-type": "application/x-amz-json-1.1"}
    return Ask("POST", headers=headers, body=b"{}")


# ---- what is on record ----------------------------------------------------------------------------------------------


def test_signing_in_is_an_event_of_the_trail(gateway: Gateway, browse: Any) -> None:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html"""
    ana, page = person(gateway, statement("Allow", "sts:GetCallerIdentity")), browse()
    page.sign_in(**named(ana, password="wrong"))
    page.sign_in(**named(ana))
    page.call("sts", "GetCallerIdentity")
    lookup = {"AttributeKey": "Username", "AttributeValue": ana.name}
    found = gateway.client("cloudtrail").lookup_events(LookupAttributes=[lookup])["Events"]
    events = [json.loads(event["CloudTrailEvent"]) for event in found]
    assert [event["eventName"] for event in events] == ["GetCallerIdentity", "ConsoleLogin", "ConsoleLogin"]
    assert events[0]["sessionCredentialFromConsole"] == "true"
    right, wrong = events[1], events[2]
    assert right["eventSource"] == SIGN_IN and right["eventType"] == "AwsConsoleSignIn"
    assert (right["responseElements"], "errorMessage" in right) == ({"ConsoleLogin": "Success"}, False)
    assert (wrong["responseElements"], wrong["errorMessage"]) == ({"ConsoleLogin": "Failure"}, "Failed authentication")
    assert right["additionalEventData"] == {
        "LoginTo": f"http://127.0.0.1:4566{PATH}", "MobileVersion": "No", "MFAUsed": "No",
    }  # fmt: skip
    identity = {"type": "IAMUser", "accountId": ACCOUNT, "userName": ana.name}
    assert identity.items() <= right["userIdentity"].items()
    by_source = gateway.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": SIGN_IN}]
    )
    assert {event["EventName"] for event in by_source["Events"]} == {"ConsoleLogin"}
    replayed = gateway.client("kansatsu").replay_policy_change(
        Arn=f"arn:aws:iam::{ACCOUNT}:user/{ana.name}", DeletePolicyName="own"
    )
    assert replayed["Requests"] == 1


def test_the_report_says_when_a_password_was_used(gateway: Gateway, browse: Any) -> None:
    ana = person(gateway)
    browse().sign_in(**named(ana))
    with gateway.store.read() as conn:
        query = f"select details from credential where kind = 'password' and name = '{_id(gateway, ana)}'"
        assert json.loads(conn.exec_driver_sql(query).scalar() or "")["used"] > 0


def _id(gateway: Gateway, keys: Keys) -> str:
    return str(gateway.iam.get_user(UserName=keys.name)["User"]["UserId"])
