"""A PostgreSQL of the tests' own (Tests/postgres.sh), one for the process; a database for each data folder.

`INSIGHTS_TEST_STORE=postgres` lets every server of the suite that is given no `--store` have one in it. With
`INSIGHTS_TEST_CITUS`, the connection string of an administrator of a Citus coordinator to which nothing else belongs,
the databases are there, and stores have their folded state on its workers. Its nodes let that user in without a word.
"""

import atexit
import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "postgres.sh"
EVERYWHERE = os.environ.get("INSIGHTS_TEST_STORE") == "postgres"
# The login that servers get; has no rights but those of its role.
SERVER = "one_server"
CITUS = os.environ.get("INSIGHTS_TEST_CITUS")


class Postgres:
    _shared = None
    _missing = None

    @classmethod
    def shared(cls):
        """None where there is no PostgreSQL."""
        if cls._shared is None and cls._missing is None:
            try:
                cls._shared = Citus() if CITUS else cls()
            except FileNotFoundError as missing:
                cls._missing = str(missing)
        return cls._shared

    def __init__(self):
        self._process = subprocess.Popen(
            [SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        words = self._process.stdout.readline().split()
        if len(words) != 3 or words[0] != "ready":
            raise FileNotFoundError("there is no PostgreSQL: Tests/install.sh test")
        self.folder, self.port = words[1], int(words[2])
        # Of the standby, or of where the last primary was.
        self.other_port = None
        self._made = 0

    def close(self):
        self._process.stdin.close()
        self._process.wait()

    def order(self, word):
        """One of the script's: `stop` as if the power went, `start` … Returns what it answers besides."""
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        done, *words = self._process.stdout.readline().split()
        assert done == "done", word
        return words

    def make_standby(self):
        """A synchronous one, of the primary as it is."""
        (port,) = self.order("standby")
        self.other_port = int(port)

    def promote(self):
        """The standby is the primary from now on."""
        (port,) = self.order("promote")
        self.port, self.other_port = int(port), self.port

    def name(self, database, user=SERVER):
        return f"host={self.folder} port={self.port} dbname={database} user={user}"

    def name_of_both(self, name):
        """The same store, wherever the primary is."""
        return name.replace(
            f"host={self.folder} port={self.port}",
            f"host={self.folder},{self.folder} port={self.port},{self.other_port}",
        )

    def try_sql(self, statement, database="postgres", user="postgres", port=None):
        name = self.name(database, user).replace(f"port={self.port}", f"port={port or self.port}")
        return subprocess.run(
            ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, name],
            capture_output=True, text=True,
        )  # fmt: skip

    def sql(self, statement, database="postgres", port=None):
        done = self.try_sql(statement, database, port=port)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def database(self):
        """An empty one."""
        self._made += 1
        self.sql(f"CREATE DATABASE folder_{self._made}")
        return f"folder_{self._made}"

    # What `insightsd migrate` is given besides.
    MIGRATION = ()

    def store(self, run):
        """The name of a new store, made by `insightsd migrate`."""
        database = self.database()
        done = run("migrate", *self.MIGRATION, "--store", self.name(database, "postgres"))
        assert done.returncode == 0, done.stderr
        if self.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{SERVER}'") == "0":
            self.sql(f"CREATE ROLE {SERVER} LOGIN IN ROLE insights_server")
        return self.name(database)


class Citus(Postgres):
    """A Citus that was there before. Servers may run no statement that concerns several shards."""

    MIGRATION = ("--citus",)
    # Each takes a process on every node.
    KEPT = 4

    def __init__(self):
        self._made = 0
        self.workers = self.sql("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid > 0").splitlines()
        assert self.workers, "INSIGHTS_TEST_CITUS has no workers"
        self.coordinator = self.sql("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = 0").split("|")
        atexit.register(self.drop, 0)

    def close(self):
        pass

    def order(self, word):
        raise NotImplementedError("a Citus that was there before is not stopped")

    def name(self, database, user=SERVER):
        return self.words(dbname=database, user=user)

    def on_worker(self, number, database):
        host, port = self.workers[number].split("|")
        return self.words(host=host, port=port, dbname=database)

    @staticmethod
    def words(**others):
        words = dict(word.split("=", 1) for word in CITUS.split()) | others
        known = [word for word in ("host", "port", "dbname", "user") if word in words]
        return " ".join(f"{word}={words[word]}" for word in known + [word for word in words if word not in known])

    def sql(self, statement, database="postgres", worker=None):
        place = self.words(dbname=database) if worker is None else self.on_worker(worker, database)
        done = subprocess.run(
            ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, place], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def drop(self, kept):
        for number in range(max(1, self._made - kept - 1), self._made - kept + 1):
            for worker in [None, *range(len(self.workers))]:
                self.sql(f"DROP DATABASE IF EXISTS folder_{number} WITH (FORCE)", worker=worker)

    def database(self):
        self._made += 1
        name = f"folder_{self._made}"
        self.drop(self.KEPT)
        for worker in [None, *range(len(self.workers))]:
            self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", worker=worker)
            self.sql(f"CREATE DATABASE {name}", worker=worker)
            self.sql("CREATE EXTENSION citus", name, worker)
        self.sql("SELECT citus_set_coordinator_host('{}', {})".format(*self.coordinator), name)
        for worker in self.workers:
            host, port = worker.split("|")
            self.sql(f"SELECT citus_add_node('{host}', {port})", name)
        return name

    def store(self, run):
        store = super().store(run)
        self.sql(f"ALTER ROLE {SERVER} SET citus.multi_task_query_log_level = 'error'")
        return store
