"""A PostgreSQL of the tests' own (Tests/postgres.sh), one for the process; a database for each data folder.

`INSIGHTS_TEST_STORE=postgres` lets every server of the suite that is given no `--store` have one in it.
"""

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "postgres.sh"
EVERYWHERE = os.environ.get("INSIGHTS_TEST_STORE") == "postgres"
# The login that servers get; has no rights but those of its role.
SERVER = "one_server"


class Postgres:
    _shared = None
    _missing = None

    @classmethod
    def shared(cls):
        """None where there is no PostgreSQL."""
        if cls._shared is None and cls._missing is None:
            try:
                cls._shared = cls()
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

    def sql(self, statement, database="postgres", port=None):
        name = self.name(database, "postgres").replace(f"port={self.port}", f"port={port or self.port}")
        done = subprocess.run(
            ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, name],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def database(self):
        """An empty one."""
        self._made += 1
        self.sql(f"CREATE DATABASE folder_{self._made}")
        return f"folder_{self._made}"

    def store(self, run):
        """The name of a new store, made by `insightsd migrate`."""
        database = self.database()
        done = run("migrate", "--store", self.name(database, "postgres"))
        assert done.returncode == 0, done.stderr
        if self.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{SERVER}'") == "0":
            self.sql(f"CREATE ROLE {SERVER} LOGIN IN ROLE insights_server")
        return self.name(database)
