from __future__ import annotations

from dataclasses import replace

from tests.fixtures import TINY


def test_an_architecture_is_a_table_in_a_notebook() -> None:
    table = TINY._repr_html_()
    assert "<th>vision_cfg.width</th><td>16</td>" in table
    assert "<th>classes</th><td>10</td>" in table
    assert TINY.fingerprint in table


def test_what_a_card_says_does_not_become_markup() -> None:
    evil = replace(TINY, vision_cfg={"<b>name": "<script>alert(1)</script>", "deep": {"<i>": ["<u>"]}})
    table = evil._repr_html_()
    assert not any(tag in table for tag in ("<script", "<b>", "<i>", "<u>"))
    assert "&lt;script&gt;" in table
