"""What was used, by whom and when: evidence written before each answer, and the registers derived from it."""

from typing import TYPE_CHECKING

from kansatsu.later import later

if TYPE_CHECKING:
    from kansatsu.advisor import history, reports, trail
    from kansatsu.advisor.calls import Asking, Bearer, CallRecord, Vouched, digest, digest_of
    from kansatsu.advisor.change import Change, smallest_change, smallest_changes
    from kansatsu.advisor.coverage import Used
    from kansatsu.advisor.denials import Denial, Denials
    from kansatsu.advisor.events import DENIALS, AccessEvent, Gap
    from kansatsu.advisor.frozen import MOST_ASKED, Denied, freeze, policies_in, thaw
    from kansatsu.advisor.keys import spelt
    from kansatsu.advisor.last_access import Attempts, Report, ServiceUse, Use, Who, report
    from kansatsu.advisor.least import Least, worth_keeping
    from kansatsu.advisor.meeting import MFA
    from kansatsu.advisor.recorder import DEFAULT_WORKER, Recorder, RecorderSettings
    from kansatsu.advisor.registers import LastUse
    from kansatsu.advisor.segments import EvidenceLost
    from kansatsu.advisor.trail_files import Directory, Trail, TrailSettings
else:
    __getattr__ = later(
        __name__,
        {
            "calls": "Asking Bearer CallRecord Vouched digest digest_of",
            "change": "Change smallest_change smallest_changes",
            "coverage": "Used",
            "denials": "Denial Denials",
            "events": "DENIALS AccessEvent Gap",
            "frozen": "MOST_ASKED Denied freeze policies_in thaw",
            "history": "history",
            "keys": "spelt",
            "last_access": "Attempts Report ServiceUse Use Who report",
            "least": "Least worth_keeping",
            "meeting": "MFA",
            "recorder": "DEFAULT_WORKER Recorder RecorderSettings",
            "registers": "LastUse",
            "reports": "reports",
            "segments": "EvidenceLost",
            "trail": "trail",
            "trail_files": "Directory Trail TrailSettings",
        },
    )

__all__ = [
    "DEFAULT_WORKER",
    "DENIALS",
    "MFA",
    "MOST_ASKED",
    "AccessEvent",
    "Asking",
    "Attempts",
    "Bearer",
    "CallRecord",
    "Change",
    "Denial",
    "Denials",
    "Denied",
    "Directory",
    "EvidenceLost",
    "Gap",
    "LastUse",
    "Least",
    "Recorder",
    "RecorderSettings",
    "Report",
    "ServiceUse",
    "Trail",
    "TrailSettings",
    "Use",
    "Used",
    "Vouched",
    "Who",
    "digest",
    "digest_of",
    "freeze",
    "history",
    "policies_in",
    "report",
    "reports",
    "smallest_change",
    "smallest_changes",
    "spelt",
    "thaw",
    "trail",
    "worth_keeping",
]
