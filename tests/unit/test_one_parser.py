"""Foreign XML and ZIP have one way in: nobody but `gateway.formats` opens a parser of its own."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARSERS = frozenset({"fromstring", "XML", "HTML", "XMLParser", "iterparse", "XMLPullParser", "fromstringlist", "XMLID"})
FOREIGN = frozenset({"xml", "defusedxml", "bs4", "xmltodict", "html5lib", "zipfile", "tarfile"})
OURS = {
    "adapters/vxp/conformance.py": "compiles the XSD that comes with the product",
}
SOURCES = sorted(
    [*(ROOT / "gateway").rglob("*.py"), *(ROOT / "adapters").rglob("*.py"), *(ROOT / "schemas").rglob("*.py")]
)


def _violations(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names if one.name.split(".")[0] in FOREIGN}
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FOREIGN:
            found.add(node.module or "")
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lxml"):
            found |= {one.name for one in node.names if one.name in PARSERS | {"objectify", "html", "parse"}}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "etree":
            found |= {node.attr} & (PARSERS | {"parse"})
    return found


def test_only_the_formats_package_parses_what_strangers_sent() -> None:
    guilty = {}
    for path in SOURCES:
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("gateway/formats/") and (found := _violations(path.read_text())):
            guilty[name] = found
    assert guilty.keys() <= OURS.keys(), guilty


def test_the_rule_sees_every_way_around_it() -> None:
    for source in (
        "import zipfile",
        "from xml.etree import ElementTree",
        "import defusedxml.lxml",
        "from lxml.etree import fromstring",
        "from lxml import objectify",
        "from lxml import etree\netree.parse('x')",
        "from lxml import etree\netree.XMLParser()",
    ):
        assert _violations(source), source
