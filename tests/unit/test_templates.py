from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync import templates
from mi_sync.model import Applicant, Application, Engagement, Hours, Pay, Posting, Privacy
from mi_sync.templates import ENGAGEMENT, BadTemplate, CannotRender, Templates

CHICAGO = ZoneInfo("America/Chicago")
PUBLIC = frozenset({Privacy.PUBLIC})
ENGAGED = Engagement(
    Application(
        key="application-1",
        posting="posting-1",
        applicant="applicant-1",
        answers={"Why?": "to learn"},
        applied_at=datetime(2026, 3, 2, 3, tzinfo=UTC),
    ),
    Posting(
        key="posting-1",
        title="Dashboard",
        objectives=("See\n more", "Guess less"),
        hours=Hours(estimated=40),
        pay=Pay(min=450, max=450, currency="USD", per="fixed"),
        starts_on=date(2026, 4, 6),
    ),
    Applicant(key="applicant-1", label="AB", name="Ada Byron", email="ada@example.org"),
)


def render(source: str, allow: frozenset[Privacy] = PUBLIC, engagement: Engagement = ENGAGED) -> str:
    variables = templates.of_engagement(engagement, allow)
    return Templates(allow, CHICAGO).text(source, ENGAGEMENT).render(variables)


def refusal(source: str, allow: frozenset[Privacy] = PUBLIC) -> str:
    with pytest.raises(BadTemplate) as refused:
        Templates(allow, CHICAGO).text(source, ENGAGEMENT)
    return "\n".join(refused.value.whys)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{ posting.title }} ({{ applicant.label }})", "Dashboard (AB)"),
        ("{{ posting['title'] }}", "Dashboard"),
        ("[{{ posting.summary }}]", "[]"),
        ("{{ posting.objectives }}", "See more, Guess less"),
        ("{{ posting.objectives|join(' + ') }}", "See\n more + Guess less"),
        ("{{ posting.objectives[-1] }}", "Guess less"),
        ("{{ posting.objectives|bullets }}", "- See more\n- Guess less"),
        ("{{ posting.objectives|lines }}", "See more\nGuess less"),
        ("{{ posting.resources|bullets|section('Resources') }}", ""),
        ("{{ posting.hours.estimated }} h", "40 h"),
        ("{{ 'about ' ~ posting.hours.estimated ~ posting.summary }}", "about 40"),
        ("{{ posting.pay|money }}", "USD 450 (fixed)"),
        ("{{ posting.starts_on|date }}", "Mon 6 Apr 2026"),
        ("{{ application.applied_at|date }}", "Sun 1 Mar 2026"),
        ("{{ posting.starts_on }}", "2026-04-06"),
        ("{{ posting.summary|upper }}{{ posting.summary|truncate(3) }}", ""),
        ("{{ 'a word too many'|truncate(8) }}", "a word…"),
        ("{{ 'yes' if posting.summary }}", ""),
        ("{{ 'a-b'|replace('-', '+') }}", "a+b"),
        ("{% for o in posting.objectives %}{{ loop.index }}{{ ',' if not loop.last }}{% endfor %}", "1,2"),
        ("{% set t = posting.title|lower %}{{ t }}", "dashboard"),
        ("{{ posting.title is none }}", "no"),
    ],
)
def test_a_template_makes_the_text_that_a_reader_expects(source: str, text: str) -> None:
    assert render(source).strip() == text


