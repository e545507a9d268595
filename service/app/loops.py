"""The bus side of a role: every consumer's loop."""

import random
from dataclasses import replace
from typing import Final

from consumers.base_images import Outdater
from consumers.building.endings import RebuildEndings
from consumers.building.garbage_collector import GarbageCollector
from consumers.building.scheduler import Scheduler
from consumers.building.transitions import BuildTransitions
from consumers.building.watcher import BuildWatcher
from consumers.evaluation.claims import EvaluationClaims
from consumers.evaluation.enqueue import EvaluationEnqueuer
from consumers.evaluation.lost_deliveries import PATIENCE, LostDeliveries
from consumers.evaluation.observation import BACKOFF, Patience
from consumers.evaluation.planning import LauncherPlanner
from consumers.evaluation.record import EvaluationRecorder
from consumers.evaluation.worker import Evaluator
from consumers.granting import GrantKeeper, make_keeper
from consumers.loops.gathering import AT_ONCE
from consumers.loops.supervisor import Loop
from consumers.loops.wakeup import Wakeup
from consumers.notifications.deliver import NotificationDeliverer
from consumers.notifications.enqueue import NotificationEnqueuer
from consumers.rate import HourlyRate
from consumers.reconcile import Reconciler
from consumers.rollout import Rollout
from consumers.runner import Handle, Runner
from consumers.scheduled import ScheduledRebuilds
from consumers.settings_change import SettingsChange
from consumers.subscriptions import (
    BUILDING,
    COMMIT_STATUS,
    EVALUATION,
    NOTIFICATION,
    ROLLOUT,
)
from consumers.sweep import Sweep
from service.adapters.sandbox.limited import LimitedSandbox
from service.app.engines import Engines, secret_keys
from service.app.forge_loops import commit_status_notifier, hook_health
from service.app.roles.upkeep import age_counter, upkeep_loops
from service.app.upstream.renku import upstream_loops
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.evaluation.queue import Debounce
from service.domain.evaluation.sweep import PollPolicy
from service.ports.builder import Builder
from service.ports.bus import Role
from service.settings import Settings
from service.settings.fingerprint import fingerprint_of
from service.usecases.publish_events import EventRecorder
from service.usecases.reconcile import Reconciliation

__all__ = ["BusSide"]

PREFETCH: Final = 16
"""Messages of a role under way at once: enough to hide the database's answer time, and
few to give back when a process dies. Where they share transactions, as many as fit."""


