"""The difference between the packages of two images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.domain.building.build import Image, Package

__all__ = ["ChangedPackage", "PackageDifference", "compare_packages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPackage:
    """A package that one image has, or has in another version."""

    name: str
    manager: str
    """`pip` or `conda`."""
    before: str | None = None
    """Its version in the earlier image; None where it has none."""
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDifference:
    """How the packages of one image differ from those of another, by name."""

    added: tuple[ChangedPackage, ...] = ()
    removed: tuple[ChangedPackage, ...] = ()
    changed: tuple[ChangedPackage, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything differs."""
        return bool(self.added or self.removed or self.changed)


def compare_packages(before: Image, after: Image) -> PackageDifference | None:
    """Compare two images; None where the packages of one are not known."""
    if not before.packages or not after.packages:
        return None
    old, new = _versions(before.packages), _versions(after.packages)
    changes = [
        ChangedPackage(
            name=name, manager=manager, before=old.get(key), after=new.get(key)
        )
        for key in sorted(old.keys() | new.keys())
        for name, manager in [key]
        if old.get(key) != new.get(key)
    ]
    return PackageDifference(
        added=tuple(change for change in changes if change.before is None),
        removed=tuple(change for change in changes if change.after is None),
        changed=tuple(
            change for change in changes if None not in (change.before, change.after)
        ),
    )


def _versions(packages: Iterable[Package]) -> Mapping[tuple[str, str], str]:
    return {(package.name, package.manager): package.version for package in packages}
