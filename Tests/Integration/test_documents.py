"""The documents: links and anchors lead somewhere, each refusal says what to do, samples are valid."""

import functools
import os
import re
import subprocess
import sys

import pytest
import yaml
from support.fleet import ROOT

LINK = re.compile(r"\]\(([^)\s]*)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# A heading's anchor keeps letters, digits, hyphens and underscores, and a space becomes a hyphen.
DROPPED = re.compile(r"[^\w\- ]")
CODE = re.compile(r'^    case (\w+)(?: = "(\w+)")?$', re.MULTILINE)


@functools.cache
def text(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def documents() -> list[str]:
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files if name.endswith(".md")]
    return sorted(found)


@functools.cache
def anchors(path: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text(path)), re.MULTILINE)
    plain = [LINK.sub("", heading).replace("[", "") for heading in headings]
    return {DROPPED.sub("", heading.strip().lower()).replace(" ", "-") for heading in plain}


def objection(document: str, target: str) -> str | None:
    """Why a link of a document leads nowhere; nil if it leads somewhere."""
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
    if not os.path.exists(os.path.join(ROOT, path)):
        return f"{document} links to {target}: no such file"
    if anchor and anchor not in anchors(path):
        return f"{document} links to {target}: no such heading"
    return None


def test_links_and_anchors_lead_somewhere():
    links = [(document, target) for document in documents() for target in LINK.findall(FENCE.sub("", text(document)))]
    assert len(links) > 200
    assert [words for document, target in links if (words := objection(document, target))] == []
    # The check itself finds what is wrong.
    assert "no such file" in objection("docs/README.md", "nowhere.md")
    assert "no such heading" in objection("docs/README.md", "reference/refusals.md#nowhere")


def test_every_document_is_found_from_the_first_page():
    """By links from README.md, over any number of documents; a link to a folder leads to all that is in it."""
    everything = documents()
    found, ahead = set(), ["README.md"]
    while ahead:
        document = ahead.pop()
        found.add(document)
        for target in LINK.findall(FENCE.sub("", text(document))):
            path = os.path.normpath(os.path.join(os.path.dirname(document), target.partition("#")[0]))
            ahead += [one for one in everything if one not in found and (one == path or one.startswith(f"{path}/"))]
    assert [path for path in everything if path.startswith("docs/") and path not in found] == []


def test_every_refusal_says_what_to_do():
    """One row of docs/operate/trouble.md for each code, and no row for a code that is gone."""
    source = text("Sources/Gateway/Core/Refusals/RefusalCode.swift")
    codes = {match[2] or match[1] for match in CODE.finditer(source)}
    assert len(codes) > 20
    section = text("docs/operate/trouble.md").partition("## By refusal")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert sorted(code for code, _, _ in rows) == sorted(codes)
    assert all(len(cause) > 10 and len(remedy) > 10 for _, cause, remedy in rows)


def test_the_figures_of_the_first_page_are_the_recorded_ones():
    """README repeats numbers of the benchmarks, which are recorded anew now and then."""
    section = text("README.md").partition("## Figures")[2].partition("\n\n")[0]
    rows = [row for row in section.splitlines() if "`make bench" in row]
    numbers = {number for row in rows for number in re.findall(r"\d[\d,.]*", re.sub(r"HAProxy \S+", "", row))}
    recorded = set(re.findall(r"\d[\d,.]*", text("docs/benchmarks.md").replace(",", "")))
    assert len(rows) == 6 and [number for number in numbers if number.replace(",", "") not in recorded] == []


@pytest.mark.parametrize(("schema", "key"), [("vendor.github-workflows", "jobs"), ("vendor.gitlab-ci", "browsers")])
def test_the_samples_for_ci_are_valid(folder, schema, key):
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text("docs/start/ci.md"), re.MULTILINE | re.DOTALL)
    (sample,) = [block for block in blocks if key in yaml.safe_load(block)]

    def check(words: str) -> subprocess.CompletedProcess:
        path = os.path.join(folder, "sample.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(words)
        argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, path]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    checked = check(sample)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert check(sample.replace("npm ci", "{ no: step }")).returncode == 1
