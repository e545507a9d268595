"""Settings that had another name before version 0.2.0, and the name that they have now.

Nothing is read under an old name: a setting that is overlooked in silence is worse than
a start that fails. What is answered gives the new name.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["RENAMED_SETTINGS"]

RENAMED_SETTINGS: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("look", "quiet"): ("evaluation", "debounce"),
    ("look", "patience"): ("evaluation", "max_delay"),
    ("look", "at_once"): ("evaluation", "concurrency"),
    ("look", "sweep"): ("sweep", "interval"),
    ("look", "sweep_max"): ("sweep", "max_interval"),
    ("look", "sweep_rate"): ("sweep", "max_per_hour"),
    ("build", "at_once"): ("build", "max_concurrent"),
    ("build", "per_project"): ("build", "max_per_project"),
    ("build", "base_rate"): ("build", "max_background_per_hour"),
    ("forge", "spare"): ("forge", "rate_limit_reserve"),
    ("forge", "feedback"): ("forge", "commit_status"),
    ("hook", "check"): ("hook", "check_interval"),
    ("receive", "big_bodies"): ("receive", "max_large_bodies"),
    ("receive", "keep_deliveries"): ("receive", "deliveries_per_hook"),
    ("receive", "publish_budget"): ("receive", "publish_deadline"),
    ("local", "visible"): ("local", "read_only_paths"),
    ("kubernetes", "base_check"): ("kubernetes", "base_check_interval"),
    ("kubernetes", "keep"): ("kubernetes", "job_ttl"),
    ("kubernetes", "smoke"): ("kubernetes", "smoke_test"),
    ("kubernetes", "smoke_deadline"): ("kubernetes", "smoke_test_deadline"),
    ("kubernetes", "trusted"): ("kubernetes", "trust_builder"),
}
"""Section and key → section and key, as they stand in the configuration file."""
