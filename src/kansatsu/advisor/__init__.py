"""What was used, by whom and when: evidence written before each answer, and the registers derived from it."""

from kansatsu.advisor import reports
from kansatsu.advisor.change import Change, smallest_change
from kansatsu.advisor.coverage import Used, coverage
from kansatsu.advisor.denials import Denial, Denials
from kansatsu.advisor.events import DENIALS, AccessEvent, Gap
from kansatsu.advisor.frozen import MOST_ASKED, Denied, freeze, policies_in, thaw
from kansatsu.advisor.keys import spelt
from kansatsu.advisor.last_access import Attempt, Report, ServiceUse, Use, Who, report
from kansatsu.advisor.least import Least, least, worth_keeping
from kansatsu.advisor.recorder import Recorder, RecorderSettings
from kansatsu.advisor.registers import LastUse
from kansatsu.advisor.segments import EvidenceLost

__all__ = [
    "DENIALS",
    "MOST_ASKED",
    "AccessEvent",
    "ActionUse",
    "Attempt",
    "Change",
    "Denial",
    "Denials",
    "Denied",
    "EvidenceLost",
    "Gap",
    "LastUse",
    "Least",
    "Recorder",
    "RecorderSettings",
    "Report",
    "ServiceUse",
    "Use",
    "Used",
    "Who",
    "coverage",
    "freeze",
    "least",
    "policies_in",
    "report",
    "reports",
    "smallest_change",
    "spelt",
    "thaw",
    "worth_keeping",
]