@pytest.mark.parametrize(
    ("pay", "text"),
    [
        (None, ""),
        (Pay(currency="USD"), ""),
        (Pay(min=15, max=20, currency="USD", per="hour"), "USD 15 to 20 per hour"),
        (Pay(min=15.5, currency="EUR", per="hour"), "EUR from 15.50 per hour"),
        (Pay(max=1250, per="fixed"), "up to 1,250 (fixed)"),
    ],
)
def test_pay_reads_as_people_write_it(pay: Pay | None, text: str) -> None:
    assert templates.money(pay) == text


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("one\n{{ applicant.lable }}", "line 2: applicant has no 'lable'; did you mean 'label'?"),
        ("{{ postng.title }}", "did you mean 'posting'?"),
        ("{{ posting.hours.estimate }}", "posting.hours has no 'estimate'; did you mean 'estimated'?"),
        (
            "{{ applicant.name }}",
            "applicant.name is of the class name, which is not allowed here. Write applicant.label",
        ),
        ("{{ applicant.email }}", "'contact' to [privacy] allow"),
        ("{{ applicant['email'] }}", "of the class contact"),
        ("{{ application.answers['Why?'] }}", "of the class free_text"),
        ("{{ posting }}", "posting is a record; use one of its fields, such as posting.key"),
        ("{% set p = posting %}{{ p }}", "posting is a record"),
        ("{% for posting in posting.skills %}{% endfor %}", "posting is taken"),
        ("line\n{% if %}", "line 2:"),
        ("{{ posting.title|uper }}", "there is no filter 'uper'; did you mean 'upper'?"),
        ("{{ posting.title is nothing }}", "there is no test 'nothing'"),
        ("{{ programme.id }}", "programme has no 'id'"),
        ("{{ loop.index }}", "there is no 'loop' here"),
        ("{{ 'x' " + "~ 'x' " * 5000 + "}}", "longer than"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nested too deeply"),
    ],
)
def test_a_mistake_is_found_when_compiled_and_says_what_to_do(source: str, why: str) -> None:
    assert why in refusal(source)


def test_every_mistake_is_told_at_once() -> None:
    found = refusal("{{ posting.a }}\n{{ applicant.phone }}\n{{ x }}")

    assert [line[:7] for line in found.split("\n")] == ["line 1:", "line 2:", "line 3:"]


ESCAPES = [
    # attributes of Python's own objects, also under other names for them
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''['__cla' ~ 'ss__'] }}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ posting.__class__.__mro__ }}",
    "{{ posting.__dict__ }}",
    "{{ posting.title.__init__.__globals__ }}",
    "{{ posting.title.format.__func__ }}",
    "{% set c = '__class__' %}{{ posting[c] }}",
    "{{ posting['super' ~ 'visor_email'] }}",
    "{% for name in ['email'] %}{{ applicant[name] }}{% endfor %}",
    "{{ [posting][0].supervisor_email }}",
    "{{ (posting).supervisor_email }}",
    "{{ (posting if true).supervisor_email }}",
    "{{ (posting or posting).supervisor_email }}",
    # CVE-2025-27516: a filter that fetches attributes past the sandbox
    "{{ ''|attr('__class__') }}",
    "{{ posting|attr('supervisor_email') }}",
    "{{ ''|attr('format')('{0.__class__}') }}",
    "{{ ['x']|map(attribute='__class__')|first }}",
    "{{ ['x']|map('attr', '__class__')|first }}",
    "{{ [applicant]|map(attribute='email')|join }}",
    "{{ [applicant]|selectattr('email')|first }}",
    "{{ [applicant]|groupby('email') }}",
    "{{ [applicant]|sum(attribute='email') }}",
    "{{ [applicant]|sort(attribute='__class__') }}",
    "{{ [applicant]|unique(attribute='email')|first }}",
    "{{ [applicant]|max(attribute='email') }}",
    "{{ [applicant]|join(attribute='email') }}",
    # CVE-2016-10745, CVE-2019-10906, CVE-2024-56326: the formatting of strings, called or passed on
    "{{ '{0.__class__}'.format(posting) }}",
    "{{ '{x.__class__}'.format_map({'x': posting}) }}",
    "{{ ('{0.__class__}'|string).format(posting) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(posting) }}",
    "{{ '%s'|format(posting) }}",
    "{{ '%s' % posting }}",
    "{{ posting|string }}",
    "{{ posting|tojson }}",
    "{{ posting|pprint }}",
    "{{ posting|xmlattr }}",
    "{{ posting|list }}",
    "{{ posting|items }}",
    # what Jinja2 brings along
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum(1000000) }}",
    "{{ dict(x=1) }}",
    "{% set ns = namespace(x=1) %}",
    "{% set posting.title = 'x' %}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ context }}",
    "{{ config }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ loop.cycle('a') }}",
    "{% for a in 'ab' %}{{ loop.__init__ }}{% endfor %}",
    "{% for a in 'ab' recursive %}{{ loop('ab') }}{% endfor %}",
    "{% for a in 'ab' recursive %}{% endfor %}",
    "{% include 'x' %}",
    "{% include '/etc/passwd' %}",
    "{% import 'x' as x %}",
    "{% from 'os' import system %}",
    "{% extends 'x' %}",
    "{% macro m() %}{{ m() }}{% endmacro %}",
    "{% call m() %}{% endcall %}",
    "{% block b %}{% endblock %}",
    "{% with x = posting %}{{ x.supervisor_email }}{% endwith %}",
    "{% set x %}{{ posting }}{% endset %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape false %}{% endautoescape %}",
    "{% do posting %}",
    "{% debug %}",
    "{% print posting %}",
    "{{ _('x') }}",
    "{{ __import__('os') }}",
    "{{ {'a': posting} }}",
    # size and time
    "{{ '%099999999d' % 1 }}",
    "{{ range(10 ** 9)|list }}",
    "{{ 'a' * 10 ** 9 }}",
    "{{ ['a'] * 10 ** 9 }}",
    "{{ 2 ** 10 ** 9 }}",
    "{{ 10 // 0.0000001 }}",
    "{{ " + "9" * 15_000 + " }}",
    "{% for i in range(999999999) %}{% endfor %}",
    "{% for a in 'ab' %}{% for b in 'ab' %}{% for c in 'ab' %}{% endfor %}{% endfor %}{% endfor %}",
    "{{ 'x'|center(999999999) }}",
    "{{ 'x'|indent(999999999) }}",
    "{{ 'x'|wordwrap(1) }}",
    "{{ 'x'|batch(999999999)|first }}",
    "{{ 'x'|slice(999999999)|first }}",
    "{{ 1|round(999999999) }}",
    "{{ 'x'|urlize }}",
    "{{ posting.title is sameas posting }}",
    "{{ 'upper' is filter }}",
    "{{ 'x' is callable }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_known_ways_out_of_a_sandbox_are_refused(source: str) -> None:
    try:
        rendered = render(source)
    except (BadTemplate, CannotRender):
        return
    pytest.fail(f"made {rendered!r}")


