"""What a store in PostgreSQL costs beside the embedded one: writing, following, starting and reading, all in one run and
in turn.

    stores.py FOLDER INSIGHTSD

FOLDER has the load generator that Service/build.sh makes. Stores, databases, certificates and logs are in a temporary
folder that is removed at the end, as are all processes. Nothing is asserted about time. From the environment:

    STORES='writing following starting instructions reading'     what is measured
    STORE_ROUNDS=3 STORE_SECONDS=2     rounds, and seconds of each measurement in them
    START_DAYS=5000000                 activity days that `starting` reads back
    STORE_CALLS=2000                   calls that `instructions` counts
    STORES_FOLDER=/tmp                 where the temporary folder is made: on the disk that is meant
"""

import contextlib
import os
import pathlib
import signal
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "Service"), str(HERE)]
import counting  # noqa: E402
import databases  # noqa: E402
import following  # noqa: E402
import reading  # noqa: E402
import servers  # noqa: E402
import starting  # noqa: E402
import writing  # noqa: E402

SUBJECTS = {
    "writing": writing.measure, "following": following.measure, "starting": starting.measure,
    "instructions": counting.measure, "reading": reading.measure,
}  # fmt: skip


class Bench:
    """What the subjects share. `plain` is a PostgreSQL, `pair` one with a synchronous standby; made when first asked
    for, and stopped by `cleanup`."""

    def __init__(self, folder, cleanup):
        self.folder, self._cleanup = folder, cleanup
        self.rounds = int(os.environ.get("STORE_ROUNDS", "3"))
        self.seconds = float(os.environ.get("STORE_SECONDS", "2"))
        self.disk = databases.Disk(folder.path)
        self._made = {}

    def _postgres(self, name, of=None):
        if name not in self._made:
            self._made[name] = postgres = databases.Postgres(self.folder.path, name, of)
            self._cleanup.callback(postgres.stop)
            postgres.start()
        return self._made[name]

    @property
    def plain(self):
        return self._postgres("plain")

    @property
    def pair(self):
        primary = self._postgres("primary")
        self._postgres("standby", primary)
        return primary


def ended(*_):
    raise SystemExit(143)


def main():
    built, insightsd = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    chosen = os.environ.get("STORES", " ".join(SUBJECTS)).split()
    if unknown := set(chosen) - set(SUBJECTS):
        raise SystemExit(f"STORES: {' '.join(unknown)} is none of {' '.join(SUBJECTS)}")
    os.environ.pop("INSIGHTS_TEST_STORE", None)
    signal.signal(signal.SIGTERM, ended)
    signal.signal(signal.SIGHUP, ended)
    with contextlib.ExitStack() as cleanup:
        scratch = tempfile.mkdtemp(prefix="insights-stores-", dir=os.environ.get("STORES_FOLDER"))
        cleanup.callback(databases.remove, scratch)
        # What ends the run, once it is ending, must not keep it from cleaning up.
        try:
            os.chmod(scratch, 0o755)
            for name in ("load", "sigsuspend.so"):
                os.symlink(built / name, f"{scratch}/{name}")
            folder = servers.Folder(scratch, insightsd)
            folder.prepare()
            with contextlib.ExitStack() as processes:
                bench = Bench(folder, processes)
                try:
                    for name in chosen:
                        SUBJECTS[name](bench)
                finally:
                    undisturbed()
            if bench.disk.rates:
                print(f"\n{bench.disk.summary()}")
        finally:
            undisturbed()


def undisturbed():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
