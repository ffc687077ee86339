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


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ posting.__class__.__mro__ }}",
        "{{ posting|attr('supervisor_email') }}",
        "{{ posting['super' ~ 'visor_email'] }}",
        "{% for name in ['email'] %}{{ applicant[name] }}{% endfor %}",
        "{{ [posting][0].supervisor_email }}",
        "{{ (posting).supervisor_email }}",
        "{{ (posting if true).supervisor_email }}",
        "{{ [applicant]|map(attribute='email')|join }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ '{0.__class__}'.format(posting) }}",
        "{{ '%s'|format(posting) }}",
        "{{ posting|string }}",
        "{{ posting|tojson }}",
        "{{ '%099999999d' % 1 }}",
        "{{ range(10 ** 9)|list }}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ 2 ** 10 ** 9 }}",
        "{% for i in range(999999999) %}{% endfor %}",
        "{% include 'x' %}",
        "{% import 'x' as x %}",
        "{% extends 'x' %}",
        "{% macro m() %}{% endmacro %}",
        "{% set x %}{{ posting }}{% endset %}",
        "{% filter upper %}x{% endfilter %}",
        "{% for a in 'ab' %}{% for b in 'ab' %}{% for c in 'ab' %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ 'x'|center(999999999) }}",
        "{{ 1|round(999999999) }}",
    ],
)
def test_known_ways_out_of_a_sandbox_are_refused(source: str) -> None:
    refusal(source)


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
    ],
)
def test_a_template_that_grows_without_end_is_stopped(source: str) -> None:
    big = ENGAGED.posting.model_copy(update={"summary": "x" * 2000, "skills": tuple("x" * 900)})

    with pytest.raises(CannotRender, match="makes more than"):
        render(source, engagement=Engagement(ENGAGED.application, big, ENGAGED.applicant))


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
