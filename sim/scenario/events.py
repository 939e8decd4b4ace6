"""Events: what happens again and again, and takes no time."""

from __future__ import annotations

from dataclasses import replace

from sim.scenario.disease import Draft, assigned, assignment, check_rate, hazard_of
from sim.scenario.model import RATE, Event
from sim.scenario.reader import Reader
from sim.scenario.schema import Event as AuthorEvent
from sim.scenario.schema import Pathway


class EventReader:
    """Reads the events of one pathway. `drafts` are open to modifiers until `events` is called."""

    def __init__(self, pathway: Pathway, reader: Reader):
        self.prefix = pathway.pathway.text
        self.reader = reader
        self.authors = {f"{self.prefix}.{name}": author for name, author in pathway.events.items()}
        self.drafts = {name: self._draft(name, author) for name, author in self.authors.items()}

    def _draft(self, name: str, author: AuthorEvent) -> Draft:
        rate = self.reader.expression(author.rate, RATE, "rate")
        check_rate(self.reader, rate, author.rate.span)
        site = f"{self.prefix}/events/{name.removeprefix(f'{self.prefix}.')}"
        event = Event(name, rate, (), site, author.span)
        return Draft(event, hazard_of(self.reader, author, rate))

    def events(self) -> tuple[Event, ...]:
        """The events, with every modifier that was added to `drafts`."""
        return tuple(self._with_sets(draft.event()) for draft in self.drafts.values())

    def _with_sets(self, event: Event) -> Event:
        sets = []
        for name, text in self.authors[event.name].set.items():
            variable = assigned(self.reader, name, text)
            site = f"{event.site}/set/{variable.removeprefix(f'{self.prefix}.')}"
            sets.append(assignment(self.reader, variable, text, site))
        return replace(event, sets=tuple(sets))
