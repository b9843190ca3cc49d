"""The way from the command line into the console: a link that signs its maker in, once and soon."""

from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from kansatsu.errors import AccessDenied
from kansatsu.identity import console
from kansatsu.services.registry import Call, Params, operation


def _itself(call: Call, _params: Params) -> str:
    return call.caller.arn


@operation("kansatsu", "CreateConsoleLink", resource=_itself, write=True)
def create_console_link(call: Call) -> dict[str, Any]:
    """The link is in this answer and in no other.

    INVARIANT: only a user with an access key gets one, and only on this machine: no session becomes one that lasts
    longer or is limited less, and nobody signs in by a link that was seen on its way.
    """
    user = call.snapshot.entity(call.caller.id)
    if call.caller.kind != "user" or call.caller.session is not None or user is None:
        raise AccessDenied("Cannot call CreateConsoleLink with session credentials")
    if not ip_address(str(call.context["aws:sourceip"])).is_loopback:
        raise AccessDenied("A link to the console is made on the machine that Kansatsu runs on, by a loopback address.")
    token = console.offer(call.conn, call.store.sealer, user, call.caller.access_key_id, call.now)
    return {"Token": token, "Expires": call.now.replace(microsecond=0) + timedelta(seconds=console.LINK_LIFE)}
