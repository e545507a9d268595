"""The bus side of a role: every consumer's loop."""

import random
from typing import Final

from consumers.apply import Application
from consumers.ask import Asker
from consumers.bases import BaseWatch, Outdater
from consumers.bell import Bell
from consumers.build import Scheduler
from consumers.clean import Cleaner
from consumers.conclude import Conclusion
from consumers.evaluate import Evaluator
from consumers.guard import Loop
from consumers.health import Health
from consumers.notify import Notifier
from consumers.reconcile import Reconciler
from consumers.roles import ASK, BUILD, NOTIFY, ROLLOUT
from consumers.rollout import Rollout
from consumers.runner import Handle, Runner
from consumers.sight import Patience
from consumers.sweep import Sweep
from consumers.watch import Watcher
from service.announcing import Announcer
from service.app.engines import Engines
from service.checkup import Examiner, Nurse
from service.domain.agenda import Pace
from service.domain.schedule import Caps
from service.domain.sweeping import Rhythm
from service.ports.builder import Builder
from service.ports.bus import Role
from service.reconciling import Reconciliation
from service.settings import Settings

__all__ = ["BusSide"]

PREFETCH: Final = 16
"""Messages under way at once, of each role: enough to hide the database's answer
time, few enough that a process that dies gives little back."""


class BusSide:
    """The consumers, and which of their loops may run in how many processes."""

    def __init__(
        self, settings: Settings, engines: Engines, *, builder: Builder
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._builder = builder
        self._pace = Pace(quiet=settings.look.quiet, patience=settings.look.patience)
        self._agenda_bell = Bell(clock=engines.clock)
        self._announcer = Announcer(
            clock=engines.clock, ids=engines.ids, metrics=engines.metrics
        )
        self._reconciliation = Reconciliation(
            builder=builder,
            clock=engines.clock,
            ids=engines.ids,
            announcer=self._announcer,
            pace=self._pace,
            pause=settings.look.sweep,
        )
        self._application = Application(
            clock=engines.clock,
            ids=engines.ids,
            announcer=self._announcer,
            attempts=settings.build.attempts,
            retry_after=settings.build.retry_after,
            pace=self._pace,
        )
        self._scheduler = Scheduler(
            store=engines.store,
            builder=builder,
            clock=engines.clock,
            application=self._application,
            caps=Caps(
                in_all=settings.build.at_once, per_project=settings.build.per_project
            ),
            retry_after=settings.build.retry_after,
        )

    def shared(self) -> list[Loop]:
        """Return the loops that any number of processes may run."""
        engines = self._engines
        asker = Asker(
            store=engines.store,
            clock=engines.clock,
            pace=self._pace,
            bell=self._agenda_bell,
        )
        rollout = Rollout(store=engines.store, announcer=self._announcer)
        evaluator = self._evaluator()
        return [
            lambda: evaluator.run(at_once=self._settings.look.at_once),
            self._runner(ASK, asker.handle),
            self._runner(ROLLOUT, rollout.handle),
        ]

    def leading(self) -> list[Loop]:
        """Return the loops that one process runs: whoever drives the builder."""
        engines = self._engines
        watcher = Watcher(
            store=engines.store,
            builder=self._builder,
            clock=engines.clock,
            application=self._application,
        )
        cleaner = Cleaner(
            store=engines.store, builder=self._builder, clock=engines.clock
        )
        look = self._settings.look
        sweep = Sweep(
            store=engines.store,
            heads=engines.remote,
            clock=engines.clock,
            rhythm=Rhythm(first=look.sweep, longest=max(look.sweep, look.sweep_max)),
            per_hour=look.sweep_rate,
            pace=self._pace,
            bell=self._agenda_bell,
            chance=random.random,
        )
        return [
            self._scheduler.run,
            self._runner(BUILD, self._scheduler.handle),
            # In one process: two might overtake each other at the forge.
            self._runner(NOTIFY, self._notifier().handle),
            watcher.run,
            cleaner.run,
            sweep.run,
            self._reconciler().run,
            self._outdater().run,
            *self._base_watch(),
            self._health().run,
        ]

    def _outdater(self) -> Outdater:
        return Outdater(
            store=self._engines.store,
            builder=self._builder,
            clock=self._engines.clock,
            bell=self._agenda_bell,
            pace=self._pace,
            per_hour=self._settings.build.base_rate,
        )

    def _base_watch(self) -> list[Loop]:
        interval = self._settings.kubernetes.base_check
        if not interval or not self._builder.bases():
            return []
        watch = BaseWatch(
            store=self._engines.store,
            builder=self._builder,
            clock=self._engines.clock,
            interval=interval,
        )
        return [watch.run]

    def _reconciler(self) -> Reconciler:
        return Reconciler(
            store=self._engines.store,
            clock=self._engines.clock,
            bell=self._agenda_bell,
            reconciliation=self._reconciliation,
        )

    def _health(self) -> Health:
        engines = self._engines
        examiner = Examiner(
            forges=engines.forge_hooks,
            clock=engines.clock,
            public_url=self._settings.url,
        )
        return Health(
            store=engines.store,
            clock=engines.clock,
            nurse=Nurse(
                store=engines.store, examiner=examiner, announcer=self._announcer
            ),
            interval=self._settings.hook.check,
        )

    def _notifier(self) -> Notifier:
        settings = self._settings
        return Notifier(
            store=self._engines.store,
            notices=self._engines.notices,
            # Nobody else could follow a link to this machine.
            public_url=settings.url if settings.public_url else "",
        )

    def _evaluator(self) -> Evaluator:
        engines = self._engines
        return Evaluator(
            store=engines.store,
            remote=engines.remote,
            clock=engines.clock,
            bell=self._agenda_bell,
            pace=self._pace,
            sandbox=engines.sandbox,
            conclusion=Conclusion(
                store=engines.store,
                builder=self._builder,
                clock=engines.clock,
                ids=engines.ids,
                announcer=self._announcer,
                pace=self._pace,
                reconciliation=self._reconciliation,
                patience=Patience(first=self._settings.remote.retry_after),
            ),
        )

    def _runner(self, role: Role, handle: Handle) -> Loop:
        return Runner(
            bus=self._engines.bus, role=role, handle=handle, prefetch=PREFETCH
        ).run
