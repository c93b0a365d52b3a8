"""Config files altered by chance, the same each time: `check-config` reads them or says in one line what is wrong."""
import json
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon import BINARY

FOLDER = TemporaryDirectory()
ISSUER = Path(FOLDER.name) / "issuer.json"
ISSUER.write_text(json.dumps({"issuer": "i", "audience": "a", "jwks": "https://issuer.example/keys", "partners": {"t": "A"}}))
GOOD = json.dumps({
    "listen": "127.0.0.1:8443", "admin-listen": "[::1]:9464", "trust_domain": "insights.local", "loops": 2,
    "tls-cert": "/dev/null", "tls-key": "/dev/null", "token-issuer": [str(ISSUER)], "shutdown-grace": 30,
    "log-level": "info", "log_format": "json", "max-connections": 100,
}).encode()
WORDS = [
    b"null", b"true", b"-1", b"1e400", b"99999999999999999999", b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\ud800",
    b"\\u0000", b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"[" * 600, b'{"a":' * 600, b"0x10", b"nan", "ä\u202e".encode(),
]


def altered(seed):
    chance = random.Random(seed)
    text = bytearray(GOOD)
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(text) + 1)
        kind = chance.randrange(5)
        if kind == 0 and place < len(text):
            text[place] = chance.randrange(256)
        elif kind == 1:
            text[place:place] = chance.choice(WORDS)
        elif kind == 2:
            del text[place:place + chance.randrange(1, 30)]
        elif kind == 3:
            end = min(len(text), place + chance.randrange(1, 60))
            at = chance.randrange(len(text) + 1)
            text[at:at] = text[place:end]
        else:
            # Another value for a key: the kinds of values matter more than bytes.
            colon = text.find(b":", place)
            if colon >= 0:
                text[colon + 1:text.find(b",", colon)] = chance.choice(WORDS)
    return bytes(text)


def outcome(arguments):
    path, text = arguments
    path.write_bytes(text)
    done = subprocess.run([str(BINARY), "check-config", "--config", str(path)], capture_output=True, timeout=60)
    return text, done


def test_every_config_file_is_read_or_refused_in_one_line(tmp_path):
    files = [(tmp_path / f"{seed}.json", altered(seed)) for seed in range(80)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(outcome, [(tmp_path / "good.json", GOOD), *files]))
    assert results[0][1].returncode == 0, results[0][1].stderr
    refused = 0
    for text, done in results:
        assert done.returncode >= 0, f"ended by signal {-done.returncode}: {text!r}"
        if done.returncode != 0:
            refused += 1
            lines = done.stderr.decode().splitlines()
            assert lines and len(lines) <= 3 and lines[0].strip(), f"{text!r}: {done.stderr!r}"
            assert not any(ord(sign) < 0x20 for sign in lines[0]), f"{text!r}: {done.stderr!r}"
    assert 20 < refused < len(results), "alterations of both kinds"
