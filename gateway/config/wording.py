"""pydantic's findings in words for the person who wrote the file."""

from __future__ import annotations

import difflib
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from gateway.config.locate import KeyPath
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.config.sources import Layers

_WORDS = {
    "missing": ("Thiếu mục bắt buộc '{key}'", "The required key '{key}' is missing"),
    "literal_error": ("Giá trị phải là một trong: {expected}", "The value must be one of: {expected}"),
    "string_type": ("Giá trị phải là chuỗi trong ngoặc kép", "The value must be a string in quotes"),
    "int_type": ("Giá trị phải là số nguyên", "The value must be a whole number"),
    "int_parsing": ("Giá trị phải là số nguyên", "The value must be a whole number"),
    "int_from_float": ("Giá trị phải là số nguyên", "The value must be a whole number"),
    "float_type": ("Giá trị phải là số", "The value must be a number"),
    "float_parsing": ("Giá trị phải là số", "The value must be a number"),
    "bool_type": ("Giá trị phải là true hoặc false", "The value must be true or false"),
    "bool_parsing": ("Giá trị phải là true hoặc false", "The value must be true or false"),
    "tuple_type": ("Giá trị phải là danh sách, hoặc viết [[{key}]]", "The value must be a list; tables: [[{key}]]"),
    "model_type": ("'{key}' phải là một bảng [...]", "'{key}' must be a table [...]"),
    "greater_than": ("Giá trị phải lớn hơn {gt}", "The value must be greater than {gt}"),
    "greater_than_equal": ("Giá trị phải từ {ge} trở lên", "The value must be at least {ge}"),
    "less_than": ("Giá trị phải nhỏ hơn {lt}", "The value must be less than {lt}"),
    "less_than_equal": ("Giá trị không được quá {le}", "The value must be at most {le}"),
    "string_pattern_mismatch": (
        "Giá trị có ký tự không được phép, hoặc quá dài",
        "The value has characters that are not allowed, or is too long",
    ),
}
_OTHER = ("Giá trị không hợp lệ: {msg}", "The value is not valid: {msg}")


def problem_of(error: ErrorDetails, layers: Layers) -> Problem:
    """One pydantic finding as a problem, at the key's own line."""
    path = error["loc"]
    context: dict[str, Any] = error.get("ctx", {})
    origin = layers.origin(path)
    if error["type"] == "lienthong":
        vi, en, hint_vi, hint_en = (context[name] for name in ("vi", "en", "hint_vi", "hint_en"))
        file, line = context.get("file", origin.file), context.get("line", origin.line)
        column = 1 if "line" in context else origin.column
        return Problem(file, line, column, key_text(path), vi, en, hint_vi, hint_en)
    if error["type"] == "extra_forbidden":
        vi, en, hint_vi, hint_en = _unknown(path)
        return Problem(origin.file, origin.line, origin.column, key_text(path), vi, en, hint_vi, hint_en)
    if "expected" in context:
        context = {**context, "expected": str(context["expected"]).replace(" or ", ", ")}
    words = {**context, "key": path[-1] if path else "", "msg": error["msg"]}
    vi, en = (template.format_map(words) for template in _WORDS.get(error["type"], _OTHER))
    return Problem(origin.file, origin.line, origin.column, key_text(path), vi, en)


def key_text(path: KeyPath) -> str:
    """``platforms[0].base_url``"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _unknown(path: KeyPath) -> tuple[str, str, str, str]:
    known = _known_keys(path[:-1])
    vi, en = f"Không có mục '{path[-1]}'", f"There is no key '{path[-1]}'"
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return vi, en, f"Có phải là '{close[0]}'?", f"Did you mean '{close[0]}'?"
    listed = ", ".join(known)
    return vi, en, f"Các mục có thể dùng: {listed}", f"Keys that may stand here: {listed}"


def _known_keys(path: KeyPath) -> list[str]:
    model: type[BaseModel] = Config
    for part in path:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            model = next(
                kind
                for kind in (annotation, *get_args(annotation))
                if isinstance(kind, type) and issubclass(kind, BaseModel)
            )
    return list(model.model_fields)
