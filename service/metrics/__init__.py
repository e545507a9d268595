"""The metrics of the service, for Prometheus."""

from service.metrics.instruments import Metrics
from service.metrics.state_gauges import STATE_GAUGES

__all__ = ["STATE_GAUGES", "Metrics"]
