"""Asks a database of vulnerabilities about every pinned package; says loudly when it could not be asked.

Exit status 0: every package was looked up, and nothing is known against any. 1: something is. 2: the audit was not
done, or not for every package; with ``--if-possible`` that is 0, so that a machine without the internet can be checked.

What the auditor itself says does not do: where the index that it asks is a mirror without advisories, it finds
nothing about any package, skips them all, and reports success.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("osv", "pypi")
"""Databases, the first that answers is believed: OSV has all advisories, PyPI hands on those about its own packages."""
SECONDS = 300


Package = tuple[str, str]
"""Name and version."""


class Audit(NamedTuple):
    """What is known about packages.

    Args:
        looked_up: those that a database knows.
        unknown: those that it does not, or that could not be asked about.
        findings: what is wrong, a line each.
    """

    looked_up: frozenset[Package]
    unknown: frozenset[Package]
    findings: tuple[str, ...]


def pinned(text: str) -> frozenset[Package]:
    r"""The packages of a requirements file.

    >>> sorted(pinned("a==1 ; python_version < '4' \\\\\n    --hash=x\nb==2\n    # via a==1\n"))
    [('a', '1'), ('b', '2')]
    """
    firsts = (line.split()[0] for line in text.splitlines() if line and not line[0].isspace())
    return frozenset((name, version) for name, equal, version in (each.partition("==") for each in firsts) if equal)


def rounds(packages: Iterable[Package]) -> list[list[Package]]:
    """The packages in lists, in each of which a name comes once, as the auditor wants it.

    >>> rounds([("a", "1"), ("b", "1"), ("a", "2")])
    [[('a', '1'), ('b', '1')], [('a', '2')]]
    """
    versions: dict[str, list[Package]] = {}
    for package in sorted(packages):
        versions.setdefault(package[0], []).append(package)
    most = max(map(len, versions.values()), default=0)
    return [[each[number] for each in versions.values() if number < len(each)] for number in range(most)]


def judged(wanted: Iterable[Package], report: str) -> Audit:
    """What a report of the auditor says about packages; no report says nothing.

    Args:
        wanted: the packages.
        report: what the auditor printed, JSON if it went well.

    >>> judged([("a", "1"), ("b", "2")], '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}')
    Audit(looked_up=frozenset({('a', '1')}), unknown=frozenset({('b', '2')}), findings=())
    """
    try:
        entries: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        entries = []
    found = {(entry["name"], entry["version"]): entry["vulns"] for entry in entries if "vulns" in entry}
    findings = [
        f"{name} {version}: {one['id']}, mended in {', '.join(one.get('fix_versions') or ['no version yet'])}"
        for (name, version), vulnerabilities in sorted(found.items())
        for one in vulnerabilities
    ]
    return Audit(frozenset(found), frozenset(wanted).difference(found), tuple(findings))


def audited(interpreter: str, packages: list[Package]) -> Audit:
    """Ask about packages, one database after the other until one knows them."""
    best = judged(packages, "")
    with TemporaryDirectory() as folder:
        asked = Path(folder) / "packages.txt"
        asked.write_text("".join(f"{name}=={version}\n" for name, version in packages))
        for service in SERVICES:
            command = [interpreter, "-m", "pip_audit", "--disable-pip", "--no-deps", "--progress-spinner", "off"]
            command += ["--timeout", "10", "--vulnerability-service", service, "--format", "json", "-r", str(asked)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
            except subprocess.TimeoutExpired:
                continue
            found = judged(packages, done.stdout)
            if len(found.unknown) < len(best.unknown):
                best = found
            if not best.unknown:
                break
    return best


def summary(audits: Iterable[Audit], *, if_possible: bool) -> tuple[int, list[str]]:
    """The exit status, and the lines to print.

    Args:
        audits: of all packages, in parts.
        if_possible: whether an audit that was not done is all right.
    """
    audits = list(audits)
    known = frozenset().union(*(audit.looked_up for audit in audits))
    unknown = frozenset().union(*(audit.unknown for audit in audits)) - known
    findings = sorted({finding for audit in audits for finding in audit.findings})
    lines = [f"audit: {len(known)} of {len(known) + len(unknown)} pinned packages were looked up"]
    if unknown:
        what = "DONE ONLY IN PART" if known else "NOT DONE"
        lines += [
            "!" * 100,
            f"!! THE AUDIT OF THE DEPENDENCIES WAS {what}: no database of vulnerabilities told about {len(unknown)} of",
            "!! them. Run `make audit` on a machine with access to the network, before a release at the latest.",
            "!" * 100,
        ]
    lines += [f"VULNERABLE {finding}" for finding in findings]
    if findings:
        lines.append("`make lock` takes the newest versions; what is not mended by that must be decided upon.")
        return 1, lines
    return (2 if unknown and not if_possible else 0), lines


def main() -> int:
    """Audit every pinned package."""
    files = sorted((ROOT / "requirements").glob("*.txt"))
    packages = frozenset().union(*(pinned(file.read_text()) for file in files))
    made = subprocess.run([ROOT / "scripts" / "rivals-env", "audit"], capture_output=True, text=True)
    if made.returncode:
        print("\n".join(["the auditor cannot be installed:", *made.stderr.strip().splitlines()[-3:]]))
        audits = [judged(packages, "")]
    else:
        audits = [audited(made.stdout.strip(), each) for each in rounds(packages)]
    status, lines = summary(audits, if_possible="--if-possible" in sys.argv)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
