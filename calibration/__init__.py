"""Planned: fitting the parameters of scenarios to published statistics. Nothing of it is built yet."""
