"""A nurse who calls sooner while pressure stays high, and later while it stays low."""

import sim

GOAL = 140.0  # mmHg
SHORTEST, LONGEST = 14.0, 112.0  # days between calls


class Coach(sim.Behaviour):
    """Looks at the last two readings. Where they disagree, all stays as it is."""

    def __init__(self) -> None:
        self.readings = list[float]()

    def happened(self, patient: sim.Person, event: sim.Event) -> None:
        if event.kind != "observation" or event.name != "coaching.systolic":
            return
        self.readings.append(event.value)
        high = [reading >= GOAL for reading in self.readings[-2:]]
        days = patient.variable("call_interval")
        if len(high) < 2:
            return
        if all(high):
            if days == SHORTEST and not patient.prescribed("amlodipine"):
                patient.start("review")
            patient.set("call_interval", max(days / 2, SHORTEST))
        elif not any(high):
            patient.set("call_interval", min(days * 2, LONGEST))