@pytest.mark.parametrize("source", [it[3:-3] for it in ESCAPES if it.startswith("{{ ") and it.count("{{") == 1])
def test_a_condition_is_no_way_out_of_the_sandbox(source: str) -> None:
    compiler, variables = Templates(PUBLIC, CHICAGO), templates.of_engagement(ENGAGED, PUBLIC)
    with pytest.raises((BadTemplate, CannotRender)):
        compiler.condition(source, ENGAGEMENT).holds(variables)


@pytest.mark.parametrize(
    "value", ["{{ 7*7 }}", "{% for x in y %}", "{# x #}", "{0.__class__}", "%(x)s", "${x}", "$(id)"]
)
def test_what_a_record_says_is_never_taken_for_a_template(value: str) -> None:
    hostile = ENGAGED.posting.model_copy(update={"title": value, "summary": value})
    engagement = Engagement(ENGAGED.application, hostile, ENGAGED.applicant)
    assert (
        render("{{ posting.title }}|{% set x = posting.summary ~ '' %}{{ x|trim }}", engagement=engagement)
        == f"{value}|{value}"
    )


@pytest.mark.parametrize(
    "source",
    [
        "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x ~ x ~ x ~ x ~ x ~ x ~ x ~ x ~ x %}" * 20,
        "{{ 'aaaaaaaaaa'" + "|replace('a', 'aaaaaaaaaa')" * 20 + " }}",
        "{{ 'aaaaaaaaaa'" + "|join('aaaaaaaaaa')" * 20 + " }}",
        "{% for a in posting.summary %}{% endfor %}",
        "{{ ([" + "posting.summary, " * 100 + "]|bullets)|length }}",
        "{{ (" + "posting.summary ~ " * 100 + "'')|length }}",
        "{% for a in posting.skills %}{% for b in posting.skills %}{{ posting.title }}{% endfor %}{% endfor %}",
        "{% set x = posting.summary|replace('x', 'xxxxxxxxxx') %}{{ (" + "x + (" * 60 + "x" + ")" * 60 + ")|length }}",
    ],
)
def test_a_template_that_grows_without_end_is_stopped(source: str) -> None:
    big = ENGAGED.posting.model_copy(update={"summary": "x" * 2000, "skills": tuple("x" * 900)})

    with pytest.raises(CannotRender, match="makes more than"):
        render(source, engagement=Engagement(ENGAGED.application, big, ENGAGED.applicant))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "inner",
    [
        "{% if " + "posting.summary|upper and " * 5 + "false %}x{% endif %}",
        "{% if " + "'y' in posting.summary or " * 100 + "false %}x{% endif %}",
        "{% set z = posting.summary|sort %}",
        "{% set z = posting.skills|unique|sort|reverse|first %}",
    ],
)
@pytest.mark.parametrize("loop", ["posting.skills", "posting.skills|reverse", "posting.skills + posting.skills"])
def test_a_template_that_works_without_end_is_stopped(inner: str, loop: str) -> None:
    skills = tuple(f"skill {number}" for number in range(500))
    big = ENGAGED.posting.model_copy(update={"summary": "x" * 90_000, "skills": skills})
    source = f"{{% for a in {loop} %}}{{% for b in {loop} %}}{inner}{{% endfor %}}{{% endfor %}}"
    with pytest.raises(CannotRender, match="too much work"):
        render(source, engagement=Engagement(ENGAGED.application, big, ENGAGED.applicant))


