"""What several notebooks share is made once, before the workers start: sounds rendered, texts and sounds encoded."""

import time

from lib import profiles


def prepare(profile: profiles.Profile, data: str, seed: int) -> None:
    """Fill the cache of frames for this profile's seeds. Nothing is shared yet, so nothing is made."""


def timed(profile: str, data: str, seed: int) -> float:
    """Seconds that the preparation took; printed."""
    start = time.monotonic()
    prepare(profiles.get(profile), data, seed)
    seconds = time.monotonic() - start
    print(f"prepared: {seconds:.1f} s", flush=True)
    return seconds
