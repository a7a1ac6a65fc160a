"""The instances that are known now, and the choice of one for a call."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence

import structlog

from ....balancing import Balancing
from .ejection import Ejection, Member
from .instance import Instance
from .metrics import EJECTIONS, INSTANCES, REASONS

log = structlog.get_logger()

NAMED = 10  # instances in one log line


class Members:
    """The known instances of one dependency. Those that stay keep their counts when others come and go."""

    def __init__(
        self, dependency: str, choose: Balancing, policy: Ejection, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """None are known yet. `choose` is the algorithm."""
        self._dependency = dependency
        self._choose = choose
        self._policy = policy
        self._clock = clock
        self._all: dict[str, Member] = {}
        for reason in REASONS:
            EJECTIONS.labels(dependency, reason)
        self._show()

    def __len__(self) -> int:
        """The number of instances."""
        return len(self._all)

    def replace(self, instances: Iterable[Instance]) -> None:
        """These are the instances from now on."""
        new = {instance.name: instance for instance in instances}
        added = [name for name in new if name not in self._all]
        removed = [name for name in self._all if name not in new]
        before, self._all = self._all, {}
        for name, instance in new.items():
            member = before.get(name) or Member(instance, self._policy, self._clock)
            member.instance = instance
            self._all[name] = member
        if added or removed:
            log.info(
                "http_client.instances_changed",
                dependency=self._dependency,
                added=added[:NAMED],
                removed=removed[:NAMED],
                known=len(self._all),
            )
        self._readmit_beyond_the_share()
        self._show()

    def choose(self, tried: Collection[str], key: str, *, repeatable: bool) -> Member:
        """One instance for a call, if possible none of `tried`. There must be at least one instance.

        An ejected one whose time is over is tried first: one call only. `repeatable` calls do so earlier.
        """
        for member in self._all.values():
            if member.name not in tried and member.is_due(repeatable=repeatable):
                member.on_trial = True
                return member
        usable = [member for member in self._all.values() if not member.ejected] or list(self._all.values())
        fresh = [member for member in usable if member.name not in tried] or usable
        first = min(member.instance.priority for member in fresh)
        return self._choose([member for member in fresh if member.instance.priority == first], key)

    def ended(self, member: Member, *, failed: bool | None) -> None:
        """A call of an instance has ended. None: nothing about the instance is known from it."""
        on_trial, member.on_trial = member.on_trial and member.ejected, False
        if failed is None:
            return
        reason = member.count(failed=failed)
        if on_trial and failed:
            self._eject(member, "failed_trial")
        elif on_trial:
            self._readmit(member, "its trial succeeded")
        elif reason and not member.ejected and self._may_eject():
            self._eject(member, reason)

    def _may_eject(self) -> bool:
        return self._ejected + 1 <= self._policy.most * len(self._all)

    @property
    def _ejected(self) -> int:
        return sum(member.ejected for member in self._all.values())

    def _eject(self, member: Member, reason: str) -> None:
        member.eject()
        if member.name in self._all:  # else discovery has removed it meanwhile
            EJECTIONS.labels(self._dependency, reason).inc()
            log.warning(
                "http_client.instance_ejected",
                dependency=self._dependency,
                instance=member.name,
                reason=reason,
                seconds=member.ejected_seconds,
            )
        self._show()

    def _readmit(self, member: Member, reason: str) -> None:
        member.readmit()
        seconds = round(self._clock() - member.ejected_at, 3)
        log.info(
            "http_client.instance_returned",
            dependency=self._dependency,
            instance=member.name,
            reason=reason,
            ejected_seconds=seconds,
        )
        self._show()

    def _readmit_beyond_the_share(self) -> None:
        """When instances have left, so that more than the share of the others would be ejected."""
        ejected: Sequence[Member] = sorted((m for m in self._all.values() if m.ejected), key=lambda m: m.ejected_at)
        surplus = max(len(ejected) - int(self._policy.most * len(self._all)), 0)
        for member in ejected[:surplus]:
            self._readmit(member, "too few others are known")

    def _show(self) -> None:
        ejected = self._ejected
        INSTANCES.labels(self._dependency, "available").set(len(self._all) - ejected)
        INSTANCES.labels(self._dependency, "ejected").set(ejected)
