"""What is remembered stays within bounds, and stays what it was."""

from service.adapters.forge_api.caches import PER_ENTRY, ImmutableCache

THING = bytes(1000 - PER_ENTRY)


def test_the_least_recently_used_go_first() -> None:
    kept = ImmutableCache[bytes](most=10_000, size=len)
    for place in range(10):
        kept.keep(place, THING)
    kept.get(0)

    kept.keep("new", THING)

    assert len(kept) == 10
    assert kept.get(0) is THING
    assert kept.get(1) is None


def test_one_large_thing_does_not_drive_out_the_others() -> None:
    kept = ImmutableCache[bytes](most=10_000, size=len)
    kept.keep("small", THING)

    kept.keep("large", bytes(5_000))

    assert kept.get("large") is None
    assert kept.get("small") is THING