def test_a_long_text_of_much_is_no_reason_to_stop() -> None:
    many = tuple(f"Objective {number}" for number in range(500))
    big = ENGAGED.posting.model_copy(update={"summary": "x" * 90_000, "objectives": many})
    source = "{{ posting.summary|trim|truncate(50000) }}{% for o in posting.objectives %}{{ loop.index }}. {{ o|upper }}\n{% endfor %}"
    assert len(render(source, engagement=Engagement(ENGAGED.application, big, ENGAGED.applicant))) > 55_000


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ posting.title.upper }}", "only records have fields"),
        ("{{ application.answers['items'] }}", "no text"),
        ("{{ application.answers['nope'] }}", "has no"),
        ("{{ posting.title + 1 }}", "TypeError"),
        ("{{ posting.skills[0] }}", "guard it"),
    ],
)
def test_what_does_not_fit_a_record_is_an_error_and_never_shows_a_value(source: str, why: str) -> None:
    with pytest.raises((BadTemplate, CannotRender)) as failed:
        render(source, PUBLIC | {Privacy.FREE_TEXT})

    assert why in str(failed.value)
    assert "Dashboard" not in str(failed.value)


def test_what_is_allowed_may_be_used() -> None:
    allow = PUBLIC | {Privacy.NAME, Privacy.CONTACT, Privacy.FREE_TEXT}
    source = "{{ applicant.name }}, {{ applicant.label }}, {{ applicant.email }}: {{ application.answers['Why?'] }}"

    assert render(source, allow) == "Ada Byron, Ada Byron, ada@example.org: to learn"


def test_a_condition_is_one_expression() -> None:
    compiler = Templates(PUBLIC, CHICAGO)
    variables = templates.of_engagement(ENGAGED, PUBLIC)

    def holds(source: str) -> bool:
        return compiler.condition(source, ENGAGEMENT).holds(variables)

    assert holds("posting.title in ['Dashboard'] and not posting.remote")
    assert not holds("posting.remote")
    for source in ("posting.remote posting.title", "true }}{{ 1", "", "applicant.email", "posting"):
        with pytest.raises(BadTemplate):
            compiler.condition(source, ENGAGEMENT)


def test_a_view_holds_the_allowed_fields_and_nothing_else() -> None:
    shown: Mapping[str, Any] = vars(templates.view(ENGAGED.applicant, PUBLIC))

    assert set(shown) == {"key", "initials", "label", "channel"}


@settings(deadline=None)
@given(st.text(alphabet="{}%|.'[]()~ _abposting\n", max_size=60))
def test_no_source_makes_anything_but_text_or_a_named_error(source: str) -> None:
    try:
        assert isinstance(render(source), str)
    except (BadTemplate, CannotRender) as refused:
        assert str(refused)  # noqa: PT017  either outcome is right, but an error must say why
