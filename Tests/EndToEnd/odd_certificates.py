"""Client certificates that no careful authority would issue."""

import itertools

from certificates import Identity, openssl, principal_uri

LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
CLIENT = "extendedKeyUsage=clientAuth\n"
KEYS = {
    "P-256": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "P-384": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "RSA-2048": ("-newkey", "rsa:2048"),
    "RSA-1024": ("-newkey", "rsa:1024"),
}


class Workshop:
    """Signs anything with an authority's key, or with the key of anything made here."""

    def __init__(self, folder, authority):
        self.folder = folder
        folder.mkdir()
        self.root = Identity(authority.certificate, authority.folder / "ca.key")
        self._numbers = itertools.count(1)
        self._requests = {}

    def _request(self, kind, subject):
        """A request and its key. Leaves of one kind of key share one, to be quick."""
        if subject in self._requests:
            return self._requests[subject]
        request, key = self.folder / f"{subject}.csr", self.folder / f"{subject}.key"
        openssl("req", "-new", *KEYS[kind], "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={subject}")
        self._requests[subject] = request, key
        return request, key

    def make(self, extensions, by=None, key="P-256", digest="sha256", subject=None, chain=()):
        """A certificate with these extensions, signed by the authority or by another identity; `chain` goes along."""
        number = next(self._numbers)
        by = by or self.root
        request, private = self._request(key, subject or f"authority-{number}")
        identity = Identity(self.folder / f"odd-{number}.pem", private)
        config = self.folder / f"odd-{number}.ext"
        config.write_text(extensions)
        openssl(
            "x509", "-req", "-in", request, "-CA", by.certificate, "-CAkey", by.key, "-set_serial", 5_000 + number,
            "-days", 2, f"-{digest}", "-extfile", config, "-out", identity.certificate,
        )  # fmt: skip
        if chain:
            with open(identity.certificate, "ab") as file:
                for link in chain:
                    file.write(link.certificate_pem)
        return identity

    def leaf(self, *names, usage=CLIENT, basics=LEAF, **how):
        """Names are those of the subject alternative name, such as `URI:…`; none leaves the extension out."""
        alternative = f"subjectAltName={','.join(names)}\n" if names else ""
        return self.make(basics + usage + alternative, subject=f"leaf-{how.get('key', 'P-256')}", **how)

    def alice(self, **how):
        """In the name of a registered admin: had it any right to, it would be let in."""
        return self.leaf(f"URI:{principal_uri('A', 'alice')}", **how)

    def chain(self, length):
        """Authorities under each other, the last one first; all of one key, to be quick."""
        key = self.folder / "chain.key"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        links = [self.root]
        for number in range(length):
            link = Identity(self.folder / f"link-{number}.pem", key)
            openssl(
                "req", "-x509", "-new", "-key", key, "-subj", f"/CN=link {number}", "-days", 2, "-out", link.certificate,
                "-CA", links[-1].certificate, "-CAkey", links[-1].key, "-set_serial", 90_000 + number,
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            )  # fmt: skip
            links.append(link)
        return links[:0:-1]
