"""An access report as one HTML page for print: nothing outside is loaded, and all values are escaped."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
@page { size: A4; margin: 15mm }
body { font: 10pt/1.35 sans-serif; color: #000; background: #fff; max-width: 180mm; margin: 1em auto }
h1 { font-size: 15pt } h2 { font-size: 12pt; border-bottom: 1px solid #000; break-after: avoid }
table { border-collapse: collapse; width: 100%; margin: 0 0 1em; table-layout: auto }
th, td { border: 1px solid #999; padding: 2px 4px; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { font-weight: 600; background: #eee } tr { break-inside: avoid } td table { margin: 0 }
.log { font-size: 7pt }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
TITLE = "Балаға қатысты деректер туралы есеп · Отчёт о данных ребёнка · Report on a child's data"
HEADINGS = {
    "referrals": "Не тіркелген · Что записано · What was submitted",
    "consents": "Келісім · Согласие · Consent",
    "corrections": "Түзетулер · Исправления · Corrections",
    "notes": "Жазбалар · Заметки · Notes",
    "transfers": "Басқа емханаға беру · Передачи · Transfers",
    "stories": "Жолдама қалай жүрді · Что было с направлением · What became of the referral",
    "audit_log": "Кім қарады · Кто смотрел · Who looked",
}
_EMPTY = "Жоқ · Нет · None"
_STEPS = ("at", "actor", "command", "from_state", "to_state", "reason", "detail", "note_id")
_ENTRY = ("at", "service", "role", "org", "person", "act", "refused", "purpose")


def page(report: Mapping[str, Any]) -> str:
    """The report of `report.gather` as HTML."""
    return "".join(_page(report))


def _page(report: Mapping[str, Any]) -> Iterator[str]:
    yield f'<!DOCTYPE html>\n<html lang="kk"><head><meta charset="utf-8"><title>{escape(TITLE)}</title>'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}"><style>{STYLE}</style></head><body>'
    yield f"<h1>{escape(TITLE)}</h1>" + _facts({name: report[name] for name in ("child_id", "child_ids", "made_at")})
    for name in ("referrals", "consents", "corrections", "notes", "transfers"):
        yield _heading(name)
        yield from (_facts(one) for one in report[name])
        yield "" if report[name] else f"<p>{_EMPTY}</p>"
    yield _heading("stories")
    for story in report["stories"]:
        history, rest = story.get("history", []), {name: one for name, one in story.items() if name not in _HIDDEN}
        yield _facts(rest) + _rows(history, _STEPS)
    yield _heading("audit_log") + '<div class="log">' + _rows(report["audit_log"], _ENTRY) + "</div>"
    yield "" if report["audit_log_complete"] else "<p>…</p>"
    yield "</body></html>\n"


_HIDDEN = ("history", "allowed_actions", "forecast", "forecast_missing")
"""Of a story what is shown apart, or says nothing of the child."""


def _heading(name: str) -> str:
    return f"<h2>{escape(HEADINGS[name])}</h2>"


def _facts(one: Mapping[str, Any]) -> str:
    rows = (f"<tr><th>{escape(str(name))}</th><td>{_value(value)}</td></tr>" for name, value in one.items())
    return f"<table>{''.join(rows)}</table>"


def _rows(items: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    rows = ("".join(f"<td>{_value(one.get(name))}</td>" for name in columns) for one in items)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return _facts(value)
    if isinstance(value, list):
        return "<br>".join(map(_value, value))
    return "" if value is None else escape(str(value))
