"""A strict reader of the text format of Prometheus: what it does not know, it does not pass over."""

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) (\S.*)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def families(text):
    """Name → labels, as a tuple of pairs → value. Each family has its help and type first, and stands once."""
    assert text.endswith("\n"), "the last line has no end"
    found, kinds, helped = {}, {}, None
    for line in text[:-1].split("\n"):
        if match := _HELP.fullmatch(line):
            helped = match[1]
            assert helped not in found, f"{helped} stands twice"
        elif match := _TYPE.fullmatch(line):
            assert match[1] == helped, f"{line}: no help before it"
            found[helped], kinds[helped] = {}, match[2]
            # By the rules of names.
            assert helped.endswith("_total") == (match[2] == "counter"), helped
        else:
            match = _SAMPLE.fullmatch(line)
            assert match and match[1] == helped in found, line
            labels = _labels(match[2] or "")
            assert labels not in found[helped], f"{line}: stands twice"
            found[helped][labels] = float(match[3])
            assert kinds[helped] == "gauge" or found[helped][labels] >= 0, line
    return found


def _labels(text):
    pairs, place = [], 0
    while place < len(text):
        match = _LABEL.match(text, place)
        assert match, text
        pairs.append((match[1], re.sub(r"\\(.)", lambda one: {"n": "\n"}.get(one[1], one[1]), match[2])))
        place = match.end()
    return tuple(pairs)


def values(text, name, label=None):
    """The samples of a family, by the value of its one label; without a label its only sample."""
    samples = families(text)[name]
    if label is None:
        assert set(samples) == {()}, samples
        return samples[()]
    assert all(len(labels) == 1 and labels[0][0] == label for labels in samples), samples
    return {labels[0][1]: value for labels, value in samples.items()}
