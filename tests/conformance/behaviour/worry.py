"""Somebody who worries more with each bad spell, and talks about it in the end."""

import sim


class Worrier(sim.Behaviour):
    """Doubles the worries of each spell."""

    def happened(self, patient: sim.Person, event: sim.Event) -> None:
        if event.kind == "state" and event.name == "sleep.awake":
            patient.set("worries", min(2 * float(patient.variable("worries") or 0.0), 8.0))
            if patient.count("state", "awake") >= 3 and patient.uniform() < 0.5:
                patient.start("talk")
