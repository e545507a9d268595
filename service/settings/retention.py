"""Settings of what is kept for a while only."""

from datetime import timedelta

from service.domain.building.retention import RetentionPolicy
from service.settings.section import Duration, Section

__all__ = ["RetentionSettings"]


class RetentionSettings(Section):
    """How long what happened is kept; `0` keeps it for ever."""

    interval: Duration = timedelta(hours=1)
    """How often the leader removes what is old; never when 0."""
    log_lines: Duration = timedelta(days=90)
    """How long the log of a build is kept after its end."""
    evaluations: Duration = timedelta(days=180)
    """How long evaluations are kept; the last one of each source stays, and those of
    rebuilds that are kept."""
    deliveries: Duration = timedelta(days=90)
    """How long records of deliveries are kept, at most;
    `RELAUNCH_RECEIVE_DELIVERIES_PER_HOOK` bounds their number, too."""
    builds: Duration = timedelta(days=365)
    """How long finished rebuilds and builds are kept; the last one and the last three
    good ones of each launcher stay, and builds whose image is there."""
    images: Duration = timedelta(days=90)
    """How long after its build an image is kept that nothing names: no launcher starts
    from it or is offered it, and it is none of the last three of one."""

    def to_policy(self) -> RetentionPolicy:
        """Return the policy that the settings describe."""
        return RetentionPolicy(
            log_lines=self.log_lines,
            evaluations=self.evaluations,
            deliveries=self.deliveries,
            builds=self.builds,
            images=self.images,
        )
