"""The web console: its files, signing in, and a browser's AWS operations passed on as the user who signed in.

It has no private door: what a page asks is signed with that user's temporary credentials and passes the gateway's
whole request path. The composition root brings the two together; this package knows no gateway.
"""

from kansatsu.console.site import Console
from kansatsu.console.visitor import Asked, Settings

__all__ = ["Asked", "Console", "Settings"]
