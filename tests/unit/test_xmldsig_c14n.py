"""Canonical XML by the letter of the Recommendations, and libxml2 and our own writer held against each other."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gateway.formats import safexml
from gateway.model.verdict import NotValid
from gateway.signing.xmldsig import Canonical, NodeSet, canonical, uris
from gateway.signing.xmldsig.c14n import is_plain, style_of
from gateway.signing.xmldsig.c14n_writer import write
from gateway.signing.xmldsig.xml_base import join

FORMS = sorted(uris.CANONICAL_FORMS)


def root_of(text: str) -> Any:
    return safexml.parse(text.encode()).root


def first(text: str, name: str) -> Any:
    return next(root_of(text).iter(f"{{*}}{name}"))


def test_a_document_without_and_with_comments_c14n_3_1() -> None:
    root = root_of(
        '<?xml version="1.0"?>\n\n<?xml-stylesheet   href="doc.xsl"\n   type="text/xsl"   ?>\n\n'
        "<doc>Hello, world!<!-- Comment 1 --></doc>\n\n"
        "<?pi-without-data     ?>\n\n<!-- Comment 2 -->\n\n<!-- Comment 3 -->"
    )
    start = b'<?xml-stylesheet href="doc.xsl"\n   type="text/xsl"   ?>\n<doc>Hello, world!'
    whole = NodeSet(root, document=True, comments=True)
    assert canonical(whole, Canonical(uris.C14N)) == start + b"</doc>\n<?pi-without-data?>"
    assert canonical(whole, Canonical(f"{uris.C14N}#WithComments")) == (
        start + b"<!-- Comment 1 --></doc>\n<?pi-without-data?>\n<!-- Comment 2 -->\n<!-- Comment 3 -->"
    )


def test_start_tags_attributes_and_namespaces_c14n_3_3() -> None:
    root = root_of(
        '<doc><e1   /><e3   name = "elem3"   id="elem3"   />'
        '<e5 a:attr="out" b:attr="sorted" attr2="all" attr="I\'m" xmlns:b="http://www.ietf.org" '
        'xmlns:a="http://www.w3.org" xmlns="http://example.org"/>'
        '<e6 xmlns="" xmlns:a="http://www.w3.org"><e7 xmlns="http://www.ietf.org"><e8 xmlns="" '
        'xmlns:a="http://www.w3.org"><e9 xmlns="" xmlns:a="http://www.ietf.org"/></e8></e7></e6></doc>'
    )
    assert canonical(NodeSet(root, document=True), Canonical(uris.C14N)) == (
        b'<doc><e1></e1><e3 id="elem3" name="elem3"></e3>'
        b'<e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" attr="I\'m" '
        b'attr2="all" b:attr="sorted" a:attr="out"></e5>'
        b'<e6 xmlns:a="http://www.w3.org"><e7 xmlns="http://www.ietf.org"><e8 xmlns=""><e9 '
        b'xmlns:a="http://www.ietf.org"></e9></e8></e7></e6></doc>'
    )


def test_characters_c14n_3_4() -> None:
    root = root_of("<d a='&#13;&#10;&#9;\"&lt;&amp;>'>&#13;<![CDATA[<&>]]>&quot;\u00e9</d>")
    assert canonical(NodeSet(root), Canonical(uris.C14N)) == (
        '<d a="&#xD;&#xA;&#x9;&quot;&lt;&amp;>">&#xD;&lt;&amp;&gt;"\u00e9</d>'.encode()
    )


def test_exclusive_form_takes_only_what_is_used_exc_c14n_2() -> None:
    inner = first('<n0:a xmlns:n0="a:0" xmlns:n2="c:2"><n1:b xmlns:n1="b:1"><n3:c xmlns:n3="d:3"/></n1:b></n0:a>', "b")
    assert canonical(NodeSet(inner), Canonical()) == b'<n1:b xmlns:n1="b:1"><n3:c xmlns:n3="d:3"></n3:c></n1:b>'
    assert canonical(NodeSet(inner), Canonical(prefixes=("n2",))) == (
        b'<n1:b xmlns:n1="b:1" xmlns:n2="c:2"><n3:c xmlns:n3="d:3"></n3:c></n1:b>'
    )
    assert canonical(NodeSet(inner), Canonical(uris.C14N)) == (
        b'<n1:b xmlns:n0="a:0" xmlns:n1="b:1" xmlns:n2="c:2"><n3:c xmlns:n3="d:3"></n3:c></n1:b>'
    )


def test_the_default_namespace_can_be_listed() -> None:
    inner = first('<a xmlns="u:a" xmlns:p="u:p"><p:b/></a>', "b")
    assert canonical(NodeSet(inner), Canonical()) == b'<p:b xmlns:p="u:p"></p:b>'
    assert canonical(NodeSet(inner), Canonical(prefixes=("",))) == b'<p:b xmlns="u:a" xmlns:p="u:p"></p:b>'


def test_inclusive_forms_carry_xml_attributes_as_each_version_says() -> None:
    inner = first(
        '<a xml:lang="vi" xml:id="x" xml:base="http://h/d/" xml:q="1"><m xml:base="e/"><b xml:base="f"/></m></a>', "b"
    )
    assert canonical(NodeSet(inner), Canonical(uris.C14N)) == (
        b'<b xml:base="f" xml:id="x" xml:lang="vi" xml:q="1"></b>'
    )
    assert canonical(NodeSet(inner), Canonical(uris.C14N_11)) == b'<b xml:base="http://h/d/e/f" xml:lang="vi"></b>'
    assert canonical(NodeSet(inner), Canonical()) == b'<b xml:base="f"></b>'


@pytest.mark.parametrize(
    ("bases", "joined"),
    (
        (("http://www.example.com/something/else/", "../bar/foo"), "http://www.example.com/something/bar/foo"),
        (("something/else", "../bar"), "bar"),
        (("../../x", "..", "y"), "../../../y"),
        (("..", ".."), "../../"),
        (("", "a"), "a"),
        (("a/b", "/c"), "/c"),
        (("a/b", "//h/c"), "//h/c"),
        (("http://h", "c"), "http://h/c"),
        (("http://h/a", "http://g/b"), "http://g/b"),
        (("a//b/", "c"), "a/b/c"),
        (("a?q", ""), "a?q"),
    ),
)
def test_xml_base_values_are_joined_as_appendix_a_does(bases: tuple[str, ...], joined: str) -> None:
    assert join(bases) == joined


def test_a_subtree_left_out_leaves_the_text_around_it() -> None:
    root = root_of("<a>x<s>no</s>y<b/>z<s/>w</a>")
    gone = tuple(root.iter("s"))
    for form in FORMS:
        nodes = NodeSet(root, document=True, without=gone)
        assert canonical(nodes, Canonical(form)) == write(nodes, style_of(Canonical(form), comments=False))
        assert canonical(nodes, Canonical(form)) == b"<a>xy<b></b>zw</a>"
    assert canonical(NodeSet(root, without=(root,)), Canonical()) == b""


def test_a_tree_altered_in_place_is_written_as_it_stands() -> None:
    root = root_of('<p:a xmlns:p="u:p"><b xmlns="u:b"/>t</p:a>')
    root[0].tail = None
    root.append(root_of('<c xmlns="u:c"/>'))
    expected = b'<p:a xmlns:p="u:p"><b xmlns="u:b"></b><c xmlns="u:c"></c></p:a>'
    for form in (uris.C14N, uris.EXC_C14N):
        assert canonical(NodeSet(root), Canonical(form)) == expected
        assert write(NodeSet(root), style_of(Canonical(form), comments=False)) == expected


def test_a_relative_namespace_is_refused() -> None:
    for form in FORMS:
        with pytest.raises(NotValid, match=r"algorithm\.unsupported"):
            canonical(NodeSet(root_of('<a xmlns="relative"/>')), Canonical(form))


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(NotValid, match=r"algorithm\.unsupported"):
        canonical(NodeSet(root_of("<a/>")), Canonical("http://www.w3.org/2010/xml-c14n2"))


def test_the_two_writers_agree_on_a_thousand_documents() -> None:
    quick = 0
    for seed in range(250):
        rng = random.Random(seed)
        text = rng.choice(["", "<!--a--><?q r?>"]) + _element(rng, 0, {"": ""}) + rng.choice(["", "<!--z--><?q?>"])
        root = root_of(text)
        elements = list(root.iter("*"))
        for _ in range(4):
            apex = rng.choice(elements)
            gone = tuple(one for one in elements if one is not apex and rng.random() < 0.1)
            listed = tuple(rng.sample(["p", "q", "r"], rng.randrange(3)))
            for nodes in (NodeSet(apex, comments=True, without=gone), NodeSet(root, True, True), NodeSet(apex)):
                for form in (Canonical(one, listed if one.startswith(uris.EXC_C14N) else ()) for one in FORMS):
                    style = style_of(form, comments=nodes.comments)
                    quick += is_plain(nodes, style)
                    assert canonical(nodes, form) == write(nodes, style), (seed, form, text)
    assert quick > 5000


def _element(rng: random.Random, depth: int, scope: dict[str, str]) -> str:
    """Random markup full of namespaces declared, declared again, undeclared and rebound."""
    declared = {
        prefix: rng.choice(["urn:a", "urn:b", "urn:c", *([""] if not prefix else [])])
        for prefix in ("", "p", "q", "r")
        if rng.random() < 0.25
    }
    scope = {**scope, **declared}
    prefix = rng.choice(list(scope))
    name = f"{prefix}:e" if prefix else "e"
    attributes: dict[tuple[str, str], str] = {}
    for _ in range(rng.randrange(4)):
        chosen, local = rng.choice(list(scope)), rng.choice("xyz")
        value = rng.choice(["v", "a&amp;b", "&#13;x", "&#9;&#10;", "&quot;", "é𝄞"])
        attributes[(scope[chosen] if chosen else "", local)] = f'{chosen + ":" if chosen else ""}{local}="{value}"'
    written = [*attributes.values(), *(f'xmlns{":" + one if one else ""}="{uri}"' for one, uri in declared.items())]
    written += [f'xml:{one}="a/b"' for one in ("lang", "base") if rng.random() < 0.1]
    rng.shuffle(written)
    inside = "".join(
        rng.choice(["t", "&amp;&lt;>", "<!--c&#13;-->", "<?pi x?>", "<![CDATA[<x>]]>", "&#13;\n"])
        if rng.random() < 0.5
        else _element(rng, depth + 1, scope)
        for _ in range(rng.randrange(4) if depth < 5 else 0)
    )
    return f"<{' '.join([name, *written])}>{inside}</{name}>"
