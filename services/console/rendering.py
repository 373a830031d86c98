"""Pages from templates: `render` gives a page in the reader's language, compressed, under a strict CSP."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import brotli
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.console.addresses import here
from services.console.assets.served import STYLE, Assets, choose_encoding, read_assets
from services.console.navigation import links
from services.console.rows import facts, short_number, years
from services.console.words.i18n import COOKIE, N_, NAMES, Words, choose, read_words
from services.console.words.labels import TAG_COLORS, Labels, read_labels
from services.contracts.vocabulary import Language

TEMPLATES = Path(__file__).parent / "templates"
STYLE_COOKIE = "css"
"""The hash of the styles that the browser has in its cache; it gets them inline without it."""
FRAGMENT = "X-Fragment"
"""A request header of the script: the page's content is wanted without its head and frame."""
R = TypeVar("R", bound=Response)
YEAR = 31_536_000
_COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda text: brotli.compress(text, quality=5),
    "gzip": lambda text: gzip.compress(text, 6),
}


class _Environment(Environment):
    """Looks into a mapping before it looks for an attribute: most of what templates name is an API's object."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return obj[attribute] if type(obj) is dict and attribute in obj else super().getattr(obj, attribute)


@dataclass(frozen=True)
class Renderer:
    """What pages are made of; one a process, at `app.state.renderer`."""

    assets: Assets
    words: Mapping[Language, Words]
    labels: Labels
    environments: Mapping[Language, Environment]
    form_targets: tuple[str, ...] = ()
    """Other origins to which a form may lead: the provider's, at the sign-out."""
    secure: bool = True
    """Whether cookies are for https only."""

    @property
    def policy(self) -> str:
        """The Content-Security-Policy of a page: nothing from elsewhere, no inline script, and one inline style."""
        forms = " ".join(("'self'", *self.form_targets))
        return (
            f"default-src 'self'; script-src 'self'; style-src 'self' '{self.assets.hashes[STYLE]}'; "
            f"img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action {forms}"
        )


def make_renderer(assets: Path, data: Path, form_targets: tuple[str, ...] = (), *, secure: bool = True) -> Renderer:
    """Read the built assets, the catalogs and the names of codes. Raises FileNotFoundError for what is not there."""
    words, labels = read_words(), read_labels(data)
    environments = {one: make_environment(words[one], labels) for one in Language}
    return Renderer(read_assets(assets), words, labels, environments, form_targets, secure)


def make_environment(words: Words, labels: Labels) -> Environment:
    """Jinja for one language: GOV.UK's macros, our templates, and filters for what people read."""
    macros = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    loader = ChoiceLoader([FileSystemLoader(TEMPLATES), macros])
    made = _Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )  # fmt: skip
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "date": words.day,
        "moment": words.moment,
        "clock": words.clock,
        "deadline": words.deadline,
        "ago": lambda value: words.ago(value, datetime.now(UTC)),
        "number": words.number,
        "percent": words.percent,
        "label": lru_cache(maxsize=5_000)(lambda code, kind: labels.label(words, code, kind)),
        "facts": lambda child: facts(words, labels, child),
        "years": lambda months: years(words, months),
        "short": short_number,
        "named": lambda thing: name_in(words.language, thing),
    }
    made.globals |= {
        "error_of": lambda errors, name: error_of(words, errors, name),
        "named_error": named_error,
        "TAG_COLORS": TAG_COLORS,
        "LANGUAGES": NAMES,
        "language": words.language,
    }
    return made


def error_of(words: Words, errors: Mapping[str, str] | None, name: str) -> dict[str, str] | None:
    """The `errorMessage` of a GOV.UK component for the field `name`; none when nothing is wrong with it."""
    if not errors or name not in errors:
        return None
    return {"text": errors[name], "visuallyHiddenText": words.gettext(N_("Error"))}


def named_error(label: str, told: str) -> str:
    """The error after its field's name: "Full name: fill this in". An abbreviation, as IIN, stays as it is."""
    if not label:
        return told
    return f"{label}: {told if told[1:2].isupper() else told[:1].lower() + told[1:]}"


def name_in(language: Language, thing: Any) -> str:
    """The name of what the APIs give with `name_kk`, `name_ru` and `name_en`, an object or a mapping."""
    key = f"name_{language}"
    return str(thing[key] if isinstance(thing, Mapping) else getattr(thing, key))


def renderer_of(request: Request) -> Renderer:
    found: Renderer = request.app.state.renderer
    return found


def language_of(request: Request) -> Language:
    """By the reader's choice, else by the browser's languages, else Russian."""
    return choose(request.cookies.get(COOKIE), request.headers.get("accept-language", ""))


def words_of(request: Request) -> Words:
    """The texts of the reader's language, for what is said outside a template."""
    return renderer_of(request).words[language_of(request)]


def render(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """The page of `template`, which extends `layout`; with the header X-Fragment only its content.

    Beside `context` a template has `user` (None when nobody is signed in), `form_token`, `navigation`, `path`,
    `language`, `assets` and the filters of `make_environment`. The first visit has its styles inline.
    """
    page = render_text(request, template, **context)
    return dressed(request, compressed(page, request.headers.get("accept-encoding", ""), status))


def render_text(request: Request, template: str, **context: Any) -> str:
    """What `render` sends."""
    renderer = renderer_of(request)
    user = getattr(request.state, "user", None)
    return renderer.environments[language_of(request)].get_template(template).render(
        context | {
            "layout": "fragment.html" if FRAGMENT in request.headers else "base.html",
            "user": user,
            "form_token": getattr(request.state, "form_token", ""),
            "navigation": links(user.role if user else None),
            "path": request.url.path,
            "here": here(request),
            "page": template.removesuffix(".html"),
            "assets": renderer.assets,
            "inline_style": None if _has_style(request) else Markup(renderer.assets.text(STYLE)),  # noqa: S704
        }
    )  # fmt: skip


def dressed(request: Request, answer: R) -> R:
    """The answer with the headers of every page."""
    renderer = renderer_of(request)
    answer.headers["Content-Language"] = language_of(request)
    answer.headers["Content-Security-Policy"] = renderer.policy
    answer.headers["Referrer-Policy"] = "same-origin"
    if not _has_style(request):
        style = renderer.assets.names[STYLE]
        answer.set_cookie(STYLE_COOKIE, style, max_age=YEAR, httponly=True, samesite="lax", secure=renderer.secure)
    return answer


def _has_style(request: Request) -> bool:
    """Whether the browser has the styles in its cache."""
    return request.cookies.get(STYLE_COOKIE) == renderer_of(request).assets.names[STYLE]


def compressed(page: str, accepted: str, status: int) -> HTMLResponse:
    """The answer, in the smallest encoding that the browser takes."""
    encoding = choose_encoding(accepted)
    if not encoding:
        return HTMLResponse(page, status)
    headers = {"Content-Encoding": encoding, "Vary": "Accept-Encoding, Accept-Language, Cookie"}
    return HTMLResponse(_COMPRESS[encoding](page.encode()), status, headers)
