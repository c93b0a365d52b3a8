"""A throw-away certificate authority on openssl, for one test session."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

TRUST_DOMAIN = "insights.test"

_CONFIG = """
[ca]
default_ca = only
[only]
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
crlnumber = {folder}/crlnumber
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_days = 2
default_crl_days = 2
policy = anything
unique_subject = no
[anything]
commonName = supplied
"""


def openssl(*arguments, **options):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @property
    def certificate_pem(self):
        return self.certificate.read_bytes()

    @property
    def key_pem(self):
        return self.key.read_bytes()


class Authority:
    """Issues certificates with P-256 keys."""

    def __init__(self, folder, name="insights test"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.certificate = self.folder / "ca.pem"
        self._config = self.folder / "openssl.cnf"
        self._config.write_text(_CONFIG.format(folder=self.folder))
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text("1000\n")
        (self.folder / "crlnumber").write_text("01\n")
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30,
            "-keyout", self.folder / "ca.key", "-out", self.certificate, "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def _issue(self, name, usage, alternative_names, validity):
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            f"extendedKeyUsage={usage}\nsubjectAltName={','.join(alternative_names)}\n"
        )
        identity = Identity(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request = self.folder / f"{name}.csr"
        openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", identity.key, "-out", request, "-subj", f"/CN={name}",
        )  # fmt: skip
        openssl(
            "ca", "-batch", "-notext", "-config", self._config, "-in", request, "-out", identity.certificate,
            "-extfile", extensions, *validity,
        )  # fmt: skip
        return identity

    def server(self, name="server"):
        return self._issue(name, "serverAuth", ["DNS:localhost", "IP:127.0.0.1"], ())

    def client(self, name, *uris, expired=False, until=None):
        """`until` is the last second of validity, a `datetime` in UTC."""
        end = until.strftime("%Y%m%d%H%M%SZ") if until else "20200201000000Z"
        validity = ("-startdate", "20200101000000Z", "-enddate", end) if expired or until else ()
        return self._issue(name, "clientAuth", [f"URI:{uri}" for uri in uris], validity)

    def principal(self, partner, principal, name=None, **options):
        return self.client(name or principal, principal_uri(partner, principal), **options)

    def operator(self, name="feeder"):
        return self.client(name, f"spiffe://{TRUST_DOMAIN}/operator/{name}")

    def revoke(self, identity):
        openssl("ca", "-config", self._config, "-revoke", identity.certificate)

    def write_revocations(self, path, seconds=None):
        """Whole at once, as an operator would: written beside and renamed. Valid for so many seconds, or two days."""
        path = Path(path)
        beside = path.with_suffix(".new")
        self.revocation_list(beside, *(("-crlsec", seconds) if seconds else ()))
        beside.rename(path)

    def revocation_list(self, path, *options, extensions="", revoked=None):
        """A list of any kind. `extensions` are lines of a configuration's section, behind which others may follow;
        `revoked` names the only ones on it, instead of all that ever were."""
        config, index = self.folder / "list.cnf", self.folder / "index.txt"
        config.write_text(self._config.read_text() + (f"[list]\n{extensions}\n" if extensions else ""))
        options = (*options, "-crlexts", "list") if extensions else options
        kept = index.read_text()
        try:
            if revoked is not None:
                names = [f"/CN={identity.certificate.stem}" for identity in revoked]
                rows = [row for row in (line.split("\t") for line in kept.splitlines()) if row[5] in names]
                index.write_text("".join("\t".join(["R", row[1], "260101000000Z", *row[3:]]) + "\n" for row in rows))
            openssl("ca", "-config", config, "-gencrl", "-out", path, *options)
        finally:
            index.write_text(kept)
        return Path(path)


def principal_uri(partner, principal):
    return f"spiffe://{TRUST_DOMAIN}/partner/{partner}/principal/{principal}"
