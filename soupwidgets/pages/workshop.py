"""The pages of a workshop's sessions: text, predictions, exercises that check themselves, and a recorded frontier."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Annotated, Any

import msgspec

from soupwidgets.evaluation import Evaluator
from soupwidgets.json_files import decode
from soupwidgets.methods import alpha_sweep
from soupwidgets.pages.html import STATIC
from soupwidgets.panel.recording import filled_in, in_script
from soupwidgets.site import SiteError
from soupwidgets.topics.frontier.panel import FrontierExplorer
from soupwidgets.topics.prediction.panel import Predict
from soupwidgets.topics.prediction.question import Question
from soupwidgets.translation import ENGLISH, languages, speaking
from soupwidgets.translation import gettext as _

_FORMAT = "soupwidgets-workshop-1"
# Names become those of files and of addresses.
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
# Along alpha, and beside it so many fine-tuned models.
_ALPHAS, _MODELS = 6, 5


class AskedQuestion(msgspec.Struct):
    """A question of a prediction with what was measured."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    words: str
    unit: str
    low: float
    high: float
    step: float
    start: float | None
    digits: Annotated[int, msgspec.Meta(ge=0, le=6)]
    measured: tuple[float, float, float]


class Prediction(msgspec.Struct):
    """What is to be predicted."""

    title: str
    questions: list[AskedQuestion]


class Hint(msgspec.Struct, omit_defaults=True):
    """What is said of a wrong answer: of ``when``, or of all between ``low`` and ``high``."""

    say: str
    when: float | str | None = None
    low: float | None = None
    high: float | None = None


class Exercise(msgspec.Struct):
    """An exercise whose answer is a number or a text."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    title: str
    ask: str
    otherwise: str
    answers: Annotated[list[float | str], msgspec.Meta(min_length=1)]
    tolerance: float
    hints: list[Hint]


class Part(msgspec.Struct):
    """A part of a session's text; one of its fields says which kind it is."""

    markdown: str = ""
    printed: str = ""
    folded: str = ""
    summary: str = ""
    live: Annotated[str, msgspec.Meta(pattern=r"^([a-z][a-z0-9-]{0,60})?$")] = ""
    title: str = ""
    height: Annotated[int, msgspec.Meta(ge=100, le=4000)] = 800


class Words(msgspec.Struct):
    """What the pages of a language say."""

    exercise: str
    exercises: str
    yours: str
    check: str
    right: str
    nothing: str
    number: str
    alone: str
    workshop: str
    lead: str


class Session(msgspec.Struct):
    """All that the pages of a session need, as ``make workshop`` writes it."""

    format: str
    language: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,8})?$")]
    page: _Name
    title: str
    words: Words
    predict: Prediction
    exercises: list[Exercise]
    parts: list[Part]


def write_workshop(
    folder: str | Path,
    sessions: Sequence[str | Path],
    ev: Evaluator,
    *,
    fine_tuned: Sequence[str] | None = None,
    baselines: str | Path | None = None,
) -> list[Path]:
    """Add the pages of a workshop to a site of `export_site`.

    Parameters
    ----------
    folder
        The site.
    sessions
        Folders of sessions, such as ``notebooks/workshop/en``; each has a JSON file for every session.
    ev
        Measures the frontier, on all images of its suite.
    fine_tuned
        The fine-tuned models of the site; all of the pool when None. The first is drawn along alpha, and five of them
        as points.
    baselines
        A table of accuracies of ordinary models, for the frontier's line.

    Returns
    -------
    list of Path
        What was written: ``workshop.html``, from which one goes to all others; ``session-<name>.html``,
        ``<name>-predict.html`` and ``<name>-exercises.html`` for every session; and ``frontier.html``. Pages of other
        languages have that before their names. Predictions and exercises can be opened from a disk as well.

    Raises
    ------
    SiteError
        When there are no sessions in a folder.
    ValueError
        When a file is not one of a session (the message says where), two have the same name, or there is no fine-tuned
        model.
    PoolError
        When the pool has not exactly one zero-shot model.
    """
    site = Path(folder)
    found = [session for one in sessions for session in read_sessions(one)]
    pages = [session.page for session in found]
    if twice := next((page for page in pages if pages.count(page) > 1), None):
        raise ValueError(f"two sessions are called {twice!r}: one would be written over the other")
    if not (ev.pool.fine_tuned if fine_tuned is None else list(fine_tuned)):
        raise ValueError("no fine-tuned model to draw the frontier of: name at least one")
    # Said before anything is written.
    ev.pool.require([ev.pool.zero_shot])
    site.mkdir(parents=True, exist_ok=True)
    written = []
    for session in found:
        for name, html in _pages(session, found).items():
            (site / name).write_text(html, "utf-8")
            written.append(site / name)
        written.append(_predict_page(session, site))
        if session.language not in {one.language for one in found[: found.index(session)]}:
            same = [one for one in found if one.language == session.language]
            written.append(
                site / ("workshop.html" if session.language == "en" else f"{session.language}-workshop.html")
            )
            written[-1].write_text(_index(same), "utf-8")
    return [*written, _frontier_page(site / "frontier.html", ev, fine_tuned, baselines)]


