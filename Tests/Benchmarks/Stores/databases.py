"""PostgreSQLs of the benchmark's own, one with a synchronous standby where it is asked for, and what the disk that they
are on allows. They end with the process that started them, whatever ends that."""

import glob
import os
import pathlib
import pwd
import shutil
import subprocess
import time

# The login that servers get; has no rights but those of its role.
SERVER = "one_server"
STANDBY = "standby"
SETTINGS = {
    "listen_addresses": "", "max_connections": "100", "shared_buffers": "256MB", "max_wal_size": "2GB",
    "wal_level": "replica",
}  # fmt: skip
TICKS = os.sysconf("SC_CLK_TCK")
# Bound against waiting for ever, in seconds.
WAIT_SECONDS = 60


def programs():
    """The folder of PostgreSQL's programs: POSTGRES_BIN, or the newest of Debian's."""
    named = os.environ.get("POSTGRES_BIN")
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
    if not named and not found:
        raise SystemExit("there is no PostgreSQL: Tests/install.sh cluster")
    return pathlib.Path(named or found[-1])


def unprivileged():
    """Who runs PostgreSQL, which refuses to be root's: words that come before a command, and the user's id."""
    if os.getuid() != 0:
        return [], os.getuid()
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"], user.pw_uid


class Postgres:
    """One of them, in `folder`/`name`."""

    def __init__(self, folder, name, of=None):
        """Of another: a standby of it, which that one waits for from then on."""
        self.folder, self.name, self.port = pathlib.Path(folder), name, 5432
        self._bin = programs()
        self._as, owner = unprivileged()
        self._data, self._socket = self.folder / name, self.folder / f"{name}-socket"
        for path in (self._data, self._socket):
            path.mkdir(mode=0o700)
            os.chown(path, owner, -1)
        self._log = open(self.folder / f"{name}.log", "w")
        self._process, self._of = None, of

    def start(self):
        of = self._of
        if of is None:
            self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
                      "--no-instructions")  # fmt: skip
        else:
            self._run("pg_basebackup", "-D", self._data, "-R", "-X", "stream", "-c", "fast", "-d",
                      f"{of.superuser} application_name={STANDBY}")  # fmt: skip
        self._start()
        if of is not None:
            of.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
            of.sql("SELECT pg_reload_conf()")
            wait(lambda: of.sql("SELECT sync_state FROM pg_stat_replication") == "sync", "the standby")
        return self

    def _words(self, program, *words, dies_with=None):
        guard = ["--pdeathsig", dies_with] if dies_with else []
        return ["setpriv", *self._as, *guard, str(self._bin / program), *map(str, words)]

    def _run(self, *words):
        done = subprocess.run(self._words(*words), cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{words[0]}: {done.stderr}")
        return done.stdout

    def _start(self):
        settings = [word for item in SETTINGS.items() for word in ("-c", "=".join(item))]
        self._process = subprocess.Popen(
            self._words("postgres", "-D", self._data, "-k", self._socket, "-p", self.port, *settings, dies_with="QUIT"),
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        ready = self._words("pg_isready", "-q", "-h", self._socket, "-p", self.port)
        wait(lambda: subprocess.run(ready).returncode == 0, self.name)

    def stop(self):
        """At once; its files are to be removed."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(3)
            self._process.wait(WAIT_SECONDS)
        self._log.close()

    @property
    def superuser(self):
        return f"host={self._socket} port={self.port} user=postgres"

    def sql(self, statement, database="postgres"):
        return self._run(
            "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, f"{self.superuser} dbname={database}"
        ).strip()

    def store(self, insightsd, database):
        """The name of a new store."""
        self.sql(f"CREATE DATABASE {database}")
        owner = f"{self.superuser} dbname={database}"
        done = subprocess.run([insightsd, "migrate", "--store", owner], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"migrate: {done.stderr}")
        if self.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{SERVER}'") == "0":
            self.sql(f"CREATE ROLE {SERVER} LOGIN IN ROLE insights_server")
        return f"host={self._socket} port={self.port} dbname={database} user={SERVER}"

    def cpu(self):
        """Seconds of all its processes, those that have ended among them."""
        root, ticks = self._process.pid, 0
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                fields = pathlib.Path(stat).read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            pid, parent = int(stat.split("/")[2]), int(fields[1])
            if pid == root:
                ticks += sum(map(int, fields[11:15]))
            elif parent == root:
                ticks += sum(map(int, fields[11:13]))
        return ticks / TICKS


def wait(happens, what):
    end = time.monotonic() + WAIT_SECONDS
    while not happens():
        if time.monotonic() > end:
            raise SystemExit(f"{what} took too long")
        time.sleep(0.05)


class Disk:
    """The disk under a folder: how often a second it makes a write durable, one after the other."""

    def __init__(self, folder):
        self._path = pathlib.Path(folder) / "disk"
        self.rates = []

    def measure(self, seconds):
        page = os.urandom(8192)
        with open(self._path, "wb", buffering=0) as file:
            file.write(bytes(16 << 20))
            os.fsync(file)
            began, count = time.monotonic(), 0
            while (now := time.monotonic()) < began + seconds:
                os.pwrite(file.fileno(), page, count % 2048 * 8192)
                os.fdatasync(file)
                count += 1
        self._path.unlink()
        self.rates.append(count / (now - began))
        return self.rates[-1]

    def summary(self):
        kind = subprocess.run(["stat", "-f", "-c", "%T", self._path.parent], capture_output=True, text=True)
        return (
            f"`fdatasync` of 8 KiB on the same disk ({kind.stdout.strip()}), before each round of writing: "
            f"{min(self.rates):,.0f} to {max(self.rates):,.0f} a second")



def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
