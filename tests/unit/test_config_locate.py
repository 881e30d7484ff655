"""The place of every key in a TOML text."""

from __future__ import annotations

import tomllib

import pytest

from gateway.config.locate import KeyPath, locate

EVERYTHING = '''\
# a comment with [brackets] and "quotes"
title = "x"            # trailing # comment
"quoted key" = 1
'literal.key' = 2
site."a.b".c = 3

[listen]
[listen . intake]
address = "[::]:1" # not a table
text = """
[not.a.table]
key = "neither"
\\""" still inside """
raw = \'\'\'
[[also.not]]\'\'\'
quotes = """a"""""
numbers = [1, 2, # one ]
  [3, "]"],
]
point = { x = 1, y.z = [ { w = 2 } ] }
when = 1979-05-27 07:32:00

[[systems]]
id = "a"
[systems.extra]
k = 1
[[systems.rows]]
n = 1
[[systems.rows]]
n = 2

[[systems]]
id = "b"
[[systems.rows]]
n = 3
  indented = true
'''

PLACES: dict[KeyPath, tuple[int, int]] = {
    ("title",): (2, 1),
    ("quoted key",): (3, 1),
    ("literal.key",): (4, 1),
    ("site", "a.b", "c"): (5, 1),
    ("listen",): (7, 1),
    ("listen", "intake"): (8, 1),
    ("listen", "intake", "address"): (9, 1),
    ("listen", "intake", "text"): (10, 1),
    ("listen", "intake", "raw"): (14, 1),
    ("listen", "intake", "quotes"): (16, 1),
    ("listen", "intake", "numbers"): (17, 1),
    ("listen", "intake", "numbers", 1): (17, 15),
    ("listen", "intake", "numbers", 2): (18, 3),
    ("listen", "intake", "numbers", 2, 1): (18, 7),
    ("listen", "intake", "point", "x"): (20, 11),
    ("listen", "intake", "point", "y", "z", 0, "w"): (20, 28),
    ("listen", "intake", "when"): (21, 1),
    ("systems", 0): (23, 1),
    ("systems", 0, "id"): (24, 1),
    ("systems", 0, "extra", "k"): (26, 1),
    ("systems", 0, "rows", 1, "n"): (30, 1),
    ("systems", 1): (32, 1),
    ("systems", 1, "id"): (33, 1),
    ("systems", 1, "rows", 0, "n"): (35, 1),
    ("systems", 1, "rows", 0, "indented"): (36, 3),
}


@pytest.mark.parametrize(("path", "place"), PLACES.items(), ids=str)
def test_a_key_is_found_where_it_stands(path: KeyPath, place: tuple[int, int]) -> None:
    found = locate(EVERYTHING)[path]
    assert (found.line, found.column) == place


def every_path(value: object, path: KeyPath = ()) -> set[KeyPath]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path, *(deeper for key, child in children for deeper in every_path(child, (*path, key)))}


def test_exactly_the_keys_that_tomllib_reads_have_a_place() -> None:
    assert set(locate(EVERYTHING)) | {()} == every_path(tomllib.loads(EVERYTHING))


def test_lines_are_counted_alike_in_a_file_from_windows() -> None:
    windows = locate(EVERYTHING.replace("\n", "\r\n"))
    assert {path: place.line for path, place in windows.items()} == {
        path: place.line for path, place in locate(EVERYTHING).items()
    }


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment", "[a]", "a = 1", "a = []", "a = {}", 'a = ""', "a = ''"]
)
def test_small_texts_are_read_to_their_end(text: str) -> None:
    assert set(locate(text)) | {()} == every_path(tomllib.loads(text))


def test_a_table_opened_again_keeps_its_first_place() -> None:
    places = locate("[a.b]\nx = 1\n[a]\ny = 2\n")
    assert (places[("a",)].line, places[("a", "y")].line) == (1, 4)