def read_sessions(folder: str | Path) -> list[Session]:
    """The sessions of a folder, in the order of their files' names.

    Raises
    ------
    SiteError
        When there are none.
    ValueError
        When a file is not one of a session.
    """
    paths = sorted(Path(folder).glob("*.json"))
    if not paths:
        raise SiteError(f"{folder}: no sessions of a workshop (*.json) here: `make workshop` builds them")
    found = [decode(path, Session) for path in paths]
    for path, session in zip(paths, found, strict=True):
        if session.format != _FORMAT:
            raise ValueError(f"{path}: not a session of a workshop, its format is {session.format[:40]!r}")
        try:
            _predict(session).close()
        except ValueError as error:
            raise ValueError(f"{path}: malformed ({error})") from error
    return found


def _pages(session: Session, sessions: Sequence[Session]) -> dict[str, str]:
    links = "".join(_link(one, one is session) for one in sessions if one.language == session.language)
    body = "\n".join(_part(one, session) for one in session.parts)
    whole = _page(session, session.title, links, body)
    title = session.words.exercises
    forms = "\n".join(_form(number, one, session.words) for number, one in enumerate(session.exercises, start=1))
    told = {"words": msgspec.to_builtins(session.words), "exercises": msgspec.to_builtins(session.exercises)}
    script = (
        f'<script type="application/json" id="exercises">{in_script(told)}</script>\n<script type="module">\n'
        f"{(STATIC / 'exercises.js').read_text('utf-8')}</script>"
    )
    exercises = _page(session, title, links, f"<h1>{escape(title)}</h1>\n{forms}", script)
    return {f"session-{session.page}.html": whole, f"{session.page}-exercises.html": exercises}


def _index(sessions: Sequence[Session]) -> str:
    """The page from which one goes to the sessions of a language."""
    first = sessions[0]
    cards = "\n".join(
        f'<li><a href="session-{one.page}.html"><h2>{escape(one.title)}</h2></a></li>' for one in sessions
    )
    title, lead = (escape(words) for words in (first.words.workshop, first.words.lead))
    return _page(
        first, first.words.workshop, "", f'<h1>{title}</h1>\n<p>{lead}</p>\n<ul class="cards">\n{cards}\n</ul>'
    )


def _page(session: Session, title: str, links: str, body: str, script: str = "") -> str:
    look = (STATIC / "look.css").read_text("utf-8")
    with speaking(_spoken(session)):
        pages = escape(_("Pages"))
    head = {"language": session.language, "title": escape(title), "look": look, "pages": pages}
    parts = {**head, "links": links, "body": body}
    return filled_in(STATIC / "session.html", {**parts, "script": script})


def _link(session: Session, here: bool) -> str:
    current = ' aria-current="page"' if here else ""
    return f'<a href="session-{session.page}.html"{current}>{escape(session.title.split(":")[0])}</a>'


def _part(part: Part, session: Session) -> str:
    if part.live:
        title, alone = escape(part.title), escape(session.words.alone)
        return (
            f'<div class="live"><iframe src="{part.live}.html" title="{title}" loading="lazy" '
            f'style="height: {part.height}px"></iframe><p><a href="{part.live}.html">{alone}: {title}</a></p></div>'
        )
    if part.printed:
        return f'<pre tabindex="0">{escape(part.printed)}</pre>'
    if part.folded:
        return f"<details><summary>{escape(part.summary)}</summary>\n{_html(part.folded)}</details>"
    return _html(part.markdown)


def _form(number: int, exercise: Exercise, words: Words) -> str:
    name, here = escape(exercise.name), f"answer-{number}"
    heading = escape(f"{words.exercise} {number}: {exercise.title}")
    return (
        f'<form data-name="{name}"><h2>{heading}</h2>{_html(exercise.ask)}'
        f'<label for="{here}">{escape(words.yours)}</label> '
        f'<input id="{here}" autocomplete="off"><button>{escape(words.check)}</button>'
        f'<output for="{here}" role="status"></output></form>'
    )


def _html(markdown: str) -> str:
    """Markdown as HTML; tags in it are shown as text."""
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        raise ImportError("pages of a workshop need markdown-it-py: pip install 'soupwidgets[workshop]'") from error
    return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))


def _predict_page(session: Session, site: Path) -> Path:
    panel = _predict(session)
    try:
        return panel.to_html(site / f"{session.page}-predict.html")
    finally:
        panel.close()


def _spoken(session: Session) -> str:
    """The language of a session's panel: the session's own, where there is a translation."""
    return session.language if session.language in languages() else ENGLISH


def _predict(session: Session) -> Predict:
    with speaking(_spoken(session)):
        return Predict(session.predict.title, [_question(one) for one in session.predict.questions])


def _question(asked: AskedQuestion) -> Question:
    told: dict[str, Any] = {key: value for key, value in msgspec.structs.asdict(asked).items() if key != "measured"}
    return Question(measure=lambda: asked.measured, **told)


def _frontier_page(path: Path, ev: Evaluator, fine_tuned: Sequence[str] | None, baselines: str | Path | None) -> Path:
    names = list(ev.pool.fine_tuned if fine_tuned is None else fine_tuned)
    for name in [ev.pool.zero_shot, *names[:_MODELS]]:
        ev.evaluate(name)
    alpha_sweep(ev, names[0], alphas=_ALPHAS, progress=False)
    panel = FrontierExplorer(ev, baselines)
    try:
        if baselines:
            panel.state = {"line": "others", "scale": "logit"}
        return panel.to_html(path)
    finally:
        panel.close()
