"""Browsers, telephones and kiosks, with the cookies that come and go on them.

Tablets are shared in households, kiosks by everybody in a store, and some browsers forget
their cookies within days. Who was at a device in a session is truth.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo.calendar_days import Days
from orchestration.demo.columns import Column, digits, hexadecimal, joined
from orchestration.demo.people import CARDLESS, People
from orchestration.demo.random_numbers import Bools, Ints, Stream, Streams, key_of, mixed
from orchestration.demo.trouble import Trouble

DEVICE_KINDS = ("mobile", "desktop", "tablet")
MOBILE, _, TABLET = range(3)
SYSTEMS = ("iOS", "Android", "Windows", "Macintosh")
BROWSERS = ("Safari", "Chrome", "Edge", "Firefox")
_SYSTEM_OF = ((0, 1), (2, 3), (0, 1))
_COOKIE_DAYS = (7, 180, 90, 60)
"""How long a browser keeps a cookie."""
_SHARED_TABLETS = 300_000


@dataclass(frozen=True)
class Devices:
    """Devices in arrays; the last ones are the kiosks, one a store."""

    is_shared: Bools
    kind: Ints
    system: Ints
    browser: Ints
    cookie_days: Ints
    kiosk_start: int
    used: Ints
    """Devices of people, ordered by person."""
    pairs_start: Ints
    """Where a person's devices begin in `used`; one entry more than people."""
    cookies_per_device: int
    kiosk_ppm: int
    key: int

    def of_sessions(self, person: Ints, store: Ints, stream: Stream) -> Ints:
        """A device for each session: one of the person's, rarely the kiosk of the store."""
        count = len(person)
        start, stop = self.pairs_start[person], self.pairs_start[person + 1]
        device = self.used[start + stream.below(np.maximum(stop - start, 1), count)]
        return np.where(stream.chance(self.kiosk_ppm, count), self.kiosk_start + store, device)

    def first_of(self, person: Ints) -> Ints:
        """The telephone of each person who is ever online; for others any device."""
        return self.used[np.minimum(self.pairs_start[person], len(self.used) - 1)]

    def cookie(self, device: Ints, day: Ints) -> Ints:
        """Number of the cookie that a device carries on a day."""
        phase = device * 7 % self.cookie_days[device]
        epoch: Ints = (day + phase) // self.cookie_days[device]
        return device * self.cookies_per_device + epoch

    def device_of_cookie(self, cookie: Ints) -> Ints:
        return cookie // self.cookies_per_device

    def cookie_text(self, cookie: Ints) -> Column:
        """A client id as web analytics writes it: two numbers and a dot."""
        word = mixed(cookie, self.key)
        high, low = (word >> np.uint64(32)), (word & np.uint64(0xFFFFFFFF))
        return joined(digits(high.astype(np.int64)), ".", digits(low.astype(np.int64)))

    def app_id_text(self, device: Ints) -> Column:
        """The id that the app's library gave a device."""
        return hexadecimal(mixed(device, self.key ^ 1), mixed(device, self.key ^ 2))

    def push_token_text(self, device: Ints) -> Column:
        return joined("ptk_", hexadecimal(mixed(device, self.key ^ 3)))


def make_devices(
    people: People, stores: int, days: Days, trouble: Trouble, streams: Streams
) -> Devices:
    """Give everyone who is ever online one to three devices, and some households a tablet."""
    stream = streams.named("devices")
    online = np.flatnonzero(people.kind != CARDLESS)
    owner = np.repeat(online, stream.pick((45, 40, 15), len(online)) + 1)
    tablets = _shared_tablets(stream, people)
    own_count = len(owner)
    count = own_count + len(tablets) + stores
    kind = stream.pick((60, 32, 8), count)
    kind[own_count:] = TABLET
    # The first device of a person is a telephone: an app needs one.
    kind[np.flatnonzero(np.diff(owner, prepend=-1))] = MOBILE
    system = np.array(_SYSTEM_OF)[kind, stream.below(2, count)]
    browser = np.where(system == 0, 0, stream.pick((10, 62, 18, 10), count))
    cookie_days = np.array(_COOKIE_DAYS)[browser]
    user = np.concatenate([owner, tablets[:, 0], tablets[:, 1]])
    tablet_devices = own_count + np.arange(len(tablets))
    used = np.concatenate([np.arange(own_count), tablet_devices, tablet_devices])
    order = np.argsort(user, kind="stable")
    starts = np.searchsorted(user[order], np.arange(len(people) + 1))
    is_shared = np.zeros(count, dtype=np.bool_)
    is_shared[own_count:] = True
    return Devices(
        is_shared=is_shared,
        kind=kind,
        system=system,
        browser=browser,
        cookie_days=cookie_days,
        kiosk_start=count - stores,
        used=used[order],
        pairs_start=starts,
        cookies_per_device=days.count // min(_COOKIE_DAYS) + 3,
        kiosk_ppm=trouble.kiosk,
        key=key_of(streams.seed, "devices"),
    )


def _shared_tablets(stream: Stream, people: People) -> Ints:
    """Pairs of head and member of a household that share a tablet."""
    ids = people.ids()
    is_member = (people.household != ids) & (people.kind != CARDLESS)
    is_member &= people.kind[people.household] != CARDLESS
    is_member &= stream.chance(_SHARED_TABLETS, len(people))
    members = ids[is_member]
    return np.stack([people.household[members], members], axis=1)
