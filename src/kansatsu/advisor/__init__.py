"""What was used, by whom and when: evidence written before each answer, and the registers derived from it."""

from kansatsu.advisor.events import AccessEvent, Gap
from kansatsu.advisor.recorder import Recorder, RecorderSettings
from kansatsu.advisor.registers import LastUse
from kansatsu.advisor.segments import EvidenceLost

__all__ = ["AccessEvent", "EvidenceLost", "Gap", "LastUse", "Recorder", "RecorderSettings"]
