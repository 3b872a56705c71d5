"""Renders Great Expectations' Data Docs as self-contained pages: no network, no scripts, reproducible bytes.

By default such a page loads styles and scripts from five hosts, and an image with a time stamp from a sixth; each of
them would learn when the page is read. Here the rendering of the results is that of GX, and the frame is our own.
"""

import html
import re

from ..errors import listed

UUID = re.compile(r"-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BODY = re.compile(r'<div id="section-1".*?(?=</div>\s*</div>\s*</div>\s*<footer)', re.DOTALL)
LINK_AWAY = re.compile(r'<a href="(?!#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)  # to pages that are not made here
LISTED_AT_MOST = 200
NOTHING_FROM_ELSEWHERE = "default-src 'none'; style-src 'unsafe-inline'"

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2430 }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } h5, h6 { margin: .6rem 0 .2rem; font-size: 1rem }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 1rem }
td, th { border-bottom: 1px solid #d8dde5; padding: .3rem .6rem; text-align: left; vertical-align: top }
th { background: #f1f4f8 } .alert { background: #f1f4f8; padding: .4rem .8rem; border-radius: 4px; margin-top: 1.5rem }
.collapse { display: none } .collapse:target { display: block }
.badge, .code-snippet { background: #eef; border-radius: 3px; padding: 0 .3rem }
.text-success::before, .fa-check-circle::before { content: "✓"; color: #18794e; font-weight: bold }
.text-danger::before, .fa-times::before { content: "✗"; color: #b42318; font-weight: bold }
.text-warning::before { content: "!"; color: #b54708; font-weight: bold }
@media (max-width: 40rem) {
  body { margin: 1rem auto } table { display: block; overflow-x: auto }
  td, th { padding: .3rem .4rem } .stacked td { overflow-wrap: anywhere }
  .stacked tbody, .stacked tr, .stacked td { display: block } .stacked thead { display: none }
  .stacked tr { border-bottom: 1px solid #d8dde5; padding: .4rem 0 } .stacked td { border: 0; padding: .1rem 0 }
  .stacked td:empty { display: none }
  .stacked td::before { content: attr(data-head); display: block; color: #5c6575; font-size: .8rem }
}
.bad { color: #b42318 } .good { color: #18794e } code { overflow-wrap: anywhere }
"""


def page(results, *, title: str) -> str:
    """Great Expectations' page of one validation result, without the run's time and identity."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    for key in ("run_id", "batch_markers", "validation_time", "validation_id"):
        results.meta.pop(key, None)
    results.meta["batch_kwargs"] = {
        "data_asset_name": html.escape(title)
    }  # a data frame has no name that GX knows
    for each in results.results:  # whose values GX writes into the page as they are
        each.result = _escaped(each.result)
    rendered = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(results))
    body = UUID.sub("", BODY.search(rendered).group())
    body = LINK_AWAY.sub(r"\1", body)
    whole = '<a href="index.html">the corpus\'s first page</a>'
    return _framed(
        title, f"<p>A clause may fail as a warning: {whole} says which ones stop the pipeline.</p>{body}"
    )


def _escaped(value):
    if isinstance(value, str):
        return html.escape(value, quote=False)
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value


def index(verdict: dict, pages: list[str]) -> str:
    """The first page: the verdict in words, with links to the tables' pages."""
    said = '<b class="good">holds</b>' if verdict["ok"] else '<b class="bad">is broken</b>'
    counts, aside = verdict["counts"], verdict["quarantined"]
    parts = [
        f"<p>The contract {said}: {counts['utterances']} utterances of {counts['speakers']} speakers"
        + (f", without {len(aside)} that break it and are set aside" if aside else "")
        + ".</p>",
        "<p>Clause by clause: "
        + ", ".join(f'<a href="{name}.html">{html.escape(name)}</a>' for name in pages)
        + "</p>",
    ]
    for key, title in (("critical", "What stops the pipeline"), ("warnings", "What a person should read")):
        if verdict[key]:
            parts.append(f"<h2>{title}</h2>" + _findings(verdict[key]))
    for key, title, columns in (
        ("quarantined", "Utterances set aside, of which nothing is used", ["utterance_id", "reasons"]),
        ("excluded", "What cannot be used, and counts as missing", ["utterance_id", "modality", "reason"]),
        ("unread", "Files that are no utterance of the corpus, and were not read", ["path", "reason"]),
    ):
        if verdict[key]:
            parts.append(f"<h2>{title}</h2>" + _listing(verdict[key], columns))
    parts.append("<h2>What is here</h2>" + _table(["what", "how many"], _counted(verdict)))
    return _framed(f"{verdict['corpus']}: validation", "\n".join(parts))


def _counted(verdict: dict) -> list[list[str]]:
    counts = verdict["counts"]
    clips = counts["clips_of_a_speaker"]
    labels = counts["labels"] | {
        f"{word} (its own word)": count for word, count in counts["own_words"].items()
    }
    return [
        ["labels", ", ".join(f"{label}: {count}" for label, count in labels.items()) or "none"],
        ["without a label", str(counts["unlabelled"])],
        ["clips of a speaker", f"{clips['fewest']} to {clips['most']}" if clips else "no speakers"],
        ["without a speaker", str(counts["without_speaker"])],
        ["rated by people", str(counts["rated"])],
        *(
            [modality, ", ".join(f"{count} {state}" for state, count in states.items())]
            for modality, states in counts["modalities"].items()
        ),
        *([f"{modality} features", said] for modality, said in verdict["features"].items()),
    ]


def _findings(findings: list[dict]) -> str:
    rows = [
        [
            f"{each['column'] or 'rows'} ({each['table']})",
            each["expected"],
            each["found"],
            listed(each["rows"]) if each["rows"] else "",
            each["advice"],
        ]
        for each in findings
    ]
    return _table(["where", "expected", "found", "rows", "what to do"], rows)


def _listing(entries: list[dict], keys: list[str]) -> str:
    more = len(entries) - LISTED_AT_MOST
    note = f"<p>… and {more} more, in verdict.json</p>" if more > 0 else ""
    rows = [[_joined(each[key]) for key in keys] for each in entries[:LISTED_AT_MOST]]
    return _table(keys, rows) + note


def _joined(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "; ".join(value)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    def cells(row: list[str]) -> str:  # on a phone each cell stands under its column's name
        pairs = zip(map(html.escape, heads), (html.escape(str(cell)) for cell in row), strict=True)
        return "<tr>" + "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in pairs) + "</tr>"

    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join(map(cells, rows))
    return f'<table class="stacked"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _framed(title: str, body: str) -> str:
    name = html.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{NOTHING_FROM_ELSEWHERE}">'
        f"<style>{STYLE}</style></head>\n<body><h1>{name}</h1>\n{body}\n</body></html>\n"
    )
