"""`manage.py doctor`: looks at everything Restreamer stands on and says what to type."""

from restreamer.doctor.findings import Finding, State
from restreamer.doctor.visit import examine

__all__ = ["Finding", "State", "examine"]
