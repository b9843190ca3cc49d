"""Segments are deleted for their age: those of this process, and those of workers that are no more."""

import os
from contextlib import ExitStack, suppress
from pathlib import Path

from sqlalchemy import Connection

from kansatsu.advisor import chain
from kansatsu.advisor.segments import NAME, EvidenceLost, Position, claim
from kansatsu.identity import Store


def prune(store: Store, directory: Path, own: str, ended: int, oldest: float) -> int:
    """Delete what was last written before `oldest` (epoch seconds): of `own` the segments before `ended`, of others
    while no process records under their names. How many files.

    INVARIANT: the link goes first, so that no reader ever takes for a gap what was deleted for its age.
    """
    with ExitStack() as held:
        with store.read() as conn:
            known, present = chain.links(conn), chain.present(directory)
            times = {**present, **{name: link.last for name, link in known.items()}}
            old: dict[str, set[str]] = {}
            for name, time in times.items():
                if time < oldest and (match := NAME.fullmatch(name)):
                    old.setdefault(match["worker"], set()).add(name)
            gone = {name for name in old.pop(own, set()) if _number(name) < ended}
            for worker in old.keys() & {name.partition("-")[0] for name in present}:
                with suppress(EvidenceLost):
                    held.callback(os.close, claim(directory, worker))
                    gone |= _registered(conn, worker, old[worker], known)
        left = {name.partition("-")[0] for name in {*known, *present} - gone}
        if gone & known.keys():
            with store.write() as conn:
                chain.keep(conn, dict.fromkeys(gone & known.keys()))
                for worker in old.keys() - left:
                    chain.forget_position(conn, worker)
        for name in gone & present.keys():
            (directory / name).unlink(missing_ok=True)
        return len(gone & present.keys())


def _registered(conn: Connection, worker: str, names: set[str], known: chain.Links) -> set[str]:
    """INVARIANT: what the registers do not have yet, and will once that worker starts again, stays.

    A worker of which this database knows no place was one of another database.
    """
    reached = chain.position(conn, worker)
    ends = {name: link.size for name, link in known.items() if link.ended}
    return {
        name
        for name in names
        if reached == Position(0, 0)
        or _number(name) < reached.number
        or Position(_number(name), ends.get(name, -1)) == reached
    }


def _number(name: str) -> int:
    return int(name.partition("-")[2].partition(".")[0])
