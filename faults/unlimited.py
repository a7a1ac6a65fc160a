"""Reverts of limits on clients."""

from .reverts import FOR_EVER, Revert

LIMITS, MESSAGES, PROTOCOL = "server/limits.py", "server/messages.py", "server/protocol.py"
ALL_DESCRIPTORS = (LIMITS, "if soft == resource.RLIM_INFINITY:", "if True:")
FRAMING = (MESSAGES, "if self._framing > self._max_head:", "if False:")

REVERTS = (
    Revert(
        rows=("endless header lines", "endless header value", "endless target"),
        what="no limit on a head",
        settings={"MAX_HEAD_BYTES": "1000000000"},
    ),
    Revert(rows=("endless chunk extension", "endless trailers"), what="no limit on framing", edits=[FRAMING]),
    Revert(
        rows=("endless pipelined requests, then garbage", "malformed requests"),
        what="malformed requests are not refused",
        edits=[(MESSAGES, 'self.refuse("malformed")', "pass")],
    ),
    Revert(
        rows=("endless chunks of one byte",),
        what="one connection is parsed in one turn, and framing is not counted as discarded",
        edits=[
            (MESSAGES, "if pieces == PIECES or (at >= PIECE_BYTES and not self._left):", "if False:"),
            (PROTOCOL, "self._discard(len(body) + FRAMING_PER_BYTE)", "self._discard(len(body))"),
        ],
    ),
    Revert(
        rows=("nothing sent", "half a head", "dripping head"),
        what="no deadline for a head",
        settings={"HEAD_SECONDS": FOR_EVER},
    ),
    Revert(rows=("half a body", "slow bodies"), what="no deadline for a body", settings={"BODY_SECONDS": FOR_EVER}),
    Revert(rows=("unread response",), what="no deadline for reading", settings={"WRITE_SECONDS": FOR_EVER}),
    Revert(rows=("idle connection",), what="no limit on keep-alive", settings={"KEEP_ALIVE_SECONDS": FOR_EVER}),
    Revert(
        rows=("dripping body",),
        what="the deadline of a body is total",
        edits=[(PROTOCOL, " or self._progressed or (answered", " or (answered")],
    ),
    Revert(
        rows=("silent connections", "half heads", "few descriptors"),
        what="no limit on connections",
        edits=[ALL_DESCRIPTORS],
        settings={"MAX_CONNECTIONS": "1000000"},
    ),
    Revert(
        rows=("few threads",),
        what="no limit on management connections",
        edits=[("management/protocol.py", "connections: int = 64", "connections: int = 100_000")],
    ),
    Revert(
        rows=("stall",),
        what="only a stall of 5 s leaves an event",
        edits=[("management/stalls.py", "STALL_SECONDS = 0.25", "STALL_SECONDS = 5.0")],
    ),
    Revert(
        rows=("behind a blocked loop",),
        what="the clock starts at the first read",
        edits=[
            (PROTOCOL, "time.perf_counter_ns() if self._in_body else self._received_at()", "time.perf_counter_ns()")
        ],
    ),
    Revert(
        rows=("overload, CPU", "overload, CPU, kept", "overload, threads", "overload, threads, kept"),
        what="no load is shed",
        settings={"SHED_SECONDS": "0"},
    ),
    Revert(
        rows=("h2c offer",),
        what="what follows an offer is dropped",
        edits=[(MESSAGES, "return int(offer.args[0])", "return 1 << 30")],
    ),
    Revert(
        rows=("unknown protocol",),
        what="refused offers are not counted",
        edits=[("server/refusing.py", 'self._refusals.count("upgrade_refused", self._address)', "pass")],
    ),
)
