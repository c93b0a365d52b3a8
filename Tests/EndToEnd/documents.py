"""The documents that users read, and where in them something stands."""

from daemon import ROOT

README = (ROOT / "README.md").read_text()
# By name, such as `limits`.
DOCS = {path.stem: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
EVERYTHING = "\n".join([README, *DOCS.values()])


def section(text, name):
    """What stands under a heading of the second level."""
    return text.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