# One per consuming process. What is made in `__init__` is shared by several loops and
# must be one object (the wakeup, the rate, the scheduler); the rest is made where it is
# used.
class BusSide:
    """The consumers, and which of their loops may run in how many processes."""

    def __init__(
        self, settings: Settings, engines: Engines, *, builder: Builder
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._builder = builder
        self._debounce = Debounce(
            window=settings.evaluation.debounce, max_delay=settings.evaluation.max_delay
        )
        self._evaluation_wakeup = Wakeup(clock=engines.clock, after=engines.precedence)
        self._evaluation_claims = EvaluationClaims(
            store=engines.store, clock=engines.clock, wakeup=self._evaluation_wakeup
        )
        # One bucket for new base images and for schedules: both rebuild in the
        # background, and the operator's limit is for their sum.
        self._rate = HourlyRate(
            settings.build.max_background_per_hour, now=engines.clock.now()
        )
        self._recorder = EventRecorder(
            clock=engines.clock,
            ids=engines.ids,
            metrics=engines.metrics,
            builder=builder,
        )
        self._reconciliation = Reconciliation(
            builder=builder,
            clock=engines.clock,
            ids=engines.ids,
            recorder=self._recorder,
            debounce=self._debounce,
            pause=settings.sweep.interval,
        )
        self._schedule_wakeup = Wakeup(clock=engines.clock)
        self._endings = RebuildEndings(clock=engines.clock, recorder=self._recorder)
        self._rollout = Rollout(
            store=engines.store, recorder=self._recorder, endings=self._endings
        )
        self._transitions = BuildTransitions(
            clock=engines.clock,
            ids=engines.ids,
            recorder=self._recorder,
            endings=self._endings,
            attempts=settings.build.attempts,
            retry_after=settings.build.retry_after,
            debounce=self._debounce,
        )
        self._scheduler = Scheduler(
            store=engines.store,
            builder=builder,
            clock=engines.clock,
            wakeup=self._schedule_wakeup,
            precedence=engines.precedence,
            transitions=self._transitions,
            caps=ConcurrencyLimits.with_fair_share(
                settings.build.max_concurrent,
                per_project=settings.build.max_per_project,
            ),
            retry_after=settings.build.retry_after,
        )

    def shared(self) -> list[Loop]:
        """Return the loops that any number of processes may run."""
        engines = self._engines
        enqueuer = EvaluationEnqueuer(
            store=engines.store,
            debounce=self._debounce,
            claims=self._evaluation_claims,
        )
        evaluator = self._evaluator()
        notifications = NotificationEnqueuer(store=engines.store, clock=engines.clock)
        return [
            # A callable and no coroutine: `supervise` calls it again after a failure,
            # and a coroutine can be awaited once.
            lambda: evaluator.run(at_once=self._settings.evaluation.concurrency),
            self._runner(EVALUATION, enqueuer.handle, prefetch=AT_ONCE),
            self._runner(ROLLOUT, self._rollout.handle),
            self._runner(NOTIFICATION, notifications.handle, prefetch=AT_ONCE),
        ]

    def leading(self) -> list[Loop]:
        """Return the loops that one process runs: whoever drives the builder."""
        engines = self._engines
        watcher = BuildWatcher(
            store=engines.store,
            builder=self._builder,
            clock=engines.clock,
            transitions=self._transitions,
        )
        cleaner = GarbageCollector(
            store=engines.store, builder=self._builder, clock=engines.clock
        )
        commit_statuses = commit_status_notifier(self._settings, engines)
        settings = self._settings.sweep
        sweep = Sweep(
            store=engines.store,
            heads=engines.remote,
            anonymous_heads=engines.anonymous_remote,
            clock=engines.clock,
            poll_policy=PollPolicy(
                first=settings.interval,
                longest=max(settings.interval, settings.max_interval),
            ),
            per_hour=settings.max_per_hour,
            debounce=self._debounce,
            wakeup=self._evaluation_wakeup,
            chance=random.random,
        )
        return [
            self._scheduler.run,
            # Only by the leader although any process could decide: what is decided has
            # to be started by the builder, which only the leader has open.
            self._runner(BUILDING, self._scheduler.handle),
            # In one process: two might overtake each other at the forge.
            self._runner(COMMIT_STATUS, commit_statuses.handle),
            watcher.run,
            cleaner.run,
            sweep.run,
            self._reconciler().run,
            self._lost_deliveries().run,
            *upstream_loops(
                self._settings, engines, builder=self._builder, recorder=self._recorder
            ),
            self._settings_change().run,
            self._grant_keeper().run,
            self._outdater().run,
            self._scheduled_rebuilds().run,
            hook_health(self._settings, engines, recorder=self._recorder).run,
            NotificationDeliverer(
                store=engines.store, notifier=engines.notifier, clock=engines.clock
            ).run,
            *upkeep_loops(self._settings, engines, builder=self._builder),
        ]

    def _outdater(self) -> Outdater:
        return Outdater(
            store=self._engines.store,
            builder=self._builder,
            clock=self._engines.clock,
            wakeup=self._evaluation_wakeup,
            debounce=self._debounce,
            rate=self._rate,
        )

    def _settings_change(self) -> SettingsChange:
        # A keyed hash: settings hold passwords, and a plain one in the database could
        # be tested against guesses.
        key = secret_keys(self._settings)[0]
        return SettingsChange(
            store=self._engines.store,
            builder=self._builder,
            clock=self._engines.clock,
            wakeup=self._evaluation_wakeup,
            transitions=self._transitions,
            reconciliation=self._reconciliation,
            fingerprint=fingerprint_of(self._settings, key=key),
        )

    def _scheduled_rebuilds(self) -> ScheduledRebuilds:
        return ScheduledRebuilds(
            store=self._engines.store,
            clock=self._engines.clock,
            ids=self._engines.ids,
            wakeup=self._evaluation_wakeup,
            debounce=self._debounce,
            rate=self._rate,
        )

    def _reconciler(self) -> Reconciler:
        return Reconciler(
            store=self._engines.store,
            clock=self._engines.clock,
            wakeup=self._evaluation_wakeup,
            reconciliation=self._reconciliation,
            rollout=self._rollout,
        )

    def _lost_deliveries(self) -> LostDeliveries:
        return LostDeliveries(
            store=self._engines.store,
            clock=self._engines.clock,
            debounce=self._debounce,
            wakeup=self._evaluation_wakeup,
            patience=min(PATIENCE, self._settings.sweep.interval),
        )

    def _grant_keeper(self) -> GrantKeeper:
        return make_keeper(
            store=self._engines.store,
            builder=self._builder,
            clock=self._engines.clock,
            ids=self._engines.ids,
            recorder=self._recorder,
            rules=self._settings.auth.rules,
        )

    def _evaluator(self) -> Evaluator:
        engines = self._engines
        return Evaluator(
            store=engines.store,
            remote=engines.remote,
            anonymous_remote=engines.anonymous_remote,
            clock=engines.clock,
            claims=self._evaluation_claims,
            debounce=self._debounce,
            sandbox=LimitedSandbox(engines.sandbox),
            recorder=EvaluationRecorder(
                store=engines.store,
                builder=self._builder,
                clock=engines.clock,
                ids=engines.ids,
                recorder=self._recorder,
                debounce=self._debounce,
                planner=LauncherPlanner(
                    ids=engines.ids,
                    recorder=self._recorder,
                    reconciliation=self._reconciliation,
                ),
                endings=self._endings,
                schedule=self._schedule_wakeup,
                patience=Patience(
                    backoff=replace(BACKOFF, first=self._settings.remote.retry_after)
                ),
            ),
        )

    def _runner(self, role: Role, handle: Handle, *, prefetch: int = PREFETCH) -> Loop:
        return Runner(
            bus=self._engines.bus,
            role=role,
            handle=handle,
            prefetch=prefetch,
            seen=age_counter(self._engines, role),
        ).run
